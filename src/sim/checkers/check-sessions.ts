// SE5: no session expires before its client was silent for its whole timeout, by the server's monotonic clock. In: what
// clients know of their sessions, and the servers' log lines with virtual times. Out: violations. The other half, that
// silent sessions do expire, shows at the end of a scenario, when none may be left.

import type { SimClient } from '../sim-client.ts';
import type { World } from '../world.ts';

const expiry = /^session (0x[0-9a-f]+) was silent for (\d+) ms -> close it$/;
/** Clocks may run that much fast or slow in a scenario. */
const rateMost = 1.011;

export function checkSessions(world: World, clients: readonly SimClient[]): void {
  /** When a request that the server is known to have had was sent, at the latest. */
  const heard = new Map<string, number[]>();
  for (const { history } of clients) {
    for (const { sessionId, invokedAt, outcome } of history) {
      if (outcome === undefined || outcome.kind === 'lost') continue;
      const key = `0x${BigInt.asUintN(64, sessionId).toString(16)}`;
      const times = heard.get(key);
      if (times === undefined) heard.set(key, [invokedAt]);
      else times.push(invokedAt);
    }
  }
  for (const { at, message } of world.lines) {
    const match = expiry.exec(message);
    if (match === null) continue;
    world.count('session expired');
    const [, id = '', timeout] = match;
    const last = Math.max(-1, ...(heard.get(id) ?? []).filter((time) => time <= at));
    const silentMs = at - last;
    if (last < 0 || silentMs * rateMost >= Number(timeout)) continue;
    world.violation('SE5', `session ${id} expired ${silentMs} ms after a request, not ${timeout}`);
  }
}
