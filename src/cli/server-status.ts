// What a server of ours says of itself, from its answer to `srvr`, for one line of a live table. In: the answer, or
// that there was none. Out: a status. Java's answers have the same shape, so Java servers would do as well.
// Invariant: an answer that is none of that shape is a server that does not serve.

export interface ServerStatus {
  readonly sid: number;
  /**
   * `leader`, `follower`, `observer`, `standalone`, `read-only`; `looking` while it does not serve; `starting` while it
   * does not listen; `silent` when it takes a connection and says nothing; `down` without a process.
   */
  readonly state: string;
  /** Hexadecimal, with 0x. */
  readonly zxid: string | undefined;
  /** Without the one that asked. */
  readonly connections: number | undefined;
  readonly nodes: number | undefined;
}

export function statusOf(sid: number, answer: string): ServerStatus {
  const state = /^Mode: (\S+)$/m.exec(answer)?.[1];
  if (state === undefined) return noStatus(sid, 'looking');
  const number = (pattern: RegExp): number | undefined => {
    const text = pattern.exec(answer)?.[1];
    return text === undefined ? undefined : Number(text);
  };
  const connections = number(/^Connections: (\d+)$/m);
  return {
    sid,
    state,
    zxid: /^Zxid: (0x[0-9a-f]+)$/m.exec(answer)?.[1],
    connections: connections === undefined ? undefined : Math.max(0, connections - 1),
    nodes: number(/^Node count: (\d+)$/m),
  };
}

export function noStatus(
  sid: number,
  state: 'looking' | 'starting' | 'silent' | 'down',
): ServerStatus {
  return { sid, state, zxid: undefined, connections: undefined, nodes: undefined };
}

export function isServing({ state }: ServerStatus): boolean {
  return !['looking', 'starting', 'silent', 'down'].includes(state);
}

/** The epoch of a zxid, a number; undefined when there is none. */
export function epochOf({ zxid }: ServerStatus): number | undefined {
  return zxid === undefined ? undefined : Number(BigInt(zxid) >> 32n);
}
