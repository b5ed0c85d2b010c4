// A learner's way into a term (Learner.registerWithLeader, syncWithLeader): it introduces itself, promises the
// epoch, is brought to the leader's history and acknowledges NEWLEADER. In: the packets before UPTODATE, and the
// disk. Out: packets, effects; or the end of the term, with a reason.
//
// Invariants, asserted at each arrow: acceptedEpoch on disk -> ACKEPOCH; our history, a snapshot or all that was
// proposed before NEWLEADER, on disk -> currentEpoch on disk -> ACK of NEWLEADER -> ACKs of proposals. While the disk
// works on a cut or a snapshot the link is not read.
// Different from Java on purpose: proposals are logged as they come, so a crash leaves a prefix of the leader's
// history; a snapshot is on disk before anything behind it is logged; who cannot cut its log asks for a snapshot.

import { decodeUtf8 } from '../../jute/utf8.ts';
import { Writer } from '../../jute/writer.ts';
import { packetName, writeBarePacket, writeDataPacket } from '../../proto/packets.ts';
import { LearnerInfo, PacketType, zabProtocolVersion } from '../../proto/quorum.ts';
import type { Zxid } from '../../proto/zxid.ts';
import { counterOf, epochOf, makeZxid } from '../../proto/zxid.ts';
import { assert } from '../../util/assert.ts';
import { isConfigFault, parseQuorumConfig, printQuorumConfig } from '../election/quorum-config.ts';
import { epochLeapMax } from './epoch-proposal.ts';
import type { EpochName } from './leader-events.ts';
import type * as learning from './learner-events.ts';
import { snapSignature } from './learner-feed.ts';
import type { LearnerHistory } from './learner-history.ts';
import type { Link } from './link.ts';
import type { NoteFacts, SyncMode } from './zab-notes.ts';
import { hex } from './zab-notes.ts';

export type HandshakePhase =
  /** FOLLOWERINFO was sent, or will be when the link stands. */
  | { readonly kind: 'discovering' | 'savingAcceptedEpoch' }
  /** ACKEPOCH was sent. */
  | { readonly kind: 'promised' }
  | { readonly kind: 'truncating' | 'signature' | 'savingSnapshot'; readonly zxid: Zxid }
  | { readonly kind: 'loading'; readonly zxid: Zxid; readonly intake: learning.SnapshotIntake }
  /** Transactions, up to NEWLEADER. */
  | { readonly kind: 'catchingUp' }
  /** NEWLEADER came: everything up to `last` is on its way to the disk, then the epoch is. */
  | { readonly kind: 'savingHistory' | 'savingCurrentEpoch'; readonly last: Zxid }
  /** NEWLEADER was acknowledged. */
  | { readonly kind: 'done' };

/** What the parts of a learner do through it. */
export interface LearnerTerm {
  want(effect: learning.LearnerEffect): void;
  note(facts: NoteFacts): void;
  abandon(reason: string, how?: { readonly refusal?: true; readonly wantsSnapshot?: true }): void;
  /** The packet in the stream has no place here. */
  outOfTurn(): void;
  /** Our own work is over: the leader's time begins anew. */
  awaitLeader(): void;
}

export class LearnerHandshake {
  readonly #options: learning.LearnerOptions;
  readonly #link: Link;
  readonly #host: learning.LearnerHost;
  readonly #history: LearnerHistory;
  readonly #term: LearnerTerm;
  #phase: HandshakePhase = { kind: 'discovering' };
  #epoch: number | undefined;
  #syncMode: SyncMode | undefined;
  /** When the synchronization began, and what had been received by then. */
  #syncAt = 0;
  #syncFrom = 0;

  constructor(
    options: learning.LearnerOptions,
    link: Link,
    host: learning.LearnerHost,
    history: LearnerHistory,
    term: LearnerTerm,
  ) {
    assert(options.currentEpoch <= options.acceptedEpoch, 'currentEpoch is at most acceptedEpoch');
    this.#options = options;
    this.#link = link;
    this.#host = host;
    this.#history = history;
    this.#term = term;
  }

  get phase(): HandshakePhase['kind'] {
    return this.#phase.kind;
  }

