// Ensembles played from a text: production servers in a simulated world, in virtual time, from one seed. A command does
// something to servers, the network or a client, or lets time pass; its outcome is what the servers decided meanwhile
// (each server's lines together, since their order across servers is nobody's promise), what became of their roles, and
// what clients were told.
//
//   all start                        s1 s2 start, s3 is killed, s3 loses power, s3 stops, s3 pauses, s3 resumes
//   until all serve                  until s1 s2 serve, until s3 does not serve: at most 60 s of virtual time
//   s1 s2 are cut off                from everybody else; s1 is cut off from s3; s1 does not hear s3; the net heals
//   s3 gets a new disk               while it is off
//   the next fsync of s2 fails
//   ann connects to s1 s2            a client, one of these servers
//   ann create /a "x" ephemeral      and waits for the answer; ann asks …: does not wait
//   2 s pass
//   compare                          trees, sessions and zxids of those that serve

import { nodeCodec } from '../../src/node/node-codec.ts';
import { nodeHash } from '../../src/node/node-hash.ts';
import { errorName } from '../../src/proto/errors.ts';
import { hexZxid } from '../../src/proto/zxid.ts';
import { dumpTree } from '../../src/sim/checkers/dump-tree.ts';
import type { Invocation } from '../../src/sim/invocation.ts';
import type { Operation } from '../../src/sim/operation.ts';
import { SimClient } from '../../src/sim/sim-client.ts';
import { SimEnsemble, servingIn, stateText } from '../../src/sim/sim-ensemble.ts';
import type { NetHost } from '../../src/sim/sim-net.ts';
import type { ServerEnd, SimServer } from '../../src/sim/sim-server.ts';
import { World } from '../../src/sim/world.ts';
import type { Player } from './play-texts.ts';
import { wordsOf } from './scenario-requests.ts';

/** What of a server's log is told: how learners are brought up to date, and why roles end. */
const told =
  /-> (send (DIFF|TRUNC|SNAP)|established in|stop leading|stop following|refuse|a new term)|recv (DIFF|TRUNC|SNAP) /;
const withinMs = 60_000;
const sessionTimeoutMs = 4000;

export class EnsembleStory implements Player {
  readonly #world: World;
  readonly #ensemble: SimEnsemble;
  readonly #clients = new Map<string, SimClient>();
  readonly #lines = new Map<string, string[]>();
  readonly #states = new Map<SimServer, string>();
  #clientLines: string[] = [];

