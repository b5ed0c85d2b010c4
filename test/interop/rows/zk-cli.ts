/**
 * The row of zkCli.sh: its commands typed into a pipe, their printed answers compared.
 *
 * A command's answer ends where that of the next one begins, so each is followed by `ls` of a path
 * that is not there, whose complaint is the end mark. Complaints go to stderr; the shell joins both
 * streams so that their order is kept.
 */
import assert from 'node:assert/strict';
import { run } from '../harness/child.ts';
import { zkCli } from '../harness/debian.ts';
import { Dialogue } from '../harness/dialogue.ts';
import { FeatureRunner } from './feature-runner.ts';
import type { Place, Row } from './row.ts';

const ONE_SHOT_DEADLINE_MS = 60_000;

export const zkCliRow: Row = {
  client: 'zkCli.sh',
  packages: ['zookeeper', 'libzookeeper-java'],
  async run(place) {
    const runner = new FeatureRunner();
    await new ZkCli(place, runner).run();
    return runner.outcome;
  },
};

class ZkCli {
  readonly #address: string;
  readonly #runner: FeatureRunner;
  #cli: Dialogue;
  #marks = 0;

  constructor(place: Place, runner: FeatureRunner) {
    this.#address = place.server.address;
    this.#runner = runner;
    this.#cli = this.#open();
  }

