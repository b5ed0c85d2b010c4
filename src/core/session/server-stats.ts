// Counters of one server as `srvr`, `stat` and `mntr` show them (ServerStats.java,
// ServerMetrics.java): what the machine itself sees of requests, connections, sessions and
// watches. What the disk sees is counted in server/metrics.ts. Times in ms, sizes in bytes.
//
// Invariant: a request counts in exactly one of `readLatency` and `updateLatency`, so both
// together are all latencies.

import { EventType } from '../../proto/opcodes.ts';
import { Distribution, Summary } from '../../util/summary.ts';

export class ServerStats {
  packetsReceived = 0;
  packetsSent = 0;
  bytesReceived = 0;
  /** From a request's arrival to its reply: answered from memory, pings too. */
  readonly readLatency = new Distribution();
  /** The same for what went through the log, as its client saw it. */
  readonly updateLatency = new Distribution();
  /** From acceptance to durable and applied, for every transaction, also the server's own. */
  readonly commitLatency = new Distribution();
  /** Replies without their length words; −1: none yet. */
  responseSizeLast = -1;
  responseSizeMin = -1;
  responseSizeMax = -1;
  responseBytes = 0;
  watchBytes = 0;
  /** How many watchers one trigger reached, triggers that reached none left out. */
  readonly firedByType: ReadonlyMap<EventType, Summary> = new Map([
    [EventType.NodeCreated, new Summary()],
    [EventType.NodeDeleted, new Summary()],
    [EventType.NodeDataChanged, new Summary()],
    [EventType.NodeChildrenChanged, new Summary()],
  ]);
  /** Connections closed by us, by reason. */
  readonly closed = new Map<string, number>();
  connectionsRejected = 0;
  /** The peer left without closing its session. */
  connectionsDropped = 0;
  connectRequests = 0;
  /** Connect requests that named a session. */
  sessionsReopened = 0;
  sessionsExpired = 0;
  /** Requests, and replies to writes, whose connection was gone by then. */
  staleRequests = 0;
  staleReplies = 0;
  /** Over the life of the server: `srst` leaves it, as in Java. */
  authFailed = 0;
  largeRequestsRejected = 0;

  noteClosed(reason: string): void {
    this.closed.set(reason, (this.closed.get(reason) ?? 0) + 1);
  }

  noteResponse(size: number): void {
    this.responseSizeLast = size;
    if (size > this.responseSizeMax) this.responseSizeMax = size;
    if (size < this.responseSizeMin || this.responseSizeMin < 0) this.responseSizeMin = size;
    this.responseBytes += size;
  }

  noteFired(type: EventType, watchers: number): void {
    this.firedByType.get(type)?.add(watchers);
  }

  get latencyMin(): number {
    const { readLatency: read, updateLatency: update } = this;
    if (read.count === 0) return update.min;
    return update.count === 0 ? read.min : Math.min(read.min, update.min);
  }

  get latencyMax(): number {
    return Math.max(this.readLatency.max, this.updateLatency.max);
  }

  get latencyAverage(): number {
    const count = this.readLatency.count + this.updateLatency.count;
    return count === 0 ? 0 : (this.readLatency.sum + this.updateLatency.sum) / count;
  }

  /** The four-letter word `srst`. */
  reset(): void {
    this.packetsReceived = 0;
    this.packetsSent = 0;
    this.bytesReceived = 0;
    this.readLatency.reset();
    this.updateLatency.reset();
    this.commitLatency.reset();
    this.responseSizeLast = -1;
    this.responseSizeMin = -1;
    this.responseSizeMax = -1;
    this.responseBytes = 0;
    this.watchBytes = 0;
    for (const fired of this.firedByType.values()) fired.reset();
    this.closed.clear();
    this.connectionsRejected = 0;
    this.connectionsDropped = 0;
    this.connectRequests = 0;
    this.sessionsReopened = 0;
    this.sessionsExpired = 0;
    this.staleRequests = 0;
    this.staleReplies = 0;
  }
}