  constructor(options: Readonly<Record<string, string>>) {
    const { voters = '3', observers = '0', seed = '1', tickTime = '200', ...others } = options;
    this.#world = new World({ seed: Number(seed), codec: nodeCodec, hash: nodeHash });
    const { initLimit = '10', syncLimit = '5', ...lines } = others;
    this.#ensemble = new SimEnsemble(this.#world, {
      voters: Number(voters),
      observers: Number(observers),
      tickTimeMs: Number(tickTime),
      initLimit: Number(initLimit),
      syncLimit: Number(syncLimit),
      lines: Object.entries(lines).map(([key, value]) => `${key}=${value}`),
    });
    this.#world.onLog = ({ who, message }) => {
      if (told.test(message)) this.#tell(who, message);
    };
    for (const server of this.#ensemble.servers) {
      this.#states.set(server, stateText(server));
      server.onEnded = (end) => this.#tell(server.name, endText(end));
    }
  }

  run(command: string): string[] {
    this.#lines.clear();
    this.#clientLines = [];
    const answer = this.#carryOut(command);
    const { servers } = this.#ensemble;
    const lines = servers.flatMap(({ name }) => this.#lines.get(name) ?? []);
    for (const server of servers) {
      const state = stateText(server);
      if (state === this.#states.get(server)) continue;
      this.#states.set(server, state);
      // What was commanded goes without saying.
      if (server.state === 'off' || server.state === 'starting') continue;
      lines.push(`${server.name} ${state}`);
    }
    return [...lines, ...this.#clientLines, ...answer];
  }

  #tell(who: string, line: string): void {
    const lines = this.#lines.get(who);
    if (lines === undefined) this.#lines.set(who, [`${who}: ${line}`]);
    else lines.push(`${who}: ${line}`);
  }

  /** What is to be said last. */
  #carryOut(command: string): string[] {
    const [, seconds] = /^([\d.]+) s pass(?:es)?$/.exec(command) ?? [];
    if (seconds !== undefined) this.#world.runFor(Number(seconds) * 1000);
    else if (command === 'compare') return this.#compare();
    else if (command === 'the net heals') this.#world.net.healAll();
    else if (command.startsWith('until ')) return this.#until(command.substring(6));
    else if (command.startsWith('the next fsync of ')) {
      const [server] = this.#serversOf(command.split(' ')[4] ?? '');
      if (server !== undefined) server.plan = { inCalls: 1, at: 'datasync', fault: 'EIO' };
    } else if (/^(?:all|s\d)/.test(command)) this.#servers(command);
    else this.#client(command);
    return [];
  }

  #serversOf(words: string): SimServer[] {
    const { servers } = this.#ensemble;
    if (words === 'all') return [...servers];
    return words.split(' ').map((word) => {
      const server = servers.find(({ name }) => name === word);
      if (server === undefined) throw new Error(`there is no server ${word}`);
      return server;
    });
  }

  #servers(command: string): void {
    const match = /^(all|s\d(?: s\d)*) (.*)$/.exec(command);
    const servers = this.#serversOf(match?.[1] ?? '');
    const what = match?.[2] ?? '';
    const [, far] = / (?:from|hear) (.*)$/.exec(what) ?? [];
    const work: Readonly<Record<string, (server: SimServer) => void>> = {
      'starts?': (server) => server.boot(),
      '(?:is|are) killed': (server) => server.kill(),
      'loses? power': (server) => server.powerOff(),
      'stops?': (server) => server.stop(),
      'pauses?': (server) => server.pause(),
      'resumes?': (server) => server.resume(),
      'gets a new disk': (server) => server.replaceDisk(),
      '(?:is|are) cut off': (server) => this.#cut(server, this.#everybodyBut(servers), true),
      '(?:is|are) cut off from .*': (server) => this.#cut(server, this.#hostsOf(far), true),
      'do(?:es)? not hear .*': (server) => this.#cut(server, this.#hostsOf(far), false),
    };
    const key = Object.keys(work).find((pattern) => new RegExp(`^${pattern}$`).test(what));
    if (key === undefined) throw new Error(`cannot ${command}`);
    for (const server of servers) work[key]?.(server);
    if (/^stop/.test(what)) {
      this.#world.runUntil(() => servers.every(({ state }) => state === 'off'), withinMs);
    }
  }

  #hostsOf(words = ''): NetHost[] {
    return this.#serversOf(words).map(({ machine }) => machine.host);
  }

  #everybodyBut(servers: readonly SimServer[]): NetHost[] {
    const others = this.#ensemble.servers.filter((server) => !servers.includes(server));
    return [...others, ...this.#clients.values()].map(({ machine }) => machine.host);
  }

  #cut({ machine }: SimServer, others: readonly NetHost[], bothWays: boolean): void {
    for (const other of others) {
      this.#world.net.cut(other, machine.host);
      if (bothWays) this.#world.net.cut(machine.host, other);
    }
  }

  #until(what: string): string[] {
    const [, words = '', verb] = /^(.*?) (serves?|do(?:es)? not serve)$/.exec(what) ?? [];
    const servers = this.#serversOf(words);
    const wants = verb?.startsWith('serve') === true;
    const isSo = (): boolean =>
      servers.every((server) => (servingIn(server) !== undefined) === wants);
    return this.#world.runUntil(isSo, withinMs) ? [] : [`not within ${withinMs} ms`];
  }

  // ---- clients ----

  #client(command: string): void {
    const [name = '', verb = '', ...rest] = wordsOf(command);
    const known = this.#clients.get(name);
    if (verb === 'connects') {
      const [, words = ''] = / to (.*)$/.exec(command) ?? [];
      const servers = this.#serversOf(words).map(({ name: host }) => ({ host, port: 2181 }));
      const client = new SimClient(this.#world, name, { servers, sessionTimeoutMs });
      this.#clients.set(name, client);
      this.#world.runUntil(() => client.state === 'CONNECTED', withinMs);
      this.#clientLines.push(`${name} ${client.state}`);
      client.onState = (state) => this.#clientLines.push(`${name} ${state}`);
      client.onEnded = (invocation) => this.#clientLines.push(outcomeText(invocation));
      return;
    }
    if (known === undefined) throw new Error(`${name} has not connected`);
    if (verb === 'leaves') {
      known.close();
      this.#world.runUntil(() => known.isOver, withinMs);
    } else if (verb === 'is') {
      known.kill();
    } else if (verb === 'asks') {
      known.request(operationOf(rest));
    } else {
      const [invocation] = known.request(operationOf([verb, ...rest]));
      const isDone = this.#world.runUntil(() => invocation?.outcome !== undefined, withinMs);
      if (!isDone) this.#clientLines.push(`${name} ${verb}: no answer within ${withinMs} ms`);
    }
  }

  // ---- states ----

  #compare(): string[] {
    const byState = new Map<string, string[]>();
    const zxids = new Map<string, string>();
    for (const server of this.#ensemble.servers) {
      const database = servingIn(server)?.history?.database;
      if (database === undefined) continue;
      const zxid = `0x${hexZxid(database.lastProcessedZxid)}`;
      const lines = dumpTree(database).filter((line) => !line.startsWith('/zookeeper/config '));
      const state = [zxid, database.tree.digest, ...lines].join('\n');
      zxids.set(state, zxid);
      byState.set(state, [...(byState.get(state) ?? []), server.name]);
    }
    return [...byState].map(([state, names]) => {
      const nodes = state.split('\n').filter((line) => /^\/(?!zookeeper)\S/.test(line));
      const shown = nodes
        .map((line) =>
          line
            .split(' ')
            .filter((_, i) => i < 2)
            .join(' '),
        )
        .sort();
      const sessions = state.split('\n').filter((line) => line.startsWith('session ')).length;
      return `${names.join(' ')} at ${zxids.get(state)}: ${shown.join(', ')}; ${sessions} sessions`;
    });
  }
}

