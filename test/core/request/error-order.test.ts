// Which error a write answers when several things are wrong with it (PrepRequestProcessor's order
// of checks): for each operation its causes in order of precedence, and every set of them that one
// request can have. The first one counts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Requester } from '../../../src/core/session/requester.ts';
import { DecodeError, Reader } from '../../../src/jute/reader.ts';
import type { ACL } from '../../../src/proto/data.ts';
import { ErrorCode } from '../../../src/proto/errors.ts';
import { OpCode } from '../../../src/proto/opcodes.ts';
import { MultiTxn } from '../../../src/proto/txn.ts';
import { anonymous, Pipeline, requester } from './support/pipeline.ts';
import type { Request } from './support/requests.ts';

const superuser = requester(9n, [...anonymous, { scheme: 'super', id: '' }]);
const world = (perms: number): readonly ACL[] => [{ perms, id: { scheme: 'world', id: 'anyone' } }];

/**
 * Folders: open or shut (only READ for the world), of kind normal or ephemeral, with a quota that
 * is used up or none. In each that may have children: `there`, `shut` (nobody may do anything),
 * `parent` (has a child), `box` (a container).
 */
function scene(extendedTypesEnabled = true): Pipeline {
  const pipeline = new Pipeline({ enforceQuota: true, extendedTypesEnabled });
  const done = (request: Request) => pipeline.done(superuser, request);
  const text = (value: string) => new TextEncoder().encode(value);
  for (const isFull of [false, true]) {
    for (const kind of ['normal', 'ephemeral']) {
      for (const access of ['open', 'shut']) {
        const folder = folderOf(isFull, kind === 'ephemeral', access === 'shut');
        done({ op: 'create', path: folder, flags: kind === 'ephemeral' ? 1 : 0 });
        if (kind === 'normal') {
          done({ op: 'create', path: `${folder}/there` });
          done({ op: 'create', path: `${folder}/shut`, acl: world(0) });
          for (const name of ['parent', 'shut-parent']) {
            done({
              op: 'create',
              path: `${folder}/${name}`,
              acl: world(name === 'parent' ? 31 : 0),
            });
            done({ op: 'create', path: `${folder}/${name}/child` });
          }
          done({ op: 'createContainer', path: `${folder}/box` });
        }
        if (isFull) {
          done({ op: 'create', path: `/zookeeper/quota${folder}` });
          const limits = text('count=-1,bytes=-1=;byteHardLimit=1;countHardLimit=1');
          const limitsPath = `/zookeeper/quota${folder}/zookeeper_limits`;
          done({ op: 'create', path: limitsPath, data: limits });
          const statsPath = `/zookeeper/quota${folder}/zookeeper_stats`;
          done({ op: 'create', path: statsPath, data: text('count=0,bytes=0') });
        }
        if (access === 'shut') done({ op: 'setACL', path: folder, acl: world(1) });
      }
    }
  }
  return pipeline;
}

function folderOf(isFull: boolean, isEphemeral: boolean, isShut: boolean): string {
  return `/${isFull ? 'full' : 'free'}-${isEphemeral ? 'ephemeral' : 'normal'}-${isShut ? 'shut' : 'open'}`;
}

interface Case<Cause extends string> {
  /** Causes in order of precedence, and the errors they make. */
  readonly causes: readonly (readonly [Cause, number])[];
  /** A request that has exactly these causes; undefined: there is none. */
  readonly request: (has: (cause: Cause) => boolean) => Request | undefined;
}

const { BadArguments, NoNode, NoAuth, BadVersion, NotEmpty, SessionExpired } = ErrorCode;
const { InvalidACL, NodeExists, NoChildrenForEphemerals, QuotaExceeded, Unimplemented } = ErrorCode;

/** Tries all sets of causes; returns how many there were. */
function tryAll<Cause extends string>(
  { causes, request: make }: Case<Cause>,
  pipelineOf: (has: (cause: Cause) => boolean) => Pipeline,
  answer: (pipeline: Pipeline, who: Requester, request: Request) => number,
): number {
  let tried = 0;
  for (let bits = 0; bits < 1 << causes.length; bits++) {
    const present = causes.filter((_, i) => (bits >> i) & 1);
    const has = (cause: Cause) => present.some(([name]) => name === cause);
    const request = make(has);
    if (request === undefined) continue;
    const error = has('session' as Cause) ? SessionExpired : ErrorCode.Ok;
    const pipeline = pipelineOf(has);
    const expected = present[0]?.[1] ?? ErrorCode.Ok;
    // What works would change the scene: it is tried last, by the test itself.
    if (expected === ErrorCode.Ok) continue;
    const who = requester(1n, anonymous, error);
    const found = answer(pipeline, who, request);
    assert.equal(found, expected, `${request.op}: ${present.map(([name]) => name).join(', ')}`);
    pipeline.commit();
    tried++;
  }
  return tried;
}

