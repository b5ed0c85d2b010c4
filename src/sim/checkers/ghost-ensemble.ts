// What an ensemble stands for, kept outside of its servers: every transaction any of them ever logged, which epochs
// were established by whom and on what, how far it is committed. In: what goes to their disks, what they say when they
// are established, how far those that serve have come. Out: the one history, and violations of LD1, LD3 (one leader an
// epoch, whose history has all that is committed), HI2, HI3 (one value a zxid), HI12 (no holes), HI13 (a quorum has on
// disk what is committed), EP1 to EP3, EP5, ST1.
//
// A history is told by its last zxid: inside an epoch counters have no holes, and what stood before the epoch's first
// transaction is known from the moment its leader was established.

import type { QuorumVerifier } from '../../core/election/quorum-verifier.ts';
import { Reader } from '../../jute/reader.ts';
import { TxnHeader } from '../../proto/txn.ts';
import { counterOf, epochOf, hexZxid, makeZxid } from '../../proto/zxid.ts';
import { equalBytes } from '../../util/bytes.ts';
import type { DiskCall } from '../memory-files.ts';
import { servingIn } from '../sim-ensemble.ts';
import type { ServerEnd, SimServer } from '../sim-server.ts';
import type { LogLine, World } from '../world.ts';
import type { GhostEntry } from './ghost-log.ts';
import { transactionsIn } from './ghost-log.ts';

interface Established {
  readonly who: string;
  /** Where its history ended. */
  readonly after: bigint;
}

interface EpochsSeen {
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
}

/** What one server's log holds. */
interface Logged {
  /** Written and not synced, in order. */
  unsynced: { readonly file: object | undefined; readonly index: number; readonly zxid: bigint }[];
  /** Whatever happens to the power, it is there: unless the server cut it away itself. */
  readonly durable: Set<bigint>;
}

interface Leading {
  readonly server: SimServer;
  readonly epoch: number;
  committed: bigint;
}

const establishedLine = /-> established in epoch 0x([0-9a-f]+)$/;

export class GhostEnsemble {
  readonly entries = new Map<bigint, GhostEntry>();
  readonly established = new Map<number, Established>();
  /** The highest zxid known to be committed. */
  committed = 0n;
  readonly #world: World;
  readonly #digests = new Map<bigint, { readonly who: string; readonly digest: bigint }>();
  readonly #epochs = new Map<string, EpochsSeen>();
  readonly #logs = new Map<string, Logged>();
  readonly #verifier: QuorumVerifier;
  #leaders: Leading[] = [];

  constructor(world: World, verifier: QuorumVerifier) {
    this.#world = world;
    this.#verifier = verifier;
  }

  /** For `onDiskCall` of each server. */
  diskCalled({ name }: SimServer, call: DiskCall): void {
    const wrong = (what: string): void => this.#violation('HI12', `${name}: ${what}`);
    for (const bytes of transactionsIn(call, wrong)) {
      const zxid = this.#logged(name, bytes);
      this.#logOf(name).unsynced.push({ file: call.file, index: call.index, zxid });
    }
  }

  /** For `onDiskSynced` of each server. */
  diskSynced({ name }: SimServer, synced: object, upTo: number): void {
    const log = this.#logOf(name);
    log.unsynced = log.unsynced.filter(({ file, index, zxid }) => {
      if (file !== synced || index > upTo) return true;
      log.durable.add(zxid);
      return false;
    });
  }

  /** For `onEnded` of each server: what a power loss left of unsynced writes is anybody's guess. */
  ended({ name }: SimServer, end: ServerEnd): void {
    if (end.kind === 'power lost') this.#logOf(name).unsynced = [];
  }

  /** After every event: HI13, what a leader commits is durable on a quorum. */
  look(): void {
    for (const leading of this.#leaders) {
      const { server, epoch } = leading;
      const last = server.ensembleServer?.history?.lastZxid ?? 0n;
      if (last === leading.committed) continue;
      leading.committed = last;
      // Behind the end of its term it takes what was not committed, too.
      if (servingIn(server)?.view.epoch !== epoch) {
        this.#leaders = this.#leaders.filter((other) => other !== leading);
      } else if (epochOf(last) === epoch) this.#checkDurable(server, last);
    }
  }

  /** For `onLog`. */
  said(server: SimServer, { message }: LogLine): void {
    const match = establishedLine.exec(message);
    const after = server.ensembleServer?.history?.lastZxid;
    if (match === null || after === undefined) return;
    const epoch = Number.parseInt(match[1] ?? '', 16);
    const { name: who } = server;
    const before = this.established.get(epoch);
    if (before !== undefined) {
      this.#violation('LD1', `${who} is established in epoch ${epoch}, as ${before.who} was`);
    }
    if (epochOf(after) >= epoch) {
      this.#violation('EP5', `${who} is established in epoch ${epoch} on 0x${hexZxid(after)}`);
    }
    this.established.set(epoch, { who, after });
    this.#leaders.push({ server, epoch, committed: after });
    if (!this.isOn(this.committed, after)) {
      const all = `0x${hexZxid(this.committed)} is committed`;
      this.#violation('LD3', `${who} leads epoch ${epoch} after 0x${hexZxid(after)}, ${all}`);
    }
    this.#commit(who, after);
  }

