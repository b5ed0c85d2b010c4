// One server under random traffic: several clients, many requests in flight, a disk that is late.
// Whatever the interleaving, answers keep each client's order, a client reads its own writes,
// events come before what shows the change, and at the end nothing is outstanding. Then what
// scenarios cannot say.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReplicaEffect } from '../../src/core/effects.ts';
import { Replica } from '../../src/core/replica.ts';
import { Connection } from '../../src/core/session/connection.ts';
import { SessionTracker } from '../../src/core/session/session-tracker.ts';
import { applyTxn } from '../../src/core/tree/apply.ts';
import { Database } from '../../src/core/tree/database.ts';
import { Reader } from '../../src/jute/reader.ts';
import { Writer } from '../../src/jute/writer.ts';
import {
  ConnectRequest,
  GetDataResponse,
  ReplyHeader,
  RequestHeader,
  WatcherEvent,
} from '../../src/proto/client.ts';
import { openAcl } from '../../src/proto/data.ts';
import { OpCode } from '../../src/proto/opcodes.ts';
import { Prng } from '../../src/util/prng.ts';
import { defaultOptions } from '../support/scenario.ts';
import type { Request } from './request/support/requests.ts';
import { bodyOf } from './request/support/requests.ts';
import { txnBytes } from './tree/support/txn-bytes.ts';

interface Asked {
  readonly xid: number;
  readonly type: number;
  /** For a read of the client's own node: what it must see. */
  readonly own?: number;
}

class Client {
  readonly connection: Connection;
  readonly own: string;
  /** What the client last wrote into its own node. */
  written = 0;
  readonly asked: Asked[] = [];
  answers = 0;
  events = 0;
  #xid = 0;
  #isOpen = false;
  #lastZxid = 0n;
  #eventZxid = 0n;

  constructor(id: number) {
    this.connection = new Connection(id, `10.0.0.${id}`, 1, 10_000, 0, 0);
    this.own = `/own-${id}`;
  }

  connect(): Uint8Array {
    const out = new Writer();
    const passwd = new Uint8Array(16);
    const request = {
      protocolVersion: 0,
      lastZxidSeen: 0n,
      timeOut: 10_000,
      sessionId: 0n,
      passwd,
    };
    ConnectRequest.write(out, request);
    return out.copy();
  }

  ask(type: number, body: Uint8Array, own?: number): Uint8Array {
    const xid = ++this.#xid;
    this.asked.push({ xid, type, ...(own === undefined ? {} : { own }) });
    const out = new Writer();
    RequestHeader.write(out, { xid, type });
    out.raw(body);
    return out.copy();
  }