const alone = (pipeline: Pipeline, who: Requester, request: Request) =>
  pipeline.propose(who, request).err;

/** The same operation as the only one of a multi, whose error stands in the transaction. */
function inMulti(pipeline: Pipeline, who: Requester, request: Request): number {
  const { err, txn } = pipeline.propose(who, { op: 'multi', ops: [request] });
  assert.equal(err, ErrorCode.Ok);
  const [only] = MultiTxn.read(new Reader(txn, 32)).txns;
  assert.equal(only!.type, OpCode.error);
  return new Reader(only!.data!).int();
}

const withTtl = scene();
const withoutTtl = scene(false);

const create: Case<
  | 'TTL off'
  | 'ttl'
  | 'session'
  | 'path'
  | 'acl'
  | 'no parent'
  | 'no CREATE'
  | 'name'
  | 'exists'
  | 'ephemeral parent'
  | 'quota'
> = {
  causes: [
    ['TTL off', Unimplemented],
    ['ttl', BadArguments],
    ['session', SessionExpired],
    ['path', BadArguments],
    ['acl', InvalidACL],
    ['no parent', NoNode],
    ['no CREATE', NoAuth],
    ['name', BadArguments],
    ['exists', NodeExists],
    ['ephemeral parent', NoChildrenForEphemerals],
    ['quota', QuotaExceeded],
  ],
  request(has) {
    const hasNoParent = has('no parent');
    if (
      hasNoParent &&
      (has('no CREATE') || has('exists') || has('ephemeral parent') || has('quota'))
    )
      return undefined;
    if (has('exists') && (has('name') || has('ephemeral parent') || has('path'))) return undefined;
    const folder = hasNoParent
      ? '/none'
      : folderOf(has('quota'), has('ephemeral parent'), has('no CREATE'));
    const name = has('exists') ? 'there' : has('name') ? '..' : 'new';
    const path = `${folder}/${name}${has('path') ? '\0' : ''}`;
    const acl = has('acl') ? [] : world(31);
    if (!has('TTL off') && !has('ttl')) return { op: 'create', path, acl };
    return { op: 'createTTL', path, acl, ttl: has('ttl') ? 0n : 1n };
  },
};

test('create', () => {
  const pipelineOf = (has: (cause: 'TTL off') => boolean) =>
    has('TTL off') ? withoutTtl : withTtl;
  assert(tryAll(create, pipelineOf, alone) > 400);
  assert(tryAll(create, pipelineOf, inMulti) > 400);
});

test('delete', () => {
  const cases: Case<
    'session' | 'path' | 'no parent' | 'no DELETE' | 'no node' | 'version' | 'children'
  > = {
    causes: [
      ['session', SessionExpired],
      ['path', BadArguments],
      ['no parent', NoNode],
      ['no DELETE', NoAuth],
      ['no node', NoNode],
      ['version', BadVersion],
      ['children', NotEmpty],
    ],
    request(has) {
      if (has('no parent') && (has('no DELETE') || has('no node') || has('children')))
        return undefined;
      if (has('no node') && (has('version') || has('children'))) return undefined;
      const folder = has('no parent') ? '/none' : folderOf(false, false, has('no DELETE'));
      const name = has('no node') ? 'none' : has('children') ? 'parent' : 'there';
      const path = `${folder}/${name}${has('path') ? '\0' : ''}`;
      return { op: 'delete', path, version: has('version') ? 7 : 0 };
    },
  };
  assert(tryAll(cases, () => withTtl, alone) > 40);
  assert(tryAll(cases, () => withTtl, inMulti) > 40);
});

