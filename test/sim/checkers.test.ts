// Are the checkers awake? Small histories, good and bad, made by hand: what a reply says, what the log holds, what a
// watch was told. Each bad one must be called by the name of the invariant it breaks. A checker that says nothing to a
// bad history would make every green run of the simulator worthless.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Writer } from '../../src/jute/writer.ts';
import { nodeCodec } from '../../src/node/node-codec.ts';
import { nodeHash } from '../../src/node/node-hash.ts';
import { EventType, OpCode } from '../../src/proto/opcodes.ts';
import { CreateSessionTxn, ErrorTxn, TxnHeader } from '../../src/proto/txn.ts';
import { checkHistory } from '../../src/sim/checkers/check-history.ts';
import type { GhostEntry } from '../../src/sim/checkers/ghost-log.ts';
import { GhostLog } from '../../src/sim/checkers/ghost-log.ts';
import type { Reply } from '../../src/sim/checkers/tree-model.ts';
import { replyText, TreeModel } from '../../src/sim/checkers/tree-model.ts';
import { Invocation } from '../../src/sim/invocation.ts';
import type { Operation } from '../../src/sim/operation.ts';
import { World } from '../../src/sim/world.ts';
import { adler32 } from '../../src/util/checksums.ts';

const session = 0x100n;
const makeWorld = () => new World({ seed: 1, codec: nodeCodec, hash: nodeHash });

/** A history of one client of one session, which is opened by zxid 1. */
class Story {
  readonly entries: GhostEntry[] = [this.#entry(OpCode.createSession, 1n, 0)];
  readonly invocations: Invocation[] = [];
  readonly model = new TreeModel();
  #xid = 0;

  /** A write that was logged and, unless `reply` says otherwise, answered as the model says. */
  write(operation: Operation, reply?: (expected: Reply) => Reply): Invocation {
    const zxid = BigInt(this.entries.length + 1);
    const invocation = this.#invocation(operation);
    const expected = this.model.write(operation as never, { zxid, time: 5n, sessionId: session });
    const type = expected.err === 0 ? invocation.op : OpCode.error;
    this.entries.push(this.#entry(type, zxid, invocation.xid ?? 0, expected.err));
    this.#answer(invocation, zxid, reply?.(expected) ?? expected);
    return invocation;
  }

  read(operation: Operation, reply?: (expected: Reply) => Reply, zxid?: bigint): Invocation {
    const invocation = this.#invocation(operation);
    const expected = this.model.read(operation);
    this.#answer(invocation, zxid ?? BigInt(this.entries.length), reply?.(expected) ?? expected);
    return invocation;
  }

  /** Asked for, never logged. */
  unlogged(operation: Operation, reply: Reply): void {
    this.#answer(this.#invocation(operation), BigInt(this.entries.length), reply);
  }

  get verdict(): string {
    const world = makeWorld();
    checkHistory(world, { entries: this.entries, invocations: this.invocations, dumps: [] });
    return world.violations.map((line) => line.split(' ')[0]).join();
  }

  #invocation(operation: Operation): Invocation {
    const invocation = new Invocation('c', operation, 0);
    invocation.xid = ++this.#xid;
    invocation.sessionId = session;
    invocation.connection = 1;
    invocation.order = this.invocations.length * 10;
    this.invocations.push(invocation);
    return invocation;
  }

  #answer(invocation: Invocation, zxid: bigint, { err, result }: Reply): void {
    invocation.outcome = err === 0 ? { kind: 'ok', zxid, result } : { kind: 'error', zxid, err };
    const watch = invocation.watch?.watcher;
    if (watch !== undefined) watch.setBy = invocation;
  }

  #entry(type: number, zxid: bigint, cxid: number, err = 0): GhostEntry {
    const header = { clientId: session, cxid, zxid, time: 5n, type };
    const writer = new Writer();
    TxnHeader.write(writer, header);
    if (type === OpCode.createSession) CreateSessionTxn.write(writer, { timeOut: 1000 });
    else ErrorTxn.write(writer, { err });
    return { ...header, bytes: writer.copy(), writtenAt: 0 };
  }
}

const create = (path: string): Operation => ({ type: 'create', path, data: 'x' });
const getData = (path: string, watch = false): Operation => ({ type: 'getData', path, watch });
const stale = { err: 0, result: { data: 'y' } };

test('a true story has no violations', () => {
  const story = new Story();
  story.write(create('/a'));
  story.write(create('/a'));
  story.read(getData('/a'));
  story.write({ type: 'setData', path: '/a', data: 'z', version: 0 });
  story.write({ type: 'delete', path: '/b' });
  story.write({
    type: 'multi',
    ops: [
      { type: 'delete', path: '/a' },
      { type: 'create', path: '/c' },
    ],
  });
  story.read({ type: 'getChildren', path: '/', watch: false });
  story.write({ type: 'closeSession' });
  assert.equal(story.verdict, '');
});