  received(bytes: Uint8Array): void {
    const reader = new Reader(bytes);
    while (reader.remaining > 0) {
      const end = reader.int() + reader.at;
      if (this.#isOpen) this.#frame(new Reader(bytes, reader.at, end));
      this.#isOpen = true;
      reader.at = end;
    }
  }

  #frame(reader: Reader): void {
    const { xid, zxid, err } = ReplyHeader.read(reader);
    if (xid === -1) {
      WatcherEvent.read(reader);
      assert(zxid > this.#lastZxid, 'an event comes before any answer that knows of it');
      assert(zxid >= this.#eventZxid);
      this.#eventZxid = zxid;
      this.events++;
      return;
    }
    const asked = this.asked.shift();
    assert.equal(xid, asked?.xid, 'answers come in the order of the requests');
    assert(zxid >= this.#lastZxid, 'zxids never go back');
    this.#lastZxid = zxid;
    this.answers++;
    if (asked?.type !== OpCode.getData || err !== 0) return;
    const { data, stat } = GetDataResponse.read(reader);
    assert(stat.mzxid <= zxid);
    if (asked.own !== undefined) assert.equal(Number(new TextDecoder().decode(data!)), asked.own);
  }
}

function makeReplica(database: Database, globalOutstandingLimit = 50): Replica {
  const sessions = new SessionTracker({ tickTimeMs: 2000, serverId: 1, wallTime: 5e12, now: 0 });
  return new Replica(database, sessions, { ...defaultOptions, globalOutstandingLimit }, 0);
}

function makeDatabase(): Database {
  return new Database({
    digestEnabled: true,
    hashSeed: 3,
    extendedTypesEnabled: true,
    emulate353TTLNodes: false,
  }).ensureSystemNodes();
}

class Server {
  readonly database = makeDatabase();
  readonly replica = makeReplica(this.database);
  readonly clients: Client[] = [];
  isSyncing = false;
  readonly paused = new Set<Connection>();
  now = 0;

  step(event: Parameters<Replica['step']>[0]): void {
    for (const effect of this.replica.step(event, this.now, 5e12 + this.now)) this.#perform(effect);
  }

  send(client: Client, payload: Uint8Array): void {
    const bytes = Uint8Array.from(payload);
    const view = new DataView(bytes.buffer);
    const { connection } = client;
    this.step({ kind: 'received', connection, bytes, view, start: 0, end: bytes.length });
    bytes.fill(0xdd);
  }

  sync(): void {
    this.isSyncing = false;
    this.step({ kind: 'synced' });
  }

  #perform(effect: ReplicaEffect): void {
    switch (effect.kind) {
      case 'append':
        assert(!this.isSyncing, 'one batch is on its way at a time');
        this.isSyncing = true;
        return;
      case 'flush':
        for (const connection of effect.connections) this.#flush(connection);
        return;
      case 'pause':
        this.paused.add(effect.connection);
        return;
      case 'resume':
        for (const connection of effect.connections) assert(this.paused.delete(connection));
        return;
      default:
        assert.fail(`${effect.kind} is not expected`);
    }
  }

  #flush(connection: Connection): void {
    const client = this.clients.find((one) => one.connection === connection);
    client?.received(connection.out.copy());
    connection.out.clear();
  }
}

const pathAndWatch = (path: string, watch: boolean) => {
  const out = new Writer();
  out.ustring(path);
  out.boolean(watch);
  return out.copy();
};

test('random traffic keeps every promise of order', () => {
  const prng = new Prng(95);
  const server = new Server();
  for (let id = 1; id <= 6; id++) {
    const client = new Client(id);
    server.clients.push(client);
    server.step({ kind: 'connected', connection: client.connection });
    server.send(client, client.connect());
    const data = new TextEncoder().encode('0');
    const create: Request = { op: 'create', path: client.own, data, flags: 1 };
    server.send(client, client.ask(OpCode.create, bodyOf(create)));
  }
  const write = (client: Client, request: Request) => {
    server.send(client, client.ask(OpCode[request.op], bodyOf(request)));
  };
  const shared = ['/shared', '/shared/a', '/shared/b'];
  for (let turn = 0; turn < 4000; turn++) {
    const client = prng.pick(server.clients);
    const count = server.paused.has(client.connection) ? 0 : prng.below(6);
    for (let i = 0; i < count; i++) {
      const path = prng.pick(shared);
      const kind = prng.below(10);
      if (kind < 2) {
        const data = new TextEncoder().encode(`${++client.written}`);
        write(client, { op: 'setData', path: client.own, data });
      } else if (kind < 4) {
        const body = pathAndWatch(client.own, false);
        server.send(client, client.ask(OpCode.getData, body, client.written));
      } else if (kind < 6) {
        const type = prng.pick([OpCode.getData, OpCode.exists, OpCode.getChildren]);
        server.send(client, client.ask(type, pathAndWatch(path, true)));
      } else if (kind < 7) write(client, { op: 'create', path });
      else if (kind < 8) write(client, { op: 'delete', path });
      else if (kind < 9) write(client, { op: 'setData', path });
      else {
        const ops: readonly Request[] = [
          { op: 'setData', path: client.own, data: new TextEncoder().encode(`${client.written}`) },
          { op: prng.pick(['create', 'delete'] as const), path },
        ];
        write(client, { op: 'multi', ops });
      }
    }
    if (prng.chance(0.6)) server.step({ kind: 'turnEnded' });
    if (server.isSyncing && prng.chance(0.4)) server.sync();
    assert.equal(server.database.digestMismatches, 0);
  }
  while (!server.replica.isIdle || server.isSyncing) {
    if (server.isSyncing) server.sync();
    server.step({ kind: 'turnEnded' });
  }
  server.step({ kind: 'turnEnded' });
  for (const { asked, answers, events, connection } of server.clients) {
    assert.deepEqual(asked, []);
    assert(answers > 500 && events > 50);
    assert.equal(connection.outstanding, 0);
    assert.equal(connection.lastPending, undefined);
  }
  assert.equal(server.replica.outstanding, 0);
  assert.equal(server.paused.size, 0);
});

test('a lone server counts zxids on past the counter of an epoch', () => {
  const server = new Server();
  server.database.lastProcessedZxid = 0x1_ffff_fffen;
  const replica = makeReplica(server.database);
  const client = new Client(1);
  const step = (event: Parameters<Replica['step']>[0]) => replica.step(event, 0, 0);
  step({ kind: 'connected', connection: client.connection });
  const send = (bytes: Uint8Array) => {
    const { connection } = client;
    const view = new DataView(bytes.buffer);
    step({ kind: 'received', connection, bytes, view, start: 0, end: bytes.length });
  };
  send(client.connect());
  step({ kind: 'turnEnded' });
  step({ kind: 'synced' });
  for (const path of ['/a', '/b', '/c']) {
    send(client.ask(OpCode.create, bodyOf({ op: 'create', path })));
    step({ kind: 'turnEnded' });
    step({ kind: 'synced' });
  }
  const { tree, lastProcessedZxid, digestMismatches } = server.database;
  assert.equal(tree.czxid(tree.findPath('/a')), 0x2_0000_0000n);
  assert.equal(lastProcessedZxid, 0x2_0000_0002n);
  assert.equal(digestMismatches, 0);
});

test('ephemerals of sessions nobody knows go by a transaction at the start', () => {
  const database = makeDatabase();
  const body = { type: 'create', path: '/e', data: null, acl: openAcl, parentCVersion: 1 } as const;
  for (const [clientId, path] of [
    [7n, '/e'],
    [8n, '/f'],
  ] as const) {
    const txn = { clientId, zxid: clientId, time: 0n, body: { ...body, path, ephemeral: true } };
    const bytes = txnBytes(txn);
    applyTxn(database, bytes, 0, bytes.length);
  }
  database.sessions.set(7n, 5000);
  const replica = makeReplica(database);
  const effects = [
    ...replica.step({ kind: 'started' }, 0, 0),
    ...replica.step({ kind: 'turnEnded' }, 0, 0),
  ];
  assert(effects.some((effect) => effect.kind === 'log' && effect.message.includes('0x8')));
  assert(effects.some(({ kind }) => kind === 'append'));
  replica.step({ kind: 'synced' }, 0, 0);
  assert.equal(database.tree.findPath('/f'), -1);
  assert(database.tree.findPath('/e') > 0);
  assert.equal(database.lastProcessedZxid, 9n);
  assert.equal(replica.outstanding, 0);
});

test('a restored session has its whole timeout again', () => {
  const database = makeDatabase();
  database.sessions.set(7n, 5000);
  const replica = makeReplica(database);
  assert.equal(replica.sessions.get(7n)?.timeoutMs, 5000);
  const kinds = (now: number) =>
    [
      ...replica.step({ kind: 'timeout' }, now, now),
      ...replica.step({ kind: 'turnEnded' }, now, now),
    ].map(({ kind }) => kind);
  assert.deepEqual(kinds(5000), []);
  assert.deepEqual(kinds(6000), ['log', 'append']);
  assert.deepEqual(kinds(6001), []);
});

test('early and late timeouts, and ends of turns for nothing, do no harm', () => {
  const replica = makeReplica(makeDatabase());
  for (let now = 0; now < 50; now++) {
    assert.deepEqual(replica.step({ kind: 'timeout' }, now, now), []);
    assert.deepEqual(replica.step({ kind: 'turnEnded' }, now, now), []);
    assert(replica.deadline > now);
  }
  replica.step({ kind: 'timeout' }, 1e9, 1e9);
  assert(replica.deadline > 1e9);
});
