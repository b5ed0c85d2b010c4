// The first part of `dump`: who has a session (the dumpSessions of SessionTrackerImpl, LeaderSessionTracker and
// LearnerSessionTracker). Who expires sessions shows them by when they end; a learner's global ones are its leader's to
// expire, so it lists their timeouts. Local sessions, where they are enabled, come first and are everybody's own.

import type { Session } from '../core/session/session-tracker.ts';
import { hexZxid } from '../proto/zxid.ts';
import type { ServingView } from './server-view.ts';

type DateOf = (at: number) => string;

export function sessionsDump({ replica, role, config }: ServingView, dateOf: DateOf): string[] {
  const isOwner = role.state === 'standalone' || role.state === 'leader';
  const hasLocal = config.ensemble?.localSessions === true;
  const sessions = [...replica.sessions];
  const local = hasLocal ? sessions.filter(({ isLocal }) => isLocal) : [];
  const lines = hasLocal ? setsOf('Local Session Sets', local, dateOf) : [];
  if (isOwner) {
    const global = sessions.filter(({ isLocal }) => !isLocal);
    lines.push(...setsOf(hasLocal ? 'Global Session Sets' : 'Session Sets', global, dateOf));
    return lines;
  }
  const global = [...replica.database.sessions].sort(([a], [b]) => (a < b ? -1 : 1));
  lines.push(`Global Sessions(${global.length}):`);
  for (const [id, timeoutMs] of global) lines.push(`0x${hexZxid(id)}\t${timeoutMs}ms`);
  return lines;
}

/** By the time of their expiry; those that are being closed have none. */
function setsOf(title: string, sessions: readonly Session[], dateOf: DateOf): string[] {
  const sets = new Map<number, bigint[]>();
  let count = 0;
  for (const { id, expiresAt } of sessions) {
    if (expiresAt < 0) continue;
    count++;
    const set = sets.get(expiresAt);
    if (set === undefined) sets.set(expiresAt, [id]);
    else set.push(id);
  }
  const lines = [`${title} (${sets.size})/(${count}):`];
  for (const [at, ids] of [...sets].sort(([a], [b]) => a - b)) {
    lines.push(`${ids.length} expire at ${dateOf(at)}:`);
    for (const id of ids) lines.push(`\t0x${hexZxid(id)}`);
  }
  return lines;
}