test('what can never be deleted is BadArguments before anything else but the session', () => {
  for (const path of ['/', '', 'x', '/zookeeper', '/zookeeper/quota', '/zookeeper/config']) {
    assert.equal(alone(withTtl, requester(1n), { op: 'delete', path, version: 99 }), BadArguments);
    assert.equal(alone(withTtl, superuser, { op: 'delete', path }), BadArguments);
  }
});

test('setData', () => {
  const cases: Case<'session' | 'path' | 'no node' | 'no WRITE' | 'quota' | 'version'> = {
    causes: [
      ['session', SessionExpired],
      ['path', BadArguments],
      ['no node', NoNode],
      ['no WRITE', NoAuth],
      ['quota', QuotaExceeded],
      ['version', BadVersion],
    ],
    request(has) {
      if (has('no node') && (has('no WRITE') || has('quota'))) return undefined;
      const name = has('no node') ? 'none' : has('no WRITE') ? 'shut' : 'there';
      const path = `${folderOf(has('quota'), false, false)}/${name}${has('path') ? '/' : ''}`;
      const data = new Uint8Array(has('quota') ? 100 : 0);
      return { op: 'setData', path, data, version: has('version') ? 7 : 0 };
    },
  };
  assert(tryAll(cases, () => withTtl, alone) > 30);
  assert(tryAll(cases, () => withTtl, inMulti) > 30);
});

test('setACL', () => {
  const cases: Case<'session' | 'path' | 'acl' | 'no node' | 'no ADMIN' | 'version'> = {
    causes: [
      ['session', SessionExpired],
      ['path', BadArguments],
      ['acl', InvalidACL],
      ['no node', NoNode],
      ['no ADMIN', NoAuth],
      ['version', BadVersion],
    ],
    request(has) {
      if (has('no node') && has('no ADMIN')) return undefined;
      const name = has('no node') ? 'none' : has('no ADMIN') ? 'shut' : 'there';
      const path = `${folderOf(false, false, false)}/${name}${has('path') ? '/' : ''}`;
      const acl = has('acl') ? [{ perms: 31, id: { scheme: 'none', id: '' } }] : world(31);
      return { op: 'setACL', path, acl, version: has('version') ? 7 : 0 };
    },
  };
  assert(tryAll(cases, () => withTtl, alone) > 30);
});

test('check', () => {
  const cases: Case<'session' | 'path' | 'no node' | 'no READ' | 'version'> = {
    causes: [
      ['session', SessionExpired],
      ['path', BadArguments],
      ['no node', NoNode],
      ['no READ', NoAuth],
      ['version', BadVersion],
    ],
    request(has) {
      if (has('no node') && has('no READ')) return undefined;
      const name = has('no node') ? 'none' : has('no READ') ? 'shut' : 'there';
      const path = `${folderOf(false, false, false)}/${name}${has('path') ? '/' : ''}`;
      return { op: 'check', path, version: has('version') ? 7 : 0 };
    },
  };
  assert(tryAll(cases, () => withTtl, inMulti) > 20);
});

test('deleteContainer, which only the server itself sends', () => {
  const cases: Case<'path' | 'no node' | 'children' | 'kind'> = {
    causes: [
      ['path', BadArguments],
      ['no node', NoNode],
      ['children', NotEmpty],
      ['kind', BadVersion],
    ],
    request(has) {
      if (has('no node') && (has('children') || has('kind'))) return undefined;
      if (has('path')) return { op: 'deleteContainer', path: '/zookeeper/quota' };
      const name = has('no node')
        ? 'none'
        : has('children')
          ? 'parent'
          : has('kind')
            ? 'there'
            : 'box';
      if (has('children') && !has('kind')) return undefined;
      return { op: 'deleteContainer', path: `${folderOf(false, false, false)}/${name}` };
    },
  };
  assert(tryAll(cases, () => withTtl, alone) > 4);
});

test('nothing of all this has changed anything, and what has no fault works', () => {
  for (const pipeline of [withTtl, withoutTtl]) {
    assert(pipeline.changes.isEmpty);
    assert.equal(pipeline.database.digestMismatches, 0);
    const folder = folderOf(false, false, false);
    for (const request of [
      { op: 'create', path: `${folder}/new` },
      { op: 'setData', path: `${folder}/there`, version: 0 },
      { op: 'setACL', path: `${folder}/there`, version: 0 },
      { op: 'delete', path: `${folder}/there`, version: 1 },
      { op: 'deleteContainer', path: `${folder}/box` },
    ] as const) {
      assert.equal(alone(pipeline, requester(1n), request), ErrorCode.Ok, request.op);
    }
    pipeline.commit();
    assert.equal(pipeline.database.digestMismatches, 0);
  }
});

