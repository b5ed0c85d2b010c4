// Turns what an election did into notes: one line for the log and one structure for the record of elections, from the
// same facts. Input: the event, the vote in it, the decision taken; output: an `ElectionNote`. A line reads
// `event -> decision`, with numbers: `recv LOOKING from 2 vote 2 (epoch 0x1 zxid 0x100000005 round 3) -> count`.

import type { ServerState } from '../../proto/notification.ts';
import type { Sid } from '../../proto/sid.ts';
import { noSid } from '../../proto/sid.ts';
import { hexZxid } from '../../proto/zxid.ts';
import type { ElectionNote, NotedVote } from './election-events.ts';
import type { Proposal } from './vote.ts';

type CastVote = Proposal & { readonly electionEpoch: bigint };

export interface NoteFacts {
  readonly at: number;
  readonly level?: ElectionNote['level'];
  readonly event: ElectionNote['event'];
  readonly round: bigint;
  readonly peers?: Iterable<Sid>;
  readonly state?: ServerState | undefined;
  readonly vote?: CastVote | undefined;
  /** The left half of the line when it is not told by the rest. */
  readonly what?: string;
  readonly decision: string;
}

export function noteOf(facts: NoteFacts): ElectionNote {
  const { at, event, round, decision, state, vote, level = 'info' } = facts;
  const peers = [...(facts.peers ?? [])];
  return {
    level,
    at,
    event,
    round: Number(round),
    peers: peers.map(Number),
    state,
    vote: vote === undefined ? undefined : notedVote(vote),
    decision,
    line: `${facts.what ?? leftHalf(event, peers, state, vote)} -> ${decision}`,
  };
}

/** `vote 3 (epoch 0x2 zxid 0x200000005 round 4)`. */
export function voteText(vote: CastVote): string {
  const { leader, zxid, peerEpoch, electionEpoch } = vote;
  const who = leader === noSid ? 'nobody' : `${leader}`;
  const epoch = peerEpoch === noSid ? 'none' : peerEpoch < 0n ? `${peerEpoch}` : hex(peerEpoch);
  return `vote ${who} (epoch ${epoch} zxid ${zxid === noSid ? 'none' : hex(zxid)} round ${electionEpoch})`;
}

export function sidList(sids: Iterable<Sid>): string {
  return [...sids].join(', ') || 'nobody';
}

function leftHalf(
  event: ElectionNote['event'],
  peers: readonly Sid[],
  state: ServerState | undefined,
  vote: CastVote | undefined,
): string {
  const words = event === 'received' ? ['recv', state ?? 'garbage', 'from'] : [event];
  if (peers.length > 0) words.push(sidList(peers));
  if (vote !== undefined) words.push(voteText(vote));
  return words.join(' ');
}

function notedVote(vote: CastVote): NotedVote {
  return {
    leader: vote.leader === noSid ? null : Number(vote.leader),
    zxid: hex(vote.zxid),
    peerEpoch: vote.peerEpoch === noSid ? null : Number(vote.peerEpoch),
    round: Number(vote.electionEpoch),
  };
}

function hex(value: bigint): string {
  return `0x${hexZxid(value)}`;
}
