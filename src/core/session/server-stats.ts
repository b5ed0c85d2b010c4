// Counters of one server as `srvr`, `stat` and `mntr` show them (ServerStats.java). Latencies in ms.

export class ServerStats {
  packetsReceived = 0;
  packetsSent = 0;
  latencyMin = Number.MAX_SAFE_INTEGER;
  latencyMax = 0;
  latencyTotal = 0;
  latencyCount = 0;
  /** Connections closed by us, by reason. */
  readonly closed = new Map<string, number>();
  connectionsRejected = 0;
  authFailed = 0;

  noteLatency(ms: number): void {
    const latency = ms < 0 ? 0 : ms;
    if (latency < this.latencyMin) this.latencyMin = latency;
    if (latency > this.latencyMax) this.latencyMax = latency;
    this.latencyTotal += latency;
    this.latencyCount++;
  }

  noteClosed(reason: string): void {
    this.closed.set(reason, (this.closed.get(reason) ?? 0) + 1);
  }

  get latencyAverage(): number {
    return this.latencyCount === 0 ? 0 : this.latencyTotal / this.latencyCount;
  }

  reset(): void {
    this.packetsReceived = 0;
    this.packetsSent = 0;
    this.latencyMin = Number.MAX_SAFE_INTEGER;
    this.latencyMax = 0;
    this.latencyTotal = 0;
    this.latencyCount = 0;
  }
}
