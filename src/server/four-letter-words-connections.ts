// How `cons`, `stat` and `dump` show connections (ServerCnxn.dumpConnectionInfo,
// NIOServerCnxn.toString). Latencies and times are whole ms; the last response is told on the
// monotonic clock, as in Java.
// Differs from Java: the write interest (4) is not shown, since a socket's queue is not the
// machine's to know.

import type { Connection } from '../core/session/connection.ts';
import { OpCode } from '../proto/opcodes.ts';
import { hexZxid, longOf } from '../proto/zxid.ts';

/** What FinalRequestProcessor calls the operations. */
const lastOpNames: ReadonlyMap<number, string> = new Map<number, string>([
  [OpCode.ping, 'PING'],
  [OpCode.createSession, 'SESS'],
  [OpCode.closeSession, 'CLOS'],
  [OpCode.multi, 'MULT'],
  [OpCode.multiRead, 'MLTR'],
  [OpCode.create, 'CREA'],
  [OpCode.create2, 'CREA'],
  [OpCode.createTTL, 'CREA'],
  [OpCode.createContainer, 'CREA'],
  [OpCode.delete, 'DELE'],
  [OpCode.deleteContainer, 'DELE'],
  [OpCode.setData, 'SETD'],
  [OpCode.reconfig, 'RECO'],
  [OpCode.setACL, 'SETA'],
  [OpCode.sync, 'SYNC'],
  [OpCode.check, 'CHEC'],
  [OpCode.exists, 'EXIS'],
  [OpCode.getData, 'GETD'],
  [OpCode.setWatches, 'SETW'],
  [OpCode.setWatches2, 'STW2'],
  [OpCode.addWatch, 'ADDW'],
  [OpCode.getACL, 'GETA'],
  [OpCode.getChildren, 'GETC'],
  [OpCode.getChildren2, 'GETC'],
  [OpCode.getAllChildrenNumber, 'GETACN'],
  [OpCode.checkWatches, 'CHKW'],
  [OpCode.removeWatches, 'REMW'],
  [OpCode.whoAmI, 'HOMI'],
  [OpCode.getEphemerals, 'GETE'],
]);

/** How often the machine looks for connections that fell silent: the width of a bucket in `dump`. */
const bucketMs = 1000;

/** One line of `cons`, or brief, of `stat`. */
export function connectionLine(connection: Connection, brief: boolean): string {
  const { stats } = connection;
  const interest = connection.isPaused || connection.isGone ? 0 : 1;
  const counts = `queued=${connection.outstanding},recved=${stats.received},sent=${stats.sent}`;
  const detail = brief || connection.sessionId === 0n ? '' : sessionDetail(connection);
  return ` ${javaAddress(connection)}[${interest}](${counts}${detail})`;
}

function sessionDetail({ stats, sessionId, timeoutMs }: Connection): string {
  const minLatency = stats.responses === 0 ? 0 : Math.floor(stats.minLatency);
  return [
    `,sid=0x${hexZxid(sessionId)}`,
    `lop=${lastOpNames.get(stats.lastOp) ?? 'NA'}`,
    `est=${Math.floor(stats.establishedAt)}`,
    `to=${timeoutMs}`,
    ...(stats.lastCxid < 0 ? [] : [`lcxid=0x${stats.lastCxid.toString(16)}`]),
    `lzxid=0x${hexZxid(longOf(stats.lastZxidHigh, stats.lastZxidLow))}`,
    `lresp=${Math.floor(stats.lastResponseAt)}`,
    `llat=${Math.floor(stats.lastLatency)}`,
    `minlat=${minLatency}`,
    `avglat=${Math.floor(stats.averageLatency)}`,
    `maxlat=${Math.floor(stats.maxLatency)}`,
  ].join(',');
}

/** The last part of `dump`: when connections end if they stay silent, in buckets as the tracker shows sessions. */
export function connectionsDump(
  connections: ReadonlySet<Connection>,
  dateOf: (at: number) => string,
): string[] {
  const buckets = new Map<number, Connection[]>();
  for (const connection of connections) {
    const at = Math.ceil((connection.lastInputAt + connection.timeoutMs) / bucketMs) * bucketMs;
    const bucket = buckets.get(at);
    if (bucket === undefined) buckets.set(at, [connection]);
    else bucket.push(connection);
  }
  const lines = [`Connections Sets (${buckets.size})/(${connections.size}):`];
  for (const [at, bucket] of [...buckets].sort(([a], [b]) => a - b)) {
    lines.push(`${bucket.length} expire at ${dateOf(at)}:`);
    for (const connection of bucket) {
      lines.push(`\tip: ${javaAddress(connection)} sessionId: 0x${hexZxid(connection.sessionId)}`);
    }
  }
  return lines;
}

/** InetSocketAddress.toString of an address without a name. */
function javaAddress({ remoteAddress, remotePort }: Connection): string {
  const address = remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress;
  return `/${address}:${remotePort}`;
}