function endText(end: ServerEnd): string {
  if (end.kind === 'exit') return `exit ${end.code}: ${end.reason}`;
  if (end.kind === 'refused') return `does not start: ${String(end.error)}`;
  return end.kind;
}

/** `create /a "x" ephemeral sequential`, `set /a "y"`, `get /a`, `delete /a`, `exists /a`, `ls /a`, `sync /a`. */
function operationOf([verb = '', path = '', ...rest]: readonly string[]): Operation {
  const quoted = rest.find((word) => word.startsWith('"'));
  const data = quoted?.replaceAll('"', '') ?? '';
  switch (verb) {
    case 'create': {
      const kind = rest.includes('ephemeral') ? 'EPHEMERAL' : 'PERSISTENT';
      const mode = rest.includes('sequential') ? (`${kind}_SEQUENTIAL` as const) : kind;
      return { type: 'create', path, data, mode };
    }
    case 'set':
      return { type: 'setData', path, data, version: -1 };
    case 'delete':
      return { type: 'delete', path, version: -1 };
    case 'get':
      return { type: 'getData', path, watch: rest.includes('watch') };
    case 'exists':
      return { type: 'exists', path, watch: rest.includes('watch') };
    case 'ls':
      return { type: 'getChildren', path, watch: rest.includes('watch') };
    case 'sync':
      return { type: 'sync', path };
    default:
      throw new Error(`no client can ${verb}`);
  }
}

function outcomeText({ client, operation, outcome }: Invocation): string {
  const path = 'path' in operation ? ` ${operation.path}` : '';
  const what = `${client} ${operation.type}${path}`;
  if (outcome === undefined) return `${what}: nothing`;
  if (outcome.kind === 'lost') return `${what}: ${outcome.code}`;
  const at = `at 0x${hexZxid(outcome.zxid)}`;
  if (outcome.kind === 'error') return `${what}: ${errorName(outcome.err)} ${at}`;
  const { path: created, data, children } = outcome.result;
  const value = data !== undefined ? `"${data}"` : (children?.join(' ') ?? created ?? 'ok');
  return `${what}: ${value} ${at}`;
}
