/**
 * Forcing the outcome of an election, and of a synchronization.
 *
 * A vote goes by epoch, then zxid, then sid; so a server is made the leader by giving it, with some of the others,
 * a write that those it is then elected with do not have. And what a learner is brought up to date with
 * is told by both kinds of server in their logs, each in its own words.
 */
import { connect } from '../../../src/index.ts';
import type { Ensemble } from './ensemble.ts';
import type { EnsembleMember } from './ensemble-member.ts';
import type { ServerKind } from './server.ts';

/** What happened has been said; it only has to arrive. */
const LINE_DEADLINE_MS = 10_000;

export type SyncMode = 'DIFF' | 'TRUNC' | 'SNAP';

/** What a learner logs when it is told how it will be brought up to date. */
const learnerLines: Readonly<Record<ServerKind, Readonly<Record<SyncMode, RegExp>>>> = {
  java: {
    DIFF: /Getting a diff from the leader/,
    TRUNC: /Truncating log to get in sync with the leader/,
    SNAP: /Getting a snapshot from leader/,
  },
  quoll: { DIFF: /recv DIFF 0x/, TRUNC: /recv TRUNC 0x/, SNAP: /recv SNAP 0x/ },
};

/** What a leader logs when it has decided how to bring a learner up to date. */
function leaderLine(kind: ServerKind, mode: SyncMode, sid: number): RegExp {
  if (kind === 'quoll') return new RegExp(`(follower|observer) ${sid}\\b.* -> send ${mode}\\b`);
  return {
    DIFF: new RegExp(`Sending DIFF zxid=0x[0-9a-f]+ +for peer sid: ${sid}\\b`),
    TRUNC: new RegExp(`Sending TRUNC to follower zxidToSend=0x[0-9a-f]+ +for peer sid: ?${sid}\\b`),
    SNAP: /Sending snapshot last zxid of peer is/,
  }[mode];
}

/**
 * Makes one voter the leader: a minority of the others misses a write, the rest of them leaves, the
 * minority comes back. Then all voters run again. Observers are not asked.
 */
export async function lead(ensemble: Ensemble, chosen: EnsembleMember): Promise<void> {
  const now = await ensemble.settled();
  if (now === chosen) return;
  const others = ensemble.voters.filter((voter) => voter !== chosen);
  const behind = others.slice(0, others.length / 2);
  const gone = others.slice(others.length / 2);
  const back = [chosen, ...behind];
  await Promise.all(behind.map((voter) => voter.stop()));
  await ensemble.settled();
  const zk = await connect(ensemble.connectString([chosen]), { connectTimeoutMs: 60_000 });
  await zk.create('/lead-', '', { mode: 'PERSISTENT_SEQUENTIAL' });
  await zk.close();
  await Promise.all(gone.map((voter) => voter.stop()));
  for (const voter of behind) await voter.start();
  const leader = await ensemble.settled([...back, ...ensemble.running.filter(isObserver)]);
  if (leader !== chosen) throw new Error(`${leader.name} leads, not ${chosen.name}`);
  for (const voter of gone) await voter.start();
  await ensemble.settled();
}

function isObserver({ role }: EnsembleMember): boolean {
  return role === 'observer';
}

/** Both ends say that the learner, in its present life, was brought up to date this way. */
export async function synchronized(
  learner: EnsembleMember,
  leader: EnsembleMember,
  mode: SyncMode,
  leaderMark: number,
): Promise<void> {
  await learner.said(learnerLines[learner.kind][mode], 0, LINE_DEADLINE_MS);
  await leader.said(leaderLine(leader.kind, mode, learner.sid), leaderMark, LINE_DEADLINE_MS);
}
