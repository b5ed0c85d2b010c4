// The limits every operation takes: how long to wait and what ends the waiting early. Both only stop the waiting: a
// request that was sent may still happen. The types stand alone so that any platform's AbortSignal fits without its
// types being known here.

/** What is used of a platform's AbortSignal. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Limits of one request. */
export interface CallOptions {
  /** Milliseconds after which waiting ends with RequestTimeout; 0: no limit; default: the client's requestTimeoutMs. */
  readonly timeoutMs?: number | undefined;
  /** Ends the waiting with the signal's reason. */
  readonly signal?: AbortSignalLike | undefined;
}
