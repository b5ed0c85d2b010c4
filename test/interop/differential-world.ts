/**
 * What a run of the differential test knows without asking: sessions and connections, which nodes
 * there should be, their lists of ACLs, what was deleted lately. The generator draws on it to hit
 * things; the rows of differences ask it who may read what.
 *
 * In: requests that succeeded on both servers. Invariant: it never decides whether an answer is
 * right, so that a mistake here costs hits and explanations, not correctness.
 */

import { allows } from '../../src/core/tree/acl.ts';
import type { ACL, Id } from '../../src/proto/data.ts';
import { openAcl, Perms, readAcl } from '../../src/proto/data.ts';
import type { Prng } from '../../src/util/prng.ts';
import type { RawClient } from '../support/raw-client.ts';

export type SideName = 'java' | 'quoll';
export type Both<T> = Readonly<Record<SideName, T>>;

export interface SessionState {
  readonly index: number;
  readonly ids: Both<bigint>;
  readonly passwords: Both<Uint8Array>;
  readonly ephemerals: Set<string>;
  isClosed: boolean;
  connection: ConnectionState | undefined;
}

export interface ConnectionState {
  readonly index: number;
  readonly clients: Both<RawClient>;
  readonly session: SessionState;
  authIds: Id[];
  nextXid: number;
  isGone: boolean;
}

export interface NodeState {
  owner: SessionState | undefined;
  acl: readonly ACL[];
  version: number;
  aversion: number;
  children: number;
}

interface AclEntry {
  readonly step: number;
  readonly acl: readonly ACL[];
}

const deletedKept = 40;

export class World {
  readonly prng: Prng;
  readonly sessions: SessionState[] = [];
  readonly connections: ConnectionState[] = [];
  readonly nodes = new Map<string, NodeState>();
  readonly deleted: string[] = [];
  /** The last zxid the servers told, theirs being the same. */
  zxid = 0n;
  step = 0;
  /** Paths for `pick`, kept beside the Map so that drawing one costs nothing. */
  readonly #paths: string[] = [];
  readonly #at = new Map<string, number>();
  readonly #acls = new Map<string, AclEntry[]>();

  constructor(prng: Prng) {
    this.prng = prng;
    for (const path of ['/', '/zookeeper', '/zookeeper/quota']) this.created(path, openAcl);
    this.created('/zookeeper/config', readAcl);
  }

  get open(): readonly ConnectionState[] {
    return this.connections.filter(({ isGone }) => !isGone);
  }

  get nodeCount(): number {
    return this.#paths.length;
  }

  anyPath(): string {
    return this.prng.pick(this.#paths);
  }

  created(path: string, acl: readonly ACL[], owner?: SessionState): void {
    this.nodes.set(path, { owner, acl, version: 0, aversion: 0, children: 0 });
    owner?.ephemerals.add(path);
    this.#noteAcl(path, acl);
    const parent = this.nodes.get(parentOf(path));
    if (parent !== undefined && path !== '/') parent.children++;
    // Quotas are for steps of their own: a text that is none makes Java fail while it applies it.
    if (path.startsWith('/zookeeper/quota/') || this.#at.has(path)) return;
    this.#at.set(path, this.#paths.length);
    this.#paths.push(path);
  }

  removed(path: string): void {
    const node = this.nodes.get(path);
    if (node === undefined) return;
    this.nodes.delete(path);
    node.owner?.ephemerals.delete(path);
    const parent = this.nodes.get(parentOf(path));
    if (parent !== undefined) parent.children--;
    const at = this.#at.get(path);
    if (at === undefined) return;
    this.#at.delete(path);
    const last = this.#paths.pop();
    if (last !== undefined && last !== path) {
      this.#paths[at] = last;
      this.#at.set(last, at);
    }
    this.deleted.push(path);
    if (this.deleted.length > deletedKept) this.deleted.shift();
  }

  aclChanged(path: string, acl: readonly ACL[]): void {
    const node = this.nodes.get(path);
    if (node === undefined) return;
    node.acl = acl;
    node.aversion++;
    this.#noteAcl(path, acl);
  }

  sessionEnded(session: SessionState): void {
    session.isClosed = true;
    for (const path of [...session.ephemerals]) this.removed(path);
  }

  gone(connection: ConnectionState): void {
    connection.isGone = true;
    if (connection.session.connection === connection) connection.session.connection = undefined;
    this.connections.splice(this.connections.indexOf(connection), 1);
  }

  /**
   * Whether the node's list, or one it had during this step, keeps these ids from reading. Of a
   * deleted node the last list counts.
   */
  mayNotHaveRead(path: string, ids: readonly Id[]): boolean {
    const entries = this.#acls.get(path) ?? [];
    return entries.some(
      ({ acl, step }, i) =>
        (step === this.step || (entries[i + 1]?.step ?? this.step) === this.step) &&
        !allows(acl, Perms.READ, ids),
    );
  }

  #noteAcl(path: string, acl: readonly ACL[]): void {
    const entries = this.#acls.get(path);
    if (entries === undefined) this.#acls.set(path, [{ step: this.step, acl }]);
    else {
      entries.push({ step: this.step, acl });
      while (entries.length > 4) entries.shift();
    }
  }
}

export function parentOf(path: string): string {
  const cut = path.lastIndexOf('/');
  return cut <= 0 ? '/' : path.substring(0, cut);
}
