// What happens to an election (events, past participles), what it wants done (effects, imperatives), and the record it
// keeps of both. The driver performs the effects of one step in order before the next step; `send` never fails, it is
// a message for the newest-wins queue of that server.

import type { ServerState } from '../../proto/notification.ts';
import type { Sid } from '../../proto/sid.ts';
import type { QuorumConfig } from './quorum-config.ts';
import type { QuorumVerifier } from './quorum-verifier.ts';
import type { Vote } from './vote.ts';
import type { VoteTracker } from './vote-tracker.ts';

export interface ElectionOptions {
  readonly mySid: Sid;
  readonly committed: QuorumVerifier;
  /** The configuration last proposed; counts only while it is newer than the committed one. */
  readonly lastSeen?: QuorumVerifier | undefined;
  /** Take a newer configuration from a member while LOOKING (reconfigEnabled). */
  readonly adoptsConfigs?: boolean;
  /** Decide without waiting when nothing better can come; false: exactly Java's timing. */
  readonly decidesEarly?: boolean;
  /** How long a quorum waits for a better vote (finalizeWait). */
  readonly finalizeWaitMs?: number;
  /** The first and the longest pause before the vote is sent again (zookeeper.fastleader.*NotificationInterval). */
  readonly minNotificationIntervalMs?: number;
  readonly maxNotificationIntervalMs?: number;
}

export type ElectionEvent =
  /** Look for a leader, in a new round. The own vote: lastProcessedZxid (−1: uninitialized) and currentEpoch. */
  | { readonly kind: 'started'; readonly zxid: bigint; readonly currentEpoch: bigint }
  /** One message as it came; the bytes are valid during the step only. */
  | { readonly kind: 'received'; readonly from: Sid; readonly bytes: Uint8Array }
  | { readonly kind: 'linkEstablished'; readonly sid: Sid }
  | { readonly kind: 'linkBroken'; readonly sid: Sid }
  /** No address of this server took the connection; a dial that merely took too long is not refused. */
  | { readonly kind: 'dialRefused'; readonly sid: Sid }
  /** `deadline` was reached, or any other time: early and late calls are harmless. */
  | { readonly kind: 'timeout' }
  /** The role decided on was left; LOOKING, but not ready to vote yet. What comes waits for `started`. */
  | { readonly kind: 'left' }
  /** The epoch is established: replies name it from now on (QuorumPeer.updateElectionVote). */
  | { readonly kind: 'epochEstablished'; readonly epoch: bigint }
  /** The configuration changed; a running round must be `started` anew. */
  | {
      readonly kind: 'configured';
      readonly committed: QuorumVerifier;
      readonly lastSeen: QuorumVerifier | undefined;
    }
  | { readonly kind: 'stopped' };

export interface Decision {
  /** What was voted for, and in which round. */
  readonly vote: Vote;
  readonly state: Exclude<ServerState, 'LOOKING'>;
  readonly leader: Sid;
  /** Who voted so. A leader keeps it to judge `reportLookingSid` (Leader.setLeadingVoteSet). */
  readonly voteSet: VoteTracker;
  /** Decided before finalizeWait was over: servers that wait may follow 200 ms and more behind. */
  readonly early: boolean;
}

export type ElectionEffect =
  | { readonly kind: 'send'; readonly to: Sid; readonly bytes: Uint8Array }
  /** Dial this server if there is no link. */
  | { readonly kind: 'connect'; readonly sid: Sid }
  /** Dial every server that has messages and no link. */
  | { readonly kind: 'connectAll' }
  | { readonly kind: 'decide'; readonly decision: Decision }
  /** While LEADING: a voter of ours is LOOKING (Leader.reportLookingSid). */
  | { readonly kind: 'reportLookingSid'; readonly sid: Sid }
  /** The decision seems void: a peer whose epoch is not established had better look again. Once a decision. */
  | { readonly kind: 'reconsider'; readonly reason: string }
  /**
   * A member has a newer configuration. `differs`: the round was given up; answer with `configured` and `started`.
   * Otherwise only its version is new.
   */
  | {
      readonly kind: 'adoptConfig';
      readonly config: QuorumConfig;
      readonly from: Sid;
      readonly differs: boolean;
    }
  | { readonly kind: 'note'; readonly note: ElectionNote };

/** A vote in a form that JSON keeps: zxids in hex, sids and epochs as numbers, null for "none". */
export interface NotedVote {
  readonly leader: number | null;
  readonly zxid: string;
  readonly peerEpoch: number | null;
  readonly round: number;
}

/** One thing that happened in an election, and what was made of it. */
export interface ElectionNote {
  readonly level: 'debug' | 'info' | 'warn';
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly event:
    | 'started'
    | 'received'
    | 'sent'
    | 'link'
    | 'timeout'
    | 'decided'
    | 'reconsidered'
    | 'config';
  /** The logical clock after the event. */
  readonly round: number;
  /** Who it came from or went to. */
  readonly peers: readonly number[];
  readonly state: ServerState | undefined;
  readonly vote: NotedVote | undefined;
  readonly decision: string;
  /** The same for people: `event -> decision`. */
  readonly line: string;
}

/** When the machine wants a `timeout`, and what for. */
export interface Deadline {
  readonly at: number;
  readonly why: string;
}

/** Read-only, for status pages and tests. */
export interface ElectionStatus {
  readonly state: ServerState;
  readonly round: bigint;
  readonly vote: Vote;
}
