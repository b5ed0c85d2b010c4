// What a server remembers (ZKDatabase.java): the tree, the sessions and how far transactions were
// applied. One value of this class is one state of the replicated machine; recovery fills a fresh
// one for each candidate snapshot.
//
// Invariant: `sessions` is the fold of createSession and closeSession transactions;
// lastProcessedZxid never decreases.

import { Reader } from '../../jute/reader.ts';
import { encodeUtf8 } from '../../jute/utf8.ts';
import { readAcl } from '../../proto/data.ts';
import type { Zxid } from '../../proto/zxid.ts';
import { highOf, longOf, lowOf } from '../../proto/zxid.ts';
import type { TreeOptions } from './data-tree.ts';
import { DataTree, digestVersion } from './data-tree.ts';
import { QuotaBook } from './quota-book.ts';

/** One remembered digest: what the tree summed to at a zxid (four-letter word `hash`). */
export interface DigestAt {
  readonly zxid: Zxid;
  readonly digest: bigint;
}

/** A digest is remembered each time a zxid is divisible by this, and this many are kept (DataTree.java). */
const digestInterval = 128;
const digestHistoryMax = 1024;

const emptyBytes = new Uint8Array(0);

export class Database {
  readonly tree: DataTree;
  /** Session id -> timeout in ms, as createSession said. */
  readonly sessions = new Map<bigint, number>();
  readonly quotas: QuotaBook;
  readonly digestHistory: DigestAt[] = [];
  /** Reads transactions; shared, since one is applied at a time. */
  readonly reader = new Reader(emptyBytes);
  zxidHigh = 0;
  zxidLow = 0;
  /** While replaying behind a fuzzy snapshot, digests are compared only from this zxid on. */
  compareDigestFrom: Zxid = 0n;
  /** Transactions after which our digest was not the one they carried. */
  digestMismatches = 0;
  lastDigestMismatch:
    | { readonly zxid: Zxid; readonly expected: bigint; readonly found: bigint }
    | undefined;

  constructor(options: TreeOptions) {
    this.tree = new DataTree(options);
    this.quotas = new QuotaBook(this.tree);
  }

  get lastProcessedZxid(): Zxid {
    return longOf(this.zxidHigh, this.zxidLow);
  }

  set lastProcessedZxid(zxid: Zxid) {
    this.zxidHigh = highOf(zxid);
    this.zxidLow = lowOf(zxid);
  }

  /** The nodes every tree has (DataTree's constructor); adds those that are missing, as in files of old versions. */
  ensureSystemNodes(): this {
    this.#ensure('/zookeeper');
    this.#ensure('/zookeeper/quota');
    if (this.tree.findPath('/zookeeper/config') < 0) {
      const slot = this.#ensure('/zookeeper/config');
      this.tree.setAcl(slot, this.tree.aclCache.use(readAcl), -1);
    }
    return this;
  }

  /**
   * Who the servers are, as /zookeeper/config shows it: every server writes it for itself, in no transaction
   * (ZKDatabase.initConfigInZKDatabase). Its digest is nobody's.
   */
  setConfig(text: string, version: bigint, wallTime: number): void {
    const bytes = encodeUtf8(text);
    const slot = this.tree.findPath('/zookeeper/config');
    const timeHigh = Math.floor(wallTime / 0x100000000);
    const low = wallTime | 0;
    const [high, lowest] = [highOf(version), lowOf(version)];
    this.tree.setData(slot, bytes, 0, bytes.length, -1, high, lowest, timeHigh, low);
  }

  /** A snapshot's nodes are all here: what is worked out from them, before any transaction is replayed. */
  snapshotLoaded(): void {
    this.ensureSystemNodes();
    this.quotas.rebuild();
    this.tree.aclCache.purgeUnused();
  }

  /** After the replay: a node whose ACL never came, by its path. Only a damaged or incomplete directory has one. */
  nodeWithoutAcl(): string | undefined {
    const { tree } = this;
    for (let slot = 0; slot < tree.slotLimit; slot++) {
      if (tree.isLive(slot) && tree.aclId(slot) !== -1 && !tree.aclCache.has(tree.aclId(slot))) {
        return tree.pathOf(slot);
      }
    }
    return undefined;
  }

  /** Remembers the digest at this zxid where one is due. */
  noteDigest(): void {
    if (!this.tree.options.digestEnabled || (this.zxidLow & (digestInterval - 1)) !== 0) return;
    this.digestHistory.push({ zxid: this.lastProcessedZxid, digest: this.tree.digest });
    if (this.digestHistory.length > digestHistoryMax) this.digestHistory.shift();
  }

  /** The tree came from a leader that may have gone on while it was sent: no digest fits until `becameExact`. */
  becameFuzzy(): void {
    this.compareDigestFrom = 0x7fffffffffffffffn;
  }

  /** What came behind the snapshot is applied: from now on every digest must fit. */
  becameExact(): void {
    const zxid = this.lastProcessedZxid;
    if (this.compareDigestFrom > zxid) this.compareDigestFrom = zxid;
  }

  /** Compares our digest with the one a transaction carried. Never fatal: Java mismatches itself in known cases. */
  compareDigest(version: number, high: number, low: number): void {
    const tree = this.tree;
    if (version !== digestVersion || !tree.options.digestEnabled) return;
    if (tree.digestHigh === high && tree.digestLow === low) return;
    const zxid = this.lastProcessedZxid;
    if (zxid < this.compareDigestFrom) return;
    this.digestMismatches++;
    this.lastDigestMismatch = { zxid, expected: longOf(high, low), found: tree.digest };
  }

  #ensure(path: string): number {
    const existing = this.tree.findPath(path);
    if (existing >= 0) return existing;
    const bytes = encodeUtf8(path);
    const cut = path.lastIndexOf('/');
    const parent = this.tree.find(bytes, 0, cut);
    const slot = this.tree.create(parent, bytes, cut + 1, bytes.length, 0, 0, -1);
    this.tree.childRestored(parent);
    this.tree.createStat(slot, 0, 0, 0, 0, 0n);
    return slot;
  }
}