  /** The leader's, from LEADERINFO. */
  get epoch(): number | undefined {
    return this.#epoch;
  }

  get syncMode(): SyncMode | undefined {
    return this.#syncMode;
  }

  /** Nothing more is read until the disk is done. */
  get isHeld(): boolean {
    const { kind } = this.#phase;
    return kind === 'truncating' || kind === 'savingSnapshot' || kind === 'savingAcceptedEpoch';
  }

  /** It is our own disk that is waited for. */
  get isDiskAwaited(): boolean {
    const { kind } = this.#phase;
    return this.isHeld || kind === 'savingHistory' || kind === 'savingCurrentEpoch';
  }

  /** Transactions may come. */
  get takesHistory(): boolean {
    const { kind } = this.#phase;
    return (
      kind === 'catchingUp' ||
      kind === 'savingHistory' ||
      kind === 'savingCurrentEpoch' ||
      kind === 'done'
    );
  }

  introduce(): void {
    const { mySid, role, acceptedEpoch, configVersion, leader } = this.#options;
    const info = { serverid: mySid, protocolVersion: zabProtocolVersion, configVersion };
    const data = new Writer(20);
    LearnerInfo.write(data, info);
    const type = role === 'observer' ? PacketType.OBSERVERINFO : PacketType.FOLLOWERINFO;
    writeDataPacket(this.#link.out, type, makeZxid(acceptedEpoch, 0), data.written());
    const what = `connected to leader ${leader}`;
    const decision = `send ${packetName(type)} (accepted epoch ${hex(acceptedEpoch)})`;
    this.#term.note({ event: 'phase', what, decision });
  }

  /** The bytes of a snapshot, which are no packets. undefined: packets come now; false: more bytes are needed. */
  readSnapshot(): boolean | undefined {
    const { stream } = this.#link;
    const phase = this.#phase;
    if (phase.kind === 'loading') {
      const rest = stream.rest();
      if (rest.length === 0) return false;
      stream.skip(phase.intake.push(rest));
      if (phase.intake.complete) this.#phase = { kind: 'signature', zxid: phase.zxid };
      return true;
    }
    if (phase.kind !== 'signature') return undefined;
    if (!stream.nextString(snapSignature)) return false;
    this.#phase = { kind: 'savingSnapshot', zxid: phase.zxid };
    this.#term.want({ kind: 'pause' });
    this.#term.want({ kind: 'saveSnapshot', zxid: phase.zxid });
    return true;
  }

  /** LEADERINFO and the first packet of the synchronization; NEWLEADER. */
  packet(now: number): void {
    const { type } = this.#link.stream.view;
    const { kind } = this.#phase;
    if (kind === 'discovering' && type === PacketType.LEADERINFO) this.#onLeaderInfo();
    else if (kind === 'promised') this.#onSync(now);
    else if (kind === 'catchingUp' && type === PacketType.NEWLEADER) this.#onNewLeader(now);
    else this.#term.outOfTurn();
  }

  synced(): void {
    this.#trySaveCurrentEpoch();
  }

  epochSaved(name: EpochName, epoch: number): void {
    const phase = this.#phase;
    assert(epoch === this.#epoch, 'the epoch that was saved is the one of the leader');
    const what = `${name} ${hex(epoch)} is on disk`;
    if (name === 'acceptedEpoch') {
      assert(phase.kind === 'savingAcceptedEpoch', 'acceptedEpoch is saved behind LEADERINFO');
      this.#sendAckEpoch(this.#options.currentEpoch, what);
      return;
    }
    assert(phase.kind === 'savingCurrentEpoch', 'currentEpoch is saved behind NEWLEADER');
    assert(this.#history.lastDurable >= phase.last, 'history is on disk before currentEpoch');
    this.#phase = { kind: 'done' };
    writeBarePacket(this.#link.out, PacketType.ACK, makeZxid(epoch, 0));
    this.#history.newLeaderAcked();
    this.#term.awaitLeader();
    this.#term.note({ event: 'phase', what, decision: 'send ACK of NEWLEADER' });
  }

  truncated(lastZxid: Zxid, failure: string | undefined): void {
    const phase = this.#phase;
    assert(phase.kind === 'truncating', 'a history is cut when the leader says so');
    if (failure !== undefined) {
      const reason = `cannot cut to ${hex(phase.zxid)}: ${failure}`;
      this.#term.abandon(reason, { wantsSnapshot: true });
      return;
    }
    assert(lastZxid <= phase.zxid, 'nothing is left above the cut');
    if (lastZxid < phase.zxid) {
      // The leader thought that we had this one. Next time it hears what we have.
      this.#term.abandon(`cut to ${hex(phase.zxid)}, which leaves us at ${hex(lastZxid)}`);
      return;
    }
    this.#checkCommittedLog(lastZxid);
    this.#history.rebase(lastZxid, false);
    this.#readOn(`cut to ${hex(lastZxid)}`);
  }

  snapshotSaved(): void {
    const phase = this.#phase;
    assert(phase.kind === 'savingSnapshot', 'a snapshot is saved when it is complete');
    this.#checkCommittedLog(phase.zxid);
    this.#history.rebase(phase.zxid, true);
    this.#readOn(`snapshot ${hex(phase.zxid)} is on disk`);
  }

  #checkCommittedLog(zxid: Zxid): void {
    const max = this.#options.committedLog.max ?? zxid;
    assert(max <= zxid, 'the committed log ends where the tree does');
  }

  #onLeaderInfo(): void {
    const { stream } = this.#link;
    const version = stream.data().int();
    const epoch = epochOf(stream.view.zxid);
    const { acceptedEpoch, leader } = this.#options;
    const what = `recv LEADERINFO from ${leader}: epoch ${hex(epoch)}`;
    if (version < zabProtocolVersion) {
      const reason = `${what} with protocol ${hex(version)}, older than Zab 1.0`;
      this.#term.abandon(reason, { refusal: true });
      return;
    }
    if (epoch < acceptedEpoch) {
      const reason = `${what}, lower than our accepted epoch ${hex(acceptedEpoch)}`;
      this.#term.abandon(reason, { refusal: true });
      return;
    }
    // A promise is for good: one to a leader that makes it all up would use up the epochs of the ensemble.
    if (acceptedEpoch > 0 && epoch - acceptedEpoch > epochLeapMax) {
      const reason = `${what}, far above our accepted epoch ${hex(acceptedEpoch)}`;
      this.#term.abandon(reason, { refusal: true });
      return;
    }
    this.#epoch = epoch;
    if (epoch === acceptedEpoch) {
      // We have promised this before: it does not count again, but the leader must know where we are.
      this.#sendAckEpoch(-1, what);
      return;
    }
    this.#phase = { kind: 'savingAcceptedEpoch' };
    this.#term.want({ kind: 'saveEpoch', name: 'acceptedEpoch', epoch });
    this.#term.note({ event: 'received', what, decision: 'save acceptedEpoch' });
  }

  #sendAckEpoch(currentEpoch: number, what: string): void {
    const { lastZxid, wantsSnapshot = false } = this.#options;
    // Who has nothing gets a snapshot; such a promise must not count, as it hides what we have.
    const epoch = wantsSnapshot ? -1 : currentEpoch;
    const zxid = wantsSnapshot ? 0n : lastZxid;
    const data = new Writer(4);
    data.int(epoch);
    writeDataPacket(this.#link.out, PacketType.ACKEPOCH, zxid, data.written());
    this.#phase = { kind: 'promised' };
    this.#term.awaitLeader();
    const decision = `send ACKEPOCH (epoch ${hex(epoch)}, zxid ${hex(zxid)})`;
    this.#term.note({ event: 'phase', what, decision });
  }

  #onSync(now: number): void {
    const { stream } = this.#link;
    const { type, zxid } = stream.view;
    const { wantsSnapshot = false, leader, lastZxid } = this.#options;
    const what = `recv ${packetName(type)} ${hex(zxid)} from ${leader}`;
    const event = 'sync';
    this.#syncAt = now;
    this.#syncFrom = stream.received;
    if (wantsSnapshot && type !== PacketType.SNAP) {
      this.#term.abandon(`${what}, where only a snapshot will do`);
      return;
    }
    switch (type) {
      case PacketType.DIFF:
        this.#syncMode = 'DIFF';
        this.#phase = { kind: 'catchingUp' };
        this.#term.note({ event, what, decision: `go on behind ${hex(lastZxid)}` });
        return;
      case PacketType.TRUNC:
        this.#syncMode = 'TRUNC';
        this.#phase = { kind: 'truncating', zxid };
        this.#term.want({ kind: 'pause' });
        this.#term.want({ kind: 'truncate', zxid });
        this.#term.note({ level: 'warn', event, what, decision: 'cut log and snapshots' });
        return;
      case PacketType.SNAP:
        this.#syncMode = 'SNAP';
        this.#phase = { kind: 'loading', zxid, intake: this.#host.beginSnapshot(zxid) };
        this.#term.note({ event, what, decision: 'load it beside our state' });
        return;
      default:
        this.#term.outOfTurn();
    }
  }

  #readOn(what: string): void {
    this.#phase = { kind: 'catchingUp' };
    this.#term.awaitLeader();
    this.#term.want({ kind: 'resume' });
    this.#term.note({ event: 'saved', what, decision: 'go on behind it' });
  }

