/**
 * The C client's row: cli_mt (libzookeeper_mt with a prompt) and load_gen, both from zookeeper-bin.
 *
 * cli_mt always asks for a session of 30 s, so this row's server grants 4 s at most. It creates with
 * the open ACL only, so a node with another one is made by zkCli.sh. Its -m option, a session id and
 * password from a file, opens a new session in 3.8.0 whatever the server, so nothing is asked of it.
 */
import assert from 'node:assert/strict';
import { run } from '../harness/child.ts';
import { cliMt, loadGen, zkCli } from '../harness/debian.ts';
import { Dialogue } from '../harness/dialogue.ts';
import { FeatureRunner } from './feature-runner.ts';
import type { Place, Row } from './row.ts';

const CONNECTED = /SESSION_EVENT state = CONNECTED_STATE/;
const CONNECTING = /SESSION_EVENT state = CONNECTING_STATE/;
const DEADLINE_MS = 60_000;

export const cClient: Row = {
  client: 'C',
  packages: ['zookeeper-bin', 'zookeeper', 'libzookeeper-java'],
  config: { minSessionTimeout: 1000, maxSessionTimeout: 4000 },
  async run(place) {
    const runner = new FeatureRunner();
    const row = new CClient(place, runner);
    await row.run();
    return runner.outcome;
  },
};

class CClient {
  readonly #place: Place;
  readonly #runner: FeatureRunner;
  readonly #direct: string;
  readonly #proxied: string;

  constructor(place: Place, runner: FeatureRunner) {
    this.#place = place;
    this.#runner = runner;
    this.#direct = place.server.address;
    this.#proxied = `127.0.0.1:${place.proxy.port}`;
  }

