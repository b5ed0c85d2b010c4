// What happens to a leader (events, past participles) and what it wants done (effects, imperatives). The driver
// performs the effects of a step in order before the next step, and answers those that say so.
//
// What happens for every transaction is not an effect but a call of LeaderHost, made inside the step: transactions
// to apply, requests of learners, the bytes of a snapshot. The host may call `propose` and `sync` from inside such
// a call, but not `step`.

import type { Writer } from '../../jute/writer.ts';
import type { Id } from '../../proto/data.ts';
import type { Sid } from '../../proto/sid.ts';
import type { SessionId, Zxid } from '../../proto/zxid.ts';
import type { QuorumVerifier } from '../election/quorum-verifier.ts';
import type { VoteTracker } from '../election/vote-tracker.ts';
import type { CommittedLog } from './committed-log.ts';
import type { LogCover } from './learner-sync.ts';
import type { Link } from './link.ts';
import type { HistoryTxn } from './txn-arena.ts';
import type { ZabNote, ZabState } from './zab-notes.ts';

export interface LeaderOptions {
  readonly mySid: Sid;
  /** Names this role period: completions that carry another term are of an earlier one, and are ignored. */
  readonly term: number;
  readonly committed: QuorumVerifier;
  /** The configuration last proposed; counts only while it is newer than the committed one. */
  readonly lastSeen?: QuorumVerifier | undefined;
  readonly tickTimeMs: number;
  readonly initLimit: number;
  readonly syncLimit: number;
  /** Ends with the last transaction of the tree. */
  readonly committedLog: CommittedLog;
  /** Java's `zookeeper.forceSnapshotSync`. */
  readonly forceSnapshotSync?: boolean;
  /** How much may be read from log files for one learner before a snapshot is cheaper. */
  readonly logBytesMax: () => number;
  /**
   * `zookeeper.leader.maxConcurrentSnapSyncs`, `maxConcurrentDiffSyncs`: for observers; followers are never turned
   * away.
   */
  readonly maxConcurrentSnapSyncs?: number;
  readonly maxConcurrentDiffSyncs?: number;
  /** `zookeeper.leader.maxTimeToWaitForEpoch`; negative: off. */
  readonly maxTimeToWaitForEpochMs?: number;
  /** Turns away learners that are not in the configuration; Java takes them all. */
  readonly refuseStrangers?: boolean;
  /** Who elected us (Leader.setLeadingVoteSet). */
  readonly voteSet?: VoteTracker | undefined;
  /** The last counter that may be used; for tests. */
  readonly counterMax?: number;
}

/** Where the leader begins: its whole history is on disk and applied. */
export interface LeaderStart {
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  /** What it was elected with: dataTree.lastProcessedZxid. */
  readonly lastProcessedZxid: Zxid;
  /** The highest accepted epoch of a voter that could not join an earlier term of ours. */
  readonly knownAcceptedEpoch?: number | undefined;
}

export type EpochName = 'acceptedEpoch' | 'currentEpoch';

export type LeaderEvent =
  | { readonly kind: 'started' }
  | { readonly kind: 'connected'; readonly link: Link }
  /** Bytes from a learner: `bytes[start, end)`, valid during the step only. */
  | ReceivedBytes
  /** What was written to the link has left, all but a little. */
  | { readonly kind: 'drained'; readonly link: Link }
  | { readonly kind: 'disconnected'; readonly link: Link; readonly reason: string }
  /** The file and its name are on disk. */
  | {
      readonly kind: 'epochSaved';
      readonly term: number;
      readonly name: EpochName;
      readonly epoch: number;
    }
  /** Our own log is on disk up to here. */
  | { readonly kind: 'synced'; readonly term: number; readonly zxid: Zxid }
  /** Answers `surveyLog`. */
  | { readonly kind: 'logSurveyed'; readonly link: Link; readonly cover: LogCover | undefined }
  /** Answers `readLog`. `failure`: the files cannot give what the survey promised. */
  | LogRead
  /** An image of the tree can be taken again (LeaderHost.beginSnapshot had said no). */
  | { readonly kind: 'snapshotAvailable' }
  /** A voter of ours is LOOKING (Leader.reportLookingSid). */
  | { readonly kind: 'lookingSidReported'; readonly sid: Sid }
  /** The election thinks its decision void. */
  | { readonly kind: 'reconsidered'; readonly reason: string }
  | { readonly kind: 'timeout' }
  /** The server leaves the role for reasons of its own. */
  | { readonly kind: 'stopped'; readonly reason: string };