  /** Looks at a server between two of its callbacks. */
  sample(server: SimServer): void {
    const { name: who, ensembleServer } = server;
    const history = ensembleServer?.history;
    if (history === undefined) return;
    this.#checkEpochs(who, history.epochs, history.lastZxid);
    if (servingIn(server) === undefined) return;
    const { database, lastZxid } = history;
    this.#commit(who, lastZxid);
    const { digestEnabled } = database.tree.options;
    if (!digestEnabled) return;
    if (database.lastDigestMismatch !== undefined) {
      const { zxid } = database.lastDigestMismatch;
      this.#violation('ST1', `${who}: the digest of 0x${hexZxid(zxid)} was not what it said`);
    }
    const { digest } = database.tree;
    const known = this.#digests.get(lastZxid);
    if (known === undefined) this.#digests.set(lastZxid, { who, digest });
    else if (known.digest !== digest) {
      this.#violation('ST1', `${who} and ${known.who} differ at 0x${hexZxid(lastZxid)}`);
    }
  }

  /** Its disk was replaced: nothing is left of what it had. */
  forget(server: SimServer): void {
    this.#epochs.delete(server.name);
    this.#logs.delete(server.name);
  }

  /** Is `zxid` part of the history that ends with `end`? */
  isOn(zxid: bigint, end: bigint): boolean {
    let last = end;
    while (epochOf(last) > epochOf(zxid)) {
      last = this.established.get(epochOf(last))?.after ?? 0n;
    }
    return epochOf(last) === epochOf(zxid) && counterOf(zxid) <= counterOf(last);
  }

  /** All of the history that ends with the last committed transaction, in order. */
  history(): GhostEntry[] {
    const entries: GhostEntry[] = [];
    for (let last = this.committed; last > 0n; ) {
      const epoch = epochOf(last);
      for (let counter = counterOf(last); counter > 0; counter--) {
        const entry = this.entries.get(makeZxid(epoch, counter));
        if (entry !== undefined) entries.push(entry);
        else {
          const zxid = hexZxid(makeZxid(epoch, counter));
          this.#violation('HI12', `0x${zxid} is committed, and nobody logged it`);
        }
      }
      last = this.established.get(epoch)?.after ?? 0n;
    }
    return entries.reverse();
  }

  /** One value a zxid, for ever, on every server, whether it is committed or not. */
  #logged(who: string, bytes: Uint8Array): bigint {
    const header = TxnHeader.read(new Reader(bytes));
    const { zxid } = header;
    const known = this.entries.get(zxid);
    if (known === undefined) {
      this.entries.set(zxid, { ...header, bytes, writtenAt: this.#world.clock.now });
    } else if (!equalBytes(known.bytes, bytes)) {
      this.#violation('HI2', `${who} logs another 0x${hexZxid(zxid)} than was logged before`);
    }
    if (!this.established.has(epochOf(zxid))) {
      this.#violation('HI2', `${who} logs 0x${hexZxid(zxid)}, and nobody ever led its epoch`);
    }
    return zxid;
  }

  #checkDurable({ name }: SimServer, zxid: bigint): void {
    const sids: bigint[] = [];
    for (const sid of this.#verifier.voters) {
      if (this.#logs.get(`s${sid}`)?.durable.has(zxid) === true) sids.push(sid);
    }
    if (this.#verifier.containsQuorum(sids)) return;
    const where = sids.length === 0 ? 'no server' : sids.join(', ');
    this.#violation('HI13', `${name} commits 0x${hexZxid(zxid)}, durable on ${where} only`);
  }

  #logOf(who: string): Logged {
    let log = this.#logs.get(who);
    if (log === undefined) {
      log = { unsynced: [], durable: new Set() };
      this.#logs.set(who, log);
    }
    return log;
  }

  #commit(who: string, zxid: bigint): void {
    const [low, high] = zxid < this.committed ? [zxid, this.committed] : [this.committed, zxid];
    if (!this.isOn(low, high)) {
      const what = `${who} has committed 0x${hexZxid(zxid)}`;
      this.#violation('HI3', `${what}, 0x${hexZxid(this.committed)} is committed elsewhere`);
    }
    this.committed = high;
  }

  #checkEpochs(who: string, epochs: EpochsSeen, lastZxid: bigint): void {
    const { acceptedEpoch, currentEpoch } = epochs;
    const before = this.#epochs.get(who);
    this.#epochs.set(who, epochs);
    const now = `accepted epoch ${acceptedEpoch}, current ${currentEpoch}`;
    if (currentEpoch > acceptedEpoch) this.#violation('EP3', `${who}: ${now}`);
    if (epochOf(lastZxid) > acceptedEpoch) {
      this.#violation('EP5', `${who}: ${now}, last zxid 0x${hexZxid(lastZxid)}`);
    }
    if (before === undefined) return;
    const was = `accepted epoch ${before.acceptedEpoch}, current ${before.currentEpoch}`;
    if (acceptedEpoch < before.acceptedEpoch) this.#violation('EP1', `${who}: ${now}, was ${was}`);
    if (currentEpoch < before.currentEpoch) this.#violation('EP2', `${who}: ${now}, was ${was}`);
  }

  #violation(invariant: string, what: string): void {
    this.#world.violation(invariant, what);
  }
}