  async run(): Promise<void> {
    const runner = this.#runner;
    await runner.feature('session', () => this.#session());
    await runner.feature('read-write', () => this.#readWrite());
    await runner.feature('node-kinds', () => this.#nodeKinds());
    await runner.feature('sequences', () => this.#sequences());
    await runner.feature('pipelining', () => this.#pipelining());
    await runner.feature('watches', () => this.#watches());
    await runner.feature('watches-over-reconnect', () => this.#watchesOverReconnect());
    await runner.feature('ephemerals', () => this.#ephemerals());
    await runner.feature('ephemerals-over-reconnect', () => this.#ephemeralsOverReconnect());
    await runner.feature('session-expiry', () => this.#sessionExpiry());
    await runner.feature('acls', () => this.#acls());
    await runner.feature('super-user', () => this.#superUser());
    await runner.feature('auth-failure', () => this.#authFailure());
    await runner.feature('containers', () => this.#swept('/c/box', 'create +c /c/box'));
    await runner.feature('ttl', () => this.#swept('/c/short', 'create +t=1000 /c/short'));
    await runner.feature('sync', () => this.#sync());
    await runner.feature('chroot', () => this.#chroot());
    await runner.feature('read-only-flag', () => this.#readOnlyFlag());
    await runner.feature('config-node', () => this.#configNode());
    await runner.feature('load', () => this.#load());
  }

  async #open(address = this.#direct, ...args: readonly string[]): Promise<Dialogue> {
    const cli = this.#runner.with(new Dialogue(cliMt, ['-h', address, ...args]));
    await cli.hear(CONNECTED);
    return cli;
  }

  async #session(): Promise<void> {
    const cli = await this.#open();
    const said = await cli.hear(/^Got a new session id: 0x/);
    const id = said.slice(said.indexOf('0x'));
    const cons = await this.#place.server.ask('cons');
    const mine = cons.split('\n').filter((line) => line.includes(`sid=${id},`));
    assert.equal(mine.length, 1, `one line of cons with ${id}:\n${cons}`);
    assert.match(mine[0] ?? '', /,to=4000,/, 'the negotiated timeout');
    await cli.say('create /c', /^\[\/c\]: rc = 0$/, /name = \/c$/);
    await cli.quit();
  }

  async #readWrite(): Promise<void> {
    const cli = await this.#open();
    await cli.say(
      'create2 /c/rw',
      /^\[\/c\/rw\]: rc = 0$/,
      /name = \/c\/rw$/,
      /version=0\s+aversion=0/,
    );
    await cli.say('create /c/rw', /rc = -110$/);
    await cli.say('get /c/rw', /^\/c\/rw: rc = 0$/, /value_len = 3$/, /^new$/, /version=0/);
    await cli.say('set /c/rw other', /^\/c\/rw: rc = 0 Stat:$/, /version=1/);
    await cli.say('get /c/rw', /value_len = 5$/, /^other$/);
    await cli.say('create /c/rw/kid', /name = \/c\/rw\/kid$/);
    await cli.say('ls /c/rw', /^\/c\/rw: rc = 0$/, /^\tkid$/);
    await cli.say('ls2 /c/rw', /^\/c\/rw: rc = 0$/, /^\tkid$/, /version=1/);
    await cli.say('delete /c/rw', /^\/c\/rw: rc = -111$/);
    await cli.say('delete /c/rw/kid', /^\/c\/rw\/kid: rc = 0$/);
    await cli.say('delete /c/rw', /^\/c\/rw: rc = 0$/);
    await cli.say('get /c/rw', /^\/c\/rw: rc = -101$/);
    await cli.say('exists /c/rw', /-101/);
    await cli.say('set /c/none x', /^\/c\/none: rc = -101/);
    await cli.say('create /c/none/x', /rc = -101$/);
  }

  async #nodeKinds(): Promise<void> {
    const cli = await this.#open();
    await cli.say('create2 +e /c/e', /name = \/c\/e$/, /ephemeralOwner = 1[0-9a-f]{14}$/);
    await cli.say('create /c/e/x', /rc = -108$/);
    await cli.say('create2 +t=600000 /c/t', /name = \/c\/t$/, /ephemeralOwner = 0$/);
    await cli.say('create2 +c /c/c', /name = \/c\/c$/, /ephemeralOwner = 0$/);
    await cli.say('create /c/c/kid', /name = \/c\/c\/kid$/);
  }

  async #sequences(): Promise<void> {
    const cli = await this.#open();
    await cli.say('create /c/seq', /name = \/c\/seq$/);
    await cli.say('create +s /c/seq/n-', /name = \/c\/seq\/n-0000000000$/);
    await cli.say('create +es /c/seq/n-', /name = \/c\/seq\/n-0000000001$/);
    await cli.say('create +st=600000 /c/seq/n-', /name = \/c\/seq\/n-0000000002$/);
  }

  /** `od`: 200 sets of 64 KiB and 200 gets with a watch, none waiting for another. */
  async #pipelining(): Promise<void> {
    const cli = await this.#open();
    await cli.say('create /od', /name = \/od$/);
    await cli.say(
      'od',
      /^od command response: rc = 0/,
      /^Recvd 200 responses for 200 requests sent$/,
    );
    assert.ok(
      !cli.child.lines.some((line) => /^Data completion .* rc = -/.test(line)),
      'a request failed',
    );
  }

  async #watches(): Promise<void> {
    const cli = await this.#open();
    const other = await this.#open();
    cli.child.write('exists /c/w');
    await cli.say('sync /c', /^\[\/c\]: rc = 0$/);
    await other.say('create /c/w', /name = \/c\/w$/);
    await cli.hear(/^Watcher CREATED_EVENT state = CONNECTED_STATE for path \/c\/w$/);
    await cli.say('get /c/w', /value_len = 3/);
    await other.say('set /c/w x', /rc = 0/);
    await cli.hear(/^Watcher CHANGED_EVENT state = CONNECTED_STATE for path \/c\/w$/);
    await cli.say('ls /c/w', /rc = 0/);
    await other.say('create /c/w/kid', /rc = 0/);
    await cli.hear(/^Watcher CHILD_EVENT state = CONNECTED_STATE for path \/c\/w$/);
    await cli.say('get /c/w/kid', /value_len = 3/);
    await other.say('delete /c/w/kid', /rc = 0/);
    await cli.hear(/^Watcher DELETED_EVENT state = CONNECTED_STATE for path \/c\/w\/kid$/);
  }

  async #watchesOverReconnect(): Promise<void> {
    const cli = await this.#open(this.#proxied);
    const other = await this.#open();
    await other.say('create /c/missed', /rc = 0/);
    await other.say('create /c/live', /rc = 0/);
    await cli.say('get /c/missed', /value_len = 3/);
    await cli.say('get /c/live', /value_len = 3/);
    this.#place.proxy.pause();
    await other.say('set /c/missed x', /rc = 0/);
    this.#place.proxy.resume();
    await cli.hear(CONNECTING, CONNECTED, /^Watcher CHANGED_EVENT .* for path \/c\/missed$/);
    await other.say('set /c/live x', /rc = 0/);
    await cli.hear(/^Watcher CHANGED_EVENT .* for path \/c\/live$/);
  }

  async #ephemerals(): Promise<void> {
    const cli = await this.#open();
    const other = await this.#open();
    await cli.say('create +e /c/eph', /rc = 0/);
    await other.say('get /c/eph', /value_len = 3/);
    await cli.quit();
    await other.hear(/^Watcher DELETED_EVENT .* for path \/c\/eph$/);
  }

  async #ephemeralsOverReconnect(): Promise<void> {
    const cli = await this.#open(this.#proxied);
    const other = await this.#open();
    await cli.say('create +e /c/stays', /rc = 0/);
    await other.say('get /c/stays', /value_len = 3/);
    this.#place.proxy.cut();
    await cli.hear(CONNECTING, CONNECTED);
    await cli.say('set /c/stays x', /rc = 0 Stat:/);
    await other.hear(/^Watcher CHANGED_EVENT .* for path \/c\/stays$/);
    await other.say('get /c/stays', /rc = 0/);
  }

  async #sessionExpiry(): Promise<void> {
    const cli = await this.#open(this.#proxied);
    const other = await this.#open();
    await cli.say('create +e /c/mortal', /rc = 0/);
    await other.say('get /c/mortal', /value_len = 3/);
    this.#place.proxy.pause();
    await other.hear(/^Watcher DELETED_EVENT .* for path \/c\/mortal$/);
    this.#place.proxy.resume();
    await cli.hear(/^Session expired. Shutting down/);
  }

  async #acls(): Promise<void> {
    const acl = 'digest:ann:7RJfAeIvrl4zdj6sS2fXrQHDvHM=:cdrwa';
    await run(zkCli, ['-server', this.#direct, 'create', '/c/locked', 'new', acl], {
      deadlineMs: DEADLINE_MS,
      env: { CLASSPATH: '' },
    });
    const cli = await this.#open();
    await cli.say('get /c/locked', /^\/c\/locked: rc = -102$/);
    await cli.say('set /c/locked x', /rc = -102/);
    cli.child.write('addauth digest ann:secret');
    await cli.say('get /c/locked', /^\/c\/locked: rc = 0$/);
    await cli.say('set /c/locked x', /rc = 0 Stat:/);
  }

  async #superUser(): Promise<void> {
    const cli = await this.#open();
    await cli.say('get /c/locked', /rc = -102$/);
    cli.child.write('addauth digest super:admin');
    await cli.say('set /c/locked y', /rc = 0 Stat:/);
  }

  async #authFailure(): Promise<void> {
    const cli = await this.#open();
    await cli.say('addauth nosuch x', /SESSION_EVENT state = AUTH_FAILED_STATE/);
    await cli.hear(/^Authentication failure. Shutting down/);
  }

  /** A node that the server removes by itself once its child is gone. */
  async #swept(path: string, create: string): Promise<void> {
    const cli = await this.#open();
    await cli.say(create, /rc = 0/);
    await cli.say(`create ${path}/kid`, /rc = 0/);
    await cli.say(`get ${path}`, /value_len = 3/);
    await cli.say(`delete ${path}/kid`, /rc = 0/);
    await cli.hear(new RegExp(`^Watcher DELETED_EVENT .* for path ${path}$`));
  }

  async #sync(): Promise<void> {
    const cli = await this.#open();
    await cli.say('sync /c/anything', /^\[\/c\/anything\]: rc = 0$/, /name = \/c\/anything$/);
  }

  async #chroot(): Promise<void> {
    const cli = await this.#open();
    await cli.say('create /c/root', /rc = 0/);
    const below = await this.#open(`${this.#direct}/c/root`);
    await below.say('create /x', /^\[\/x\]: rc = 0$/, /name = \/x$/);
    await below.say('get /x', /value_len = 3/);
    await cli.say('set /c/root/x y', /rc = 0/);
    await below.hear(/^Watcher CHANGED_EVENT .* for path \/x$/);
  }

  async #readOnlyFlag(): Promise<void> {
    const cli = await this.#open(this.#direct, '-r');
    await cli.say('create /c/ro', /rc = 0$/);
  }

  async #configNode(): Promise<void> {
    const cli = await this.#open();
    await cli.say('config', /^\/zookeeper\/config: rc = 0$/);
  }

  async #load(): Promise<void> {
    const nodes = 2000;
    const load = this.#runner.with(new Dialogue(loadGen, [this.#direct, '/load', String(nodes)]));
    await load.hear(
      /Creating children for path/,
      /Starting the write cycle/,
      /Starting the read cycle/,
      /Starting the delete cycle/,
      /Creating children for path/,
      /Starting the delete cycle/,
    );
    await load.kill();
    const complaints = load.child.lines.filter((line) => /Failed|Invalid|ERROR/.test(line));
    assert.deepEqual(complaints, []);
    const cleaned = await run(loadGen, [this.#direct, '/load', 'clean'], {
      deadlineMs: DEADLINE_MS,
    });
    assert.ok(cleaned.some((line) => line.includes('Successfully deleted a subtree')));
  }
}