/** Reused by the driver. */
export interface ReceivedBytes {
  readonly kind: 'received';
  link: Link;
  bytes: Uint8Array;
  start: number;
  end: number;
}

export interface LogRead {
  readonly kind: 'logRead';
  readonly link: Link;
  /** In order, all above the cursor that was asked from. */
  readonly txns: readonly HistoryTxn[];
  /** Everything up to the zxid that was asked for was given. */
  readonly isEnd: boolean;
  readonly failure: string | undefined;
}

export type LeaderEffect =
  /** Write the epoch file, durably, then say `epochSaved`. One at a time. */
  | { readonly kind: 'saveEpoch'; readonly name: EpochName; readonly epoch: number }
  /** A quorum follows: serve, and tell the election (epochEstablished). The next zxid is epoch and counter 1. */
  | { readonly kind: 'establish'; readonly epoch: number }
  /** The term is over; every link was closed by effects before. */
  | { readonly kind: 'abandon'; readonly reason: string }
  /**
   * Do the log files hold an unbroken history from `from` (or the transaction before it) to `to`? Then
   * `logSurveyed`.
   */
  | { readonly kind: 'surveyLog'; readonly link: Link; readonly from: Zxid; readonly to: Zxid }
  /** Read transactions above `after` up to and with `to`, at least one and about `bytes`; then `logRead`. */
  | {
      readonly kind: 'readLog';
      readonly link: Link;
      readonly after: Zxid;
      readonly to: Zxid;
      readonly bytes: number;
    }
  | { readonly kind: 'closeLink'; readonly link: Link; readonly reason: string }
  | { readonly kind: 'note'; readonly note: ZabNote };

/** A request that came through a learner. The body stands in `bytes[start, end)`, valid during the call. */
export interface LearnerRequest {
  link: Link;
  sessionId: SessionId;
  cxid: number;
  type: number;
  bytes: Uint8Array;
  start: number;
  end: number;
  authinfo: readonly Id[];
}

/** The server around a leader. */
export interface LeaderHost {
  /** Committed, in zxid order: apply it. The machine has put it into the committed log. */
  deliver(txn: HistoryTxn): void;
  /** A request of a learner's client, `sync` and createSession included. The object is reused. */
  request(request: LearnerRequest): void;
  /** A learner has heard of a session. */
  touch(link: Link, sessionId: SessionId, timeoutMs: number): void;
  /** Is the session open? Answer with `Leader.revalidated`, now or later. */
  revalidate(link: Link, sessionId: SessionId, timeoutMs: number): void;
  /** Everything proposed before the call of `sync` for this waiter of the host's is committed. */
  syncReleased(waiter: object): void;
  /**
   * Takes an image of the tree for this link and returns its zxid; undefined: not now (`snapshotAvailable`
   * follows).
   */
  beginSnapshot(link: Link): Zxid | undefined;
  /** Writes about `atMost` bytes of the image's body; false: it is complete. */
  writeSnapshot(link: Link, into: Writer, atMost: number): boolean;
  /** The image is no longer wanted, complete or not. */
  endSnapshot(link: Link): void;
}

/** Read-only, for status pages and tests. */
export interface LeaderStatus {
  readonly state: ZabState;
  readonly epoch: number | undefined;
  readonly lastProposed: Zxid;
  readonly lastCommitted: Zxid;
  readonly outstanding: number;
  readonly pendingSyncs: number;
  /** For the next term's start: what a voter that cannot join this one has accepted; −1: nobody. */
  readonly knownAcceptedEpoch: number;
  readonly learners: readonly LearnerStatus[];
}

export interface LearnerStatus {
  readonly sid: Sid;
  readonly role: 'follower' | 'observer';
  readonly phase: string;
  readonly remoteAddress: string;
}
