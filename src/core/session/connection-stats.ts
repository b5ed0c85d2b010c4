// What `cons` and `stat` show of one connection (the counters of ServerCnxn.java). In: each reply;
// out: plain fields. Times in ms, latencies on the monotonic clock, `establishedAt` on the wall
// clock. Small, since there may be very many connections: no summary with quantiles here.

export class ConnectionStats {
  received = 0;
  sent = 0;
  readonly establishedAt: number;
  /** The xid of the last request that had one of its client's own; −1: none yet. */
  lastCxid = -1;
  /** The last zxid told to the client, in its halves; −1: none yet. */
  lastZxidHigh = -1;
  lastZxidLow = -1;
  /** Op code of the last request answered; 0: none yet, or it failed. */
  lastOp = 0;
  lastResponseAt = 0;
  lastLatency = 0;
  minLatency = Number.MAX_SAFE_INTEGER;
  maxLatency = 0;
  totalLatency = 0;
  responses = 0;

  constructor(establishedAt: number) {
    this.establishedAt = establishedAt;
  }

  noteAnswer(
    xid: number,
    op: number,
    zxidHigh: number,
    zxidLow: number,
    receivedAt: number,
    now: number,
  ): void {
    const latency = now - receivedAt;
    this.responses++;
    // Pings and auth packets carry xids of the protocol, not of the client.
    if (xid >= 0) this.lastCxid = xid;
    this.lastOp = op;
    this.lastZxidHigh = zxidHigh;
    this.lastZxidLow = zxidLow;
    this.lastResponseAt = now;
    this.lastLatency = latency;
    this.totalLatency += latency;
    if (latency < this.minLatency) this.minLatency = latency;
    if (latency > this.maxLatency) this.maxLatency = latency;
  }

  get averageLatency(): number {
    return this.responses === 0 ? 0 : this.totalLatency / this.responses;
  }

  /** The four-letter word `crst`. */
  reset(): void {
    this.received = 0;
    this.sent = 0;
    this.lastCxid = -1;
    this.lastZxidHigh = -1;
    this.lastZxidLow = -1;
    this.lastOp = 0;
    this.lastResponseAt = 0;
    this.lastLatency = 0;
    this.minLatency = Number.MAX_SAFE_INTEGER;
    this.maxLatency = 0;
    this.totalLatency = 0;
    this.responses = 0;
  }
}
