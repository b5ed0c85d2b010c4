// What the four-letter words, the metrics and the console see of a server's role: alone, looking for a leader, leading,
// learning. In: whoever holds the role gives one object, whose values are asked when a word is answered and may be
// getters; out: a lone server's, and the words Java has for what is told (QuorumPeer.getDetailedPeerState).
// Invariant: `learners` and what follows are of a leader only, `leader` and `epoch` of who has one.

import type { SyncMode, ZabState } from '../core/zab/zab-notes.ts';
import type { Sid } from '../proto/sid.ts';
import type { ProposalSizes } from './metrics-ensemble.ts';

/** What `srvr` calls Mode and `mntr` server_state; `looking` is never shown there, such a server does not serve. */
export type RoleState = 'standalone' | 'looking' | 'leader' | 'follower' | 'observer' | 'read-only';

export interface RoleView {
  readonly state: RoleState;
  /** Of a lone server undefined. */
  readonly sid: Sid | undefined;
  /** Whom we follow or elected, ourselves if we lead; undefined: nobody. */
  readonly leader: Sid | undefined;
  /** Of the term; undefined: not established yet, or no term. */
  readonly epoch: number | undefined;
  /** ELECTION while looking, and of a lone server. */
  readonly phase: ZabState | 'ELECTION';
  /** How this term's learner was brought up to date. */
  readonly syncMode: SyncMode | undefined;
  /** Voters of the committed configuration (QuorumPeer.getQuorumSize). */
  readonly quorumSize: number;
  /** Of the last election, in ms. */
  readonly electionMs: number | undefined;
  /** When the leader's role was taken, on the clock of `now`. */
  readonly leadingSince: number | undefined;
  readonly learners: readonly LearnerView[];
  /** Of a leader: `sync` requests that wait for a commit. */
  readonly pendingSyncs: number;
  readonly proposals: ProposalsView;
}

/** A connection to a leader that said who it is. */
export interface LearnerView {
  readonly sid: Sid;
  readonly role: 'follower' | 'observer';
  /** A follower that is no member: it is served and has no vote. */
  readonly isVoter: boolean;
  /** It gets proposals, or what was committed, as they come. */
  readonly isSynced: boolean;
  readonly remoteAddress: string;
}

export interface ProposalsView extends ProposalSizes {
  /** Proposed and not committed. */
  readonly outstanding: number;
}

export const noProposals: ProposalsView = {
  outstanding: 0,
  lastSize: -1,
  minSize: -1,
  maxSize: -1,
};

export const standaloneRole: RoleView = {
  state: 'standalone',
  sid: undefined,
  leader: undefined,
  epoch: undefined,
  phase: 'ELECTION',
  syncMode: undefined,
  quorumSize: 1,
  electionMs: undefined,
  leadingSince: undefined,
  learners: [],
  pendingSyncs: 0,
  proposals: noProposals,
};

const peerStates: Readonly<Record<RoleState, string>> = {
  standalone: 'looking',
  looking: 'looking',
  'read-only': 'looking',
  leader: 'leading',
  follower: 'following',
  observer: 'observing',
};

/** A member of an ensemble in a role with a leader (QuorumZooKeeperServer). */
export function hasPeer({ state }: RoleView): boolean {
  return state === 'leader' || state === 'follower' || state === 'observer';
}

/** `following - broadcast`, while it is brought up to date also how: what `mntr` calls peer_state. */
export function peerStateOf({ state, phase, syncMode }: RoleView): string {
  const words = [peerStates[state]];
  if (phase !== 'ELECTION') words.push(phase.toLowerCase());
  if (phase === 'SYNCHRONIZATION' && syncMode !== undefined) words.push(syncMode.toLowerCase());
  return words.join(' - ');
}
