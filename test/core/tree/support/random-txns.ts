// Random transactions over a small tree: in 'committed' mode each is one that a leader could have
// made from the model's state; in 'replayed' mode anything may stand where it should not (nodes
// there already or gone, counters of the past).

import type { ACL } from '../../../../src/proto/data.ts';
import { ErrorCode } from '../../../../src/proto/errors.ts';
import type { Prng } from '../../../../src/util/prng.ts';
import type { ModelTree } from './model-tree.ts';
import { parentOf } from './model-tree.ts';
import type { Txn, TxnBody } from './txn-bytes.ts';

const names = ['a', 'bb', 'c c', 'zoë', '中', '__proto__', 'n'.repeat(90)];
const acls: readonly (readonly ACL[])[] = [
  [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }],
  [{ perms: 1, id: { scheme: 'world', id: 'anyone' } }],
  [
    { perms: 31, id: { scheme: 'digest', id: 'u:p' } },
    { perms: 1, id: { scheme: 'ip', id: '10.0.0.0/8' } },
  ],
  [{ perms: 7, id: { scheme: 'ip', id: '::1' } }],
  [],
];
const sessionIds = [1n, 2n, 0x100000000000001n, -5n];
const depthMax = 5;

export class RandomTxns {
  readonly #prng: Prng;
  readonly #model: ModelTree;
  readonly #mode: 'committed' | 'replayed';
  #zxid: bigint;

  constructor(prng: Prng, model: ModelTree, mode: 'committed' | 'replayed') {
    this.#prng = prng;
    this.#model = model;
    this.#mode = mode;
    this.#zxid = model.zxid;
  }

  next(): Txn {
    const prng = this.#prng;
    this.#zxid += prng.chance(0.02) ? 1n << 32n : 1n;
    if (this.#mode === 'replayed' && prng.chance(0.1)) this.#zxid -= 3n;
    const clientId = prng.pick(sessionIds);
    const time = 1_700_000_000_000n + this.#zxid;
    const body = prng.chance(0.12) ? this.#multi(clientId) : this.#body(clientId, true);
    return { clientId, zxid: this.#zxid, time, body };
  }

  #multi(clientId: bigint): TxnBody {
    const prng = this.#prng;
    const count = prng.below(6);
    // Each operation must fit the tree its forerunners leave.
    const scratch = this.#model.copy();
    const inner = new RandomTxns(prng, scratch, this.#mode);
    const ops: TxnBody[] = [];
    for (let i = 0; i < count; i++) {
      const body = inner.#body(clientId, false);
      ops.push(body);
      scratch.apply({ clientId, zxid: this.#zxid, time: 1_700_000_000_000n + this.#zxid, body });
    }
    if (count > 0 && prng.chance(0.25)) {
      const failing = prng.below(count);
      for (let i = failing; i < count; i++) {
        const err = i === failing ? ErrorCode.BadVersion : ErrorCode.RuntimeInconsistency;
        ops[i] = { type: 'error', err };
      }
    }
    return { type: 'multi', ops };
  }

  #body(clientId: bigint, alone: boolean): TxnBody {
    const prng = this.#prng;
    const strange = this.#mode === 'replayed' && prng.chance(0.3);
    const kind = prng.below(alone ? 100 : 90);
    if (kind < 40) return this.#create(strange);
    if (kind < 62) {
      const type = prng.chance(0.9) ? 'delete' : 'deleteContainer';
      return { type, path: strange ? this.#anyPath() : this.#leaf() };
    }
    const path = strange ? this.#anyPath() : this.#node();
    const node = this.#model.nodes.get(path);
    if (kind < 80 || (!alone && kind < 85)) {
      const version = strange ? prng.below(9) : (node?.version ?? 0) + 1;
      const type = prng.chance(0.97) ? 'setData' : 'reconfig';
      return { type, path, data: this.#data(), version };
    }
    if (!alone) return { type: 'check', path, version: 1 };
    if (kind < 90) {
      const version = strange ? prng.below(9) : (node?.aversion ?? 0) + 1;
      return { type: 'setACL', path, acl: this.#acl(), version };
    }
    if (kind < 94) return { type: 'createSession', timeOut: 1000 + prng.below(9000) };
    if (kind < 96) return { type: 'error', err: prng.pick([-101, -110, -5]) };
    const owned = this.#model.ephemeralsOf(clientId);
    if (!strange) return { type: 'closeSession', paths: owned };
    if (prng.chance(0.5)) return { type: 'closeSession', paths: undefined };
    return { type: 'closeSession', paths: [...owned.filter(() => prng.chance(0.5)), '/gone'] };
  }

  #create(strange: boolean): TxnBody {
    const prng = this.#prng;
    const nodes = this.#model.nodes;
    let path = this.#newPath();
    if (strange) path = prng.chance(0.5) ? this.#leaf() : this.#anyPath();
    const stored = nodes.get(parentOf(path))?.cversion ?? 0;
    let parentCVersion: number | undefined = stored + 1;
    if (strange) parentCVersion = prng.pick([undefined, -1, 0, stored, stored + 5]);
    const type = prng.pick([
      'create',
      'create',
      'create2',
      'createContainer',
      'createTTL',
    ] as const);
    return {
      type,
      path,
      data: this.#data(),
      acl: this.#acl(),
      ephemeral: prng.chance(0.4),
      parentCVersion,
      ttl: BigInt(1 + prng.below(100_000)),
    };
  }

  /** Mostly one of a few, sometimes a list nobody else has. */
  #acl(): readonly ACL[] {
    const prng = this.#prng;
    if (prng.chance(0.7)) return prng.pick(acls);
    return [{ perms: 31, id: { scheme: 'digest', id: `u${prng.below(50)}:p` } }];
  }

  #data(): Uint8Array | null {
    const prng = this.#prng;
    if (prng.chance(0.1)) return null;
    const length = prng.pick([0, 1, 15, 16, 17, 40, 130, 1000, prng.chance(0.1) ? 40_000 : 3]);
    return prng.bytes(length);
  }

  /** Of a node that may be changed, the root among them. */
  #node(): string {
    return this.#prng.pick([...this.#model.nodes.keys()]) || '/';
  }

  #leaf(): string {
    const leaves = [...this.#model.nodes].filter(
      ([path, { children }]) => children.size === 0 && !path.startsWith('/zookeeper'),
    );
    return leaves.length === 0 ? '/gone' : this.#prng.pick(leaves)[0];
  }

  #newPath(): string {
    const prng = this.#prng;
    const parents = [...this.#model.nodes.keys()].filter(
      (path) => path.split('/').length <= depthMax && !path.startsWith('/zookeeper/quota'),
    );
    const parent = prng.pick(parents);
    let name = prng.pick(names);
    while (this.#model.nodes.has(`${parent}/${name}`)) name += prng.below(10);
    return `${parent}/${name}`;
  }

  #anyPath(): string {
    const depth = 1 + this.#prng.below(depthMax - 1);
    let path = '';
    for (let i = 0; i < depth; i++) path += `/${this.#prng.pick(names)}`;
    return path;
  }
}