  #onNewLeader(now: number): void {
    const { stream } = this.#link;
    const { zxid, hasData, dataStart, dataEnd } = stream.view;
    const { leader, lastZxid } = this.#options;
    const what = `recv NEWLEADER ${hex(zxid)} from ${leader}`;
    if (epochOf(zxid) !== this.#epoch || counterOf(zxid) !== 0) {
      this.#term.abandon(`${what}, where epoch ${hex(this.#epoch ?? -1)} was promised`);
      return;
    }
    if (hasData && dataEnd - dataStart > 1) {
      const refusal = this.#judgeConfig(decodeUtf8(stream.bytes, dataStart, dataEnd));
      if (refusal !== undefined) {
        this.#term.abandon(`${what}: ${refusal}`, { refusal: true });
        return;
      }
    }
    const last = this.#history.lastAppended;
    this.#term.note({
      event: 'sync',
      sync: {
        mode: this.#syncMode ?? 'DIFF',
        from: hex(lastZxid),
        to: hex(last),
        why: 'as the leader decided',
        bytes: stream.received - this.#syncFrom,
        ms: now - this.#syncAt,
      },
      what: `${what} behind ${stream.received - this.#syncFrom} bytes`,
      decision: `history up to ${hex(last)} to disk`,
    });
    this.#phase = { kind: 'savingHistory', last };
    this.#trySaveCurrentEpoch();
  }

  /** Why this configuration cannot be followed; a difference that Java would not mind is only told. */
  #judgeConfig(text: string): string | undefined {
    const { configVersion, configText, leader } = this.#options;
    const config = parseQuorumConfig(text);
    let what = `the server lines of ${leader} differ from ours: ${text.replaceAll('\n', ' ')}`;
    if (isConfigFault(config)) {
      what = `configuration of ${leader}: ${config.key}: ${config.fault}`;
    } else if (config.version !== configVersion) {
      const versions = `version ${hex(config.version)}, ours has ${hex(configVersion)}`;
      return `its configuration has ${versions}, and to change it is not supported`;
    } else if (printQuorumConfig(config) === configText) {
      return undefined;
    }
    this.#term.note({ level: 'warn', event: 'received', what, decision: 'keep ours' });
    return undefined;
  }

  #trySaveCurrentEpoch(): void {
    const phase = this.#phase;
    if (phase.kind !== 'savingHistory' || this.#history.lastDurable < phase.last) return;
    const epoch = this.#epoch;
    assert(epoch !== undefined, 'the epoch is known');
    this.#phase = { kind: 'savingCurrentEpoch', last: phase.last };
    if (this.#options.currentEpoch === epoch) {
      this.epochSaved('currentEpoch', epoch);
      return;
    }
    this.#term.want({ kind: 'saveEpoch', name: 'currentEpoch', epoch });
    const what = `history up to ${hex(phase.last)} is on disk`;
    this.#term.note({ event: 'saved', what, decision: 'save currentEpoch' });
  }
}
