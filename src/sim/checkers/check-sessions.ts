// SE5: no session expires before its client was silent for its whole timeout, by the server's monotonic clock. In: a
// server's log lines as they come, its clients, and when its kernel last had something whole from each. Out:
// violations. The other half, that silent sessions do expire, shows at the end of a scenario, when none may be left.

import type { SimClient } from '../sim-client.ts';
import type { SimServer } from '../sim-server.ts';
import type { LogLine, World } from '../world.ts';

const expiry = /^session (0x[0-9a-f]+) was silent for (\d+) ms -> close it$/;
/** Clocks may run that much fast or slow in a scenario. */
const rateMost = 1.011;
/** What came so shortly before, on a connection not accepted yet, could not be read: a turn takes its time. */
const unreadMs = 50;

/** For `onLog`. */
export function checkExpiry(
  world: World,
  server: SimServer,
  clients: readonly SimClient[],
  { at, who, message }: LogLine,
): void {
  if (who !== server.name) return;
  const match = expiry.exec(message);
  if (match === null) return;
  world.count('session expired');
  const [, id, timeout] = match;
  const client = clients.find(({ sessionId }) => {
    return `0x${BigInt.asUintN(64, sessionId).toString(16)}` === id;
  });
  if (client === undefined) return;
  const { host } = client.machine;
  const heardAt = server.machine.host.heardFrom(host.address);
  if (heardAt < 0 || at - heardAt < unreadMs) return;
  if ((at - heardAt) * rateMost >= Number(timeout)) return;
  const silentMs = (at - heardAt).toFixed(1);
  world.violation(
    'SE5',
    `session ${id} expires ${silentMs} ms after its client was heard, not ${timeout}`,
  );
}