test('a reply that differs from the model, of a read and of a write', () => {
  const read = new Story();
  read.write(create('/a'));
  read.read(getData('/a'), () => stale);
  assert.equal(read.verdict, 'ST4');
  const write = new Story();
  write.write(create('/a'), () => ({ err: 0, result: { path: '/b' } }));
  assert.equal(write.verdict, 'ST4');
});

test('zxids that go back, or that were never logged', () => {
  const back = new Story();
  back.write(create('/a'));
  back.read(getData('/a'), () => ({ err: -101, result: {} }), 1n);
  assert.equal(back.verdict, 'CL2');
  const ahead = new Story();
  ahead.read(getData('/a'), undefined, 7n);
  assert.equal(ahead.verdict, 'CL4');
});

test('answered and not in the log; logged and asked by nobody', () => {
  const lost = new Story();
  lost.unlogged(create('/a'), { err: 0, result: { path: '/a' } });
  assert.equal(lost.verdict, 'PS1');
  const denied = new Story();
  denied.write(create('/a'));
  denied.invocations.pop();
  assert.equal(denied.verdict, 'CL6');
});

test('a session opened twice, and one that writes after its end', () => {
  const twice = new Story();
  twice.entries.push({ ...twice.entries[0]!, zxid: 2n });
  assert.equal(twice.verdict, 'SE3');
  const after = new Story();
  after.write({ type: 'closeSession' });
  after.write(create('/a'));
  assert.equal(after.verdict, 'SE4');
});

test('watches: too late, missed, invented', () => {
  const watched = (tell: (watch: Invocation['watch']) => void): string => {
    const story = new Story();
    story.write(create('/a'));
    const read = story.read(getData('/a', true));
    story.write({ type: 'setData', path: '/a', data: 'b' });
    tell(read.watch);
    return story.verdict;
  };
  const event = { type: EventType.NodeDataChanged, zxid: 3n, at: 0, connection: 1 };
  const tell = (order: number, zxid: bigint, type: EventType = event.type) =>
    watched((watch) => {
      assert.ok(watch !== undefined);
      watch.watcher.event = { ...event, order, zxid, type };
    });
  assert.equal(tell(15, 3n), '');
  assert.equal(tell(25, 3n), 'WA1');
  assert.equal(
    watched(() => undefined),
    'WA3',
  );
  assert.equal(tell(15, 2n), 'WA4');
  assert.equal(tell(15, 3n, EventType.NodeDeleted), 'WA4');
});

test('the log: a zxid that is left out, one that was applied and is gone', () => {
  const entry = (zxid: bigint): Uint8Array => {
    const txn = new Writer();
    TxnHeader.write(txn, { clientId: 1n, cxid: 1, zxid, time: 1n, type: OpCode.error });
    txn.int(-101);
    const writer = new Writer();
    writer.long(BigInt(adler32(1, txn.bytes, 0, txn.at)));
    writer.buffer(txn.copy());
    writer.byte(0x42);
    return writer.copy();
  };
  const call = (zxid: bigint) =>
    ({
      index: 1,
      kind: 'write',
      path: '/data/tmp-next-log',
      bytes: entry(zxid),
      position: 16,
      file: undefined,
    }) as const;
  const world = makeWorld();
  const ghost = new GhostLog(world, 's');
  ghost.diskCalled(call(1n));
  ghost.diskCalled(call(2n));
  ghost.diskCalled(call(2n));
  ghost.ended(2n);
  ghost.recovered(2n);
  assert.deepEqual(world.violations, [], 'the same entry may be written again');
  ghost.recovered(1n);
  assert.match(world.violations.at(-1) ?? '', /^PS5 /);
  ghost.diskCalled(call(4n));
  assert.match(world.violations.at(-1) ?? '', /^HI4 /);
});

test('the model undoes a failed multi completely', () => {
  const model = new TreeModel();
  const at = (zxid: bigint) => ({ zxid, time: 1n, sessionId: session });
  model.write({ type: 'create', path: '/a', data: '1' }, at(1n));
  const before = model.dump();
  const reply = model.write(
    {
      type: 'multi',
      ops: [
        { type: 'setData', path: '/a', data: '2' },
        { type: 'create', path: '/a/b', mode: 'PERSISTENT_SEQUENTIAL' },
        { type: 'delete', path: '/zookeeper/quota' },
        { type: 'check', path: '/a', version: 0 },
        { type: 'delete', path: '/a' },
      ],
    },
    at(2n),
  );
  assert.equal(replyText(reply), 'ok error 0 error 0 error 0 error -103 error -2');
  assert.deepEqual(model.dump(), before);
  assert.deepEqual(model.changes, []);
});