  async run(): Promise<void> {
    const runner = this.#runner;
    await this.#connected();
    await runner.feature('read-write', () => this.#readWrite());
    await runner.feature('node-kinds', () => this.#nodeKinds());
    await runner.feature('sequences', () => this.#sequences());
    await runner.feature('watches', () => this.#watches());
    await runner.feature('persistent-watches', () => this.#persistentWatches());
    await runner.feature('remove-watches', () => this.#removeWatches());
    await runner.feature('quotas', () => this.#quotas());
    await runner.feature('sync', () => this.#is('sync /cli', 'Sync is OK'));
    await runner.feature('get-ephemerals', () => this.#getEphemerals());
    await runner.feature('all-children-number', () => this.#allChildrenNumber());
    await runner.feature('config-node', () => this.#is('config', ''));
    await runner.feature('ephemerals', () => this.#ephemerals());
    await runner.feature('who-am-i', () => this.#whoAmI());
    await runner.feature('acls', () => this.#acls());
    await runner.feature('super-user', () => this.#superUser());
    await runner.feature('chroot', () => this.#chroot());
    await this.#cli.quit();
    await runner.feature('read-only-flag', () => this.#readOnlyFlag());
  }

  #open(...options: readonly string[]): Dialogue {
    const args = ['-c', 'exec "$0" "$@" 2>&1', zkCli, '-server', this.#address, ...options];
    return new Dialogue('/bin/sh', args, { group: true });
  }

  async #connected(): Promise<void> {
    await this.#cli.hear(/WatchedEvent state:SyncConnected type:None/);
    await this.#do('create /cli root');
  }

  /** What a command prints, blank lines left out. */
  async #do(command: string): Promise<readonly string[]> {
    const mark = `/mark-${this.#marks++}`;
    this.#cli.child.write(command);
    const lines = await this.#cli.answer(`ls ${mark}`, new RegExp(`Node does not exist: ${mark}$`));
    return lines.filter((line) => line.trim() !== '');
  }

  async #is(command: string, ...answer: readonly string[]): Promise<void> {
    assert.deepEqual(
      await this.#do(command),
      answer.filter((line) => line !== ''),
      command,
    );
  }

  async #has(command: string, ...parts: readonly RegExp[]): Promise<void> {
    const printed = (await this.#do(command)).join('\n');
    for (const part of parts) assert.match(printed, part, command);
  }

  async #readWrite(): Promise<void> {
    await this.#is('create /cli/x one', 'Created /cli/x');
    await this.#is('create /cli/x one', 'Node already exists: /cli/x');
    await this.#is('get /cli/x', 'one');
    await this.#has(
      'get -s /cli/x',
      /^one$/m,
      /^cZxid = 0x/m,
      /^dataVersion = 0$/m,
      /^dataLength = 3$/m,
    );
    await this.#is('set /cli/x three');
    await this.#has('set -s /cli/x two', /^dataVersion = 2$/m);
    await this.#is('set -v 0 /cli/x four', 'version No is not valid : /cli/x');
    await this.#is('create /cli/x/b', 'Created /cli/x/b');
    await this.#is('create /cli/x/a', 'Created /cli/x/a');
    await this.#is('ls /cli/x', '[a, b]');
    await this.#is('ls -R /cli', '/cli', '/cli/x', '/cli/x/a', '/cli/x/b');
    await this.#has('ls -s /cli/x', /^\[a, b\]/, /^numChildren = 2$/m, /^cversion = 2$/m);
    await this.#has('stat /cli/x', /^mZxid = 0x/m, /^ephemeralOwner = 0x0$/m, /^dataVersion = 2$/m);
    await this.#is('delete /cli/x', 'Node not empty: /cli/x');
    await this.#is('delete -v 7 /cli/x/a', 'version No is not valid : /cli/x/a');
    await this.#is('delete /cli/x/a');
    await this.#is('delete /cli/none', 'Node does not exist: /cli/none');
    await this.#is('deleteall /cli/x');
    await this.#is('ls /cli', '[]');
  }

  async #nodeKinds(): Promise<void> {
    await this.#is('create -e /cli/e d', 'Created /cli/e');
    await this.#has('stat /cli/e', /^ephemeralOwner = 0x1[0-9a-f]{14}$/m);
    await this.#is('create /cli/e/x', 'Ephemerals cannot have children: /cli/e/x');
    await this.#is('create -c /cli/c d', 'Created /cli/c');
    await this.#is('create -t 600000 /cli/t d', 'Created /cli/t');
    await this.#has('stat /cli/t', /^ephemeralOwner = 0x0$/m);
  }

  async #sequences(): Promise<void> {
    await this.#is('create /cli/seq', 'Created /cli/seq');
    await this.#is('create -s /cli/seq/n- d', 'Created /cli/seq/n-0000000000');
    await this.#is('create -s -e /cli/seq/n- d', 'Created /cli/seq/n-0000000001');
    await this.#is('create -s -t 600000 /cli/seq/n- d', 'Created /cli/seq/n-0000000002');
  }

  async #watches(): Promise<void> {
    await this.#is('create /cli/w one', 'Created /cli/w');
    await this.#is('get -w /cli/w', 'one');
    await this.#cli.say('set /cli/w two', /type:NodeDataChanged path:\/cli\/w$/);
    await this.#is('ls -w /cli/w', '[]');
    await this.#cli.say('create /cli/w/kid', /type:NodeChildrenChanged path:\/cli\/w$/);
    await this.#has('stat -w /cli/w/kid', /dataVersion = 0/);
    await this.#cli.say('delete /cli/w/kid', /type:NodeDeleted path:\/cli\/w\/kid$/);
  }

  async #persistentWatches(): Promise<void> {
    await this.#is('create /cli/pw', 'Created /cli/pw');
    await this.#is('addWatch /cli/pw');
    await this.#cli.say('create /cli/pw/a', /type:NodeCreated path:\/cli\/pw\/a$/);
    await this.#cli.say('set /cli/pw/a x', /type:NodeDataChanged path:\/cli\/pw\/a$/);
    await this.#cli.say('set /cli/pw/a y', /type:NodeDataChanged path:\/cli\/pw\/a$/);
    await this.#is('create /cli/pw1', 'Created /cli/pw1');
    await this.#is('addWatch -m PERSISTENT /cli/pw1');
    await this.#cli.say('create /cli/pw1/a', /type:NodeChildrenChanged path:\/cli\/pw1$/);
    await this.#cli.say('set /cli/pw1 x', /type:NodeDataChanged path:\/cli\/pw1$/);
  }

  async #removeWatches(): Promise<void> {
    await this.#cli.say('removewatches /cli/pw -a', /type:PersistentWatchRemoved path:\/cli\/pw$/);
    await this.#is('set /cli/pw/a z');
    await this.#is('removewatches /cli/pw', 'KeeperErrorCode = No such watcher for /cli/pw');
  }

  async #quotas(): Promise<void> {
    await this.#is('create /cli/q one', 'Created /cli/q');
    await this.#do('setquota -n 5 /cli/q');
    await this.#do('setquota -N 2 /cli/q');
    await this.#do('setquota -B 10 /cli/q');
    await this.#has(
      'listquota /cli/q',
      /Output quota for \/cli\/q count=5,bytes=-1=;byteHardLimit=10;countHardLimit=2/,
      /Output stat for \/cli\/q count=1,bytes=3/,
    );
    await this.#is('create /cli/q/a', 'Created /cli/q/a');
    await this.#is('create /cli/q/b', 'Quota has exceeded : /cli/q/b');
    await this.#is('set /cli/q/a 12345678', 'Quota has exceeded : /cli/q/a');
    await this.#do('delquota -N /cli/q');
    await this.#is('create /cli/q/b', 'Created /cli/q/b');
    await this.#do('delquota /cli/q');
    await this.#has('listquota /cli/q', /quota for \/cli\/q does not exist/);
    await this.#is('set /cli/q/a 12345678');
  }

  async #getEphemerals(): Promise<void> {
    await this.#is('create -e /cli/ge-1', 'Created /cli/ge-1');
    await this.#is('create -e /cli/ge-2', 'Created /cli/ge-2');
    await this.#has('getEphemerals /cli/ge', /^\[\/cli\/ge-(1, \/cli\/ge-2|2, \/cli\/ge-1)\]$/);
    await this.#has('getEphemerals', /\/cli\/e\b/, /\/cli\/ge-1/);
  }

  async #allChildrenNumber(): Promise<void> {
    await this.#is('create /cli/n', 'Created /cli/n');
    await this.#is('create /cli/n/a', 'Created /cli/n/a');
    await this.#is('create /cli/n/a/b', 'Created /cli/n/a/b');
    await this.#is('getAllChildrenNumber /cli/n', '2');
  }

  async #ephemerals(): Promise<void> {
    await this.#has('stat /cli/ge-1', /ephemeralOwner = 0x1/);
    await this.#reconnect(this.#address);
    await this.#is('stat /cli/ge-1', 'Node does not exist: /cli/ge-1');
  }

  async #reconnect(address: string): Promise<void> {
    this.#cli.child.write('close');
    await this.#cli.say(`connect ${address}`, /WatchedEvent state:SyncConnected type:None/);
  }

  async #whoAmI(): Promise<void> {
    await this.#is('whoami', 'Auth scheme: User', 'ip: 127.0.0.1');
    await this.#is('addauth digest ann:secret');
    // Java keeps the identities in a hash set: their order says nothing.
    const both = (await this.#do('whoami')).toSorted();
    assert.deepEqual(both, ['Auth scheme: User', 'digest: ann', 'ip: 127.0.0.1']);
  }

  async #acls(): Promise<void> {
    const digest = 'ann:7RJfAeIvrl4zdj6sS2fXrQHDvHM=';
    await this.#is('create /cli/mine one auth::cdrwa', 'Created /cli/mine');
    await this.#is('getAcl /cli/mine', `'digest,'${digest}`, ': cdrwa');
    await this.#has('getAcl -s /cli/mine', /aclVersion = 0/);
    await this.#reconnect(this.#address);
    await this.#is('get /cli/mine', 'Insufficient permission : /cli/mine');
    await this.#is('addauth digest ann:secret');
    await this.#is('get /cli/mine', 'one');
    await this.#is(`setAcl /cli/mine world:anyone:r,ip:127.0.0.1:w,digest:${digest}:a`);
    await this.#has(
      'getAcl -s /cli/mine',
      /'world,'anyone\n: r\n'ip,'127.0.0.1\n: w\n/,
      /aclVersion = 1/,
    );
    await this.#is('set /cli/mine two');
    await this.#is('setAcl /cli/mine nosuch:x:r', 'Acl is not valid : /cli/mine');
    await this.#is('create /cli/mine/kid', 'Insufficient permission : /cli/mine/kid');
  }

  async #superUser(): Promise<void> {
    await this.#reconnect(this.#address);
    await this.#is('addauth digest super:admin');
    await this.#is('create /cli/mine/kid', 'Created /cli/mine/kid');
    await this.#is('deleteall /cli/mine');
  }

  async #chroot(): Promise<void> {
    await this.#is('create /cli/root', 'Created /cli/root');
    await this.#reconnect(`${this.#address}/cli/root`);
    await this.#is('create /x one', 'Created /x');
    await this.#is('ls /', '[x]');
    await this.#cli.say('get -w /x', /^one$/);
    await this.#cli.say('set /x two', /type:NodeDataChanged path:\/x$/);
  }

  /** One command on the command line, with -r; its exit code is the verdict. */
  async #readOnlyFlag(): Promise<void> {
    const lines = await run(zkCli, ['-server', this.#address, '-r', 'create', '/cli/ro', 'x'], {
      deadlineMs: ONE_SHOT_DEADLINE_MS,
      group: true,
    });
    assert.ok(lines.includes('Created /cli/ro'), lines.join('\n'));
  }
}