test('kinds of nodes: the code and the flags must fit', () => {
  const me = requester(1n);
  const err = (
    pipeline: Pipeline,
    op: 'create' | 'createContainer' | 'createTTL',
    flags: number,
    ttl = 5n,
  ) => pipeline.propose(me, { op, path: `/kind-${op}-${flags}-${ttl}`, flags, ttl }).err;
  for (const flags of [-1, 7, 100]) assert.equal(err(withTtl, 'create', flags), BadArguments);
  for (const flags of [5, 6]) {
    assert.equal(err(withTtl, 'create', flags), BadArguments);
    assert.equal(err(withTtl, 'createContainer', flags), BadArguments);
    assert.equal(err(withoutTtl, 'create', flags), Unimplemented);
    assert.equal(err(withoutTtl, 'createTTL', flags), Unimplemented);
    assert.equal(err(withTtl, 'createTTL', flags), ErrorCode.Ok);
    for (const ttl of [0n, -1n, 1n << 40n]) {
      assert.equal(err(withTtl, 'createTTL', flags, ttl), BadArguments);
    }
  }
  for (const flags of [0, 1, 2, 3, 4]) {
    assert.equal(err(withTtl, 'create', flags), ErrorCode.Ok);
    assert.equal(err(withTtl, 'createContainer', flags), ErrorCode.Ok);
    assert.equal(err(withTtl, 'createTTL', flags), BadArguments);
    assert.equal(err(withoutTtl, 'createTTL', flags), BadArguments);
  }
  withTtl.commit();
  withoutTtl.commit();
  assert.equal(withTtl.database.digestMismatches, 0);
  const { tree } = withTtl.database;
  // The code decides: 19 is a container whatever its flags, 1 with a container's flags a plain
  // node.
  assert.equal(tree.owner(tree.findPath('/kind-create-4-5')), 0n);
  assert.equal(tree.owner(tree.findPath('/kind-create-1-5')), 1n);
  assert(tree.containers.has(tree.findPath('/kind-createContainer-1-5')));
  assert.equal(tree.ttls.size, 2);
});

test('kinds of nodes in a multi: flags that say container or TTL overrule the code', () => {
  const { createContainer, createTTL } = OpCode;
  const table: readonly (readonly [
    'create' | 'create2' | 'createContainer' | 'createTTL',
    number,
    number,
  ])[] = [
    ['create', 0, OpCode.create],
    ['create2', 1, OpCode.create2],
    ['create', 4, createContainer],
    ['create2', 4, createContainer],
    ['createContainer', 4, createContainer],
    ['createTTL', 4, createContainer],
    ['createTTL', 0, OpCode.create],
    ['createTTL', 3, OpCode.create],
    ['createTTL', 5, createTTL],
    ['createTTL', 6, createTTL],
    ['createTTL', 7, OpCode.error],
  ];
  for (const [op, flags, expected] of table) {
    const ops = [{ op, path: '/kind', flags, ttl: 9n }];
    const { txn } = new Pipeline().propose(requester(1n), { op: 'multi', ops });
    const { txns } = MultiTxn.read(new Reader(txn, 32));
    assert.deepEqual(
      txns.map(({ type }) => type),
      [expected],
      `${op} ${flags}`,
    );
  }
  for (const [op, flags] of [
    ['create', 5],
    ['create2', 6],
    ['createContainer', -1],
    ['create', 7],
  ] as const) {
    const ops = [{ op, path: '/kind', flags }];
    const propose = () => new Pipeline().propose(requester(1n), { op: 'multi', ops });
    assert.throws(propose, DecodeError, `${op} ${flags}`);
  }
});

test('a local session makes no ephemerals', () => {
  const local = requester(1n, anonymous, ErrorCode.Ok, ErrorCode.EphemeralOnLocalSession);
  const pipeline = new Pipeline();
  const request = { op: 'create', path: '/x/y', flags: 1 } as const;
  assert.equal(alone(pipeline, local, request), ErrorCode.EphemeralOnLocalSession);
  assert.equal(alone(pipeline, local, { op: 'create', path: '/x' }), ErrorCode.Ok);
});
