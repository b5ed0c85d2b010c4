// One request and the promise that waits for it. The session machine sees its op code, watch and body; the caller sees
// the promise. Settled exactly once: by the server's answer, by the session's end, by a time limit or an AbortSignal.
// The last two only stop the waiting: a request that was sent may still happen.

import type { Request, WatchRemoval } from '../core/client/session-events.ts';
import type { WatchIntent } from '../core/client/watch-tables.ts';
import type { Reader } from '../jute/reader.ts';
import { DecodeError } from '../jute/reader.ts';
import type { Type } from '../jute/record.ts';
import type { Writer } from '../jute/writer.ts';
import type { Clock, Timer } from '../ports.ts';
import type { ErrorName } from '../proto/errors.ts';
import { ErrorCode, errorName } from '../proto/errors.ts';
import type { OpCode } from '../proto/opcodes.ts';
import { opName } from '../proto/opcodes.ts';
import type { AbortSignalLike } from './call-options.ts';
import { operationError } from './keeper-error.ts';
import type { Watcher } from './watch-event.ts';

export interface CallSpec<T, B = unknown> {
  readonly op: OpCode;
  /** For errors; undefined where no single path is concerned. */
  readonly path?: string | undefined;
  readonly body?: Pick<Type<B>, 'write'>;
  readonly value?: B;
  /** Reads the body of a success, or of `accepts`. */
  readonly decode: (reader: Reader, err: number) => T;
  /** An error that is an answer: NoNode to exists. */
  readonly accepts?: number;
  readonly watch?: WatchIntent<Watcher> | undefined;
  readonly removal?: WatchRemoval<Watcher> | undefined;
}

/** A call as the driver sees it: whatever its result is. */
export interface PendingCall extends Request<Watcher> {
  settle(err: number, reader: Reader): void;
  fail(code: ErrorName, reason: string): void;
}

export class Call<T> implements PendingCall {
  readonly op: OpCode;
  readonly watch: WatchIntent<Watcher> | undefined;
  readonly removal: WatchRemoval<Watcher> | undefined;
  readonly promise: Promise<T>;
  abandoned = false;
  readonly #path: string | undefined;
  readonly #body: Pick<Type<unknown>, 'write'> | undefined;
  /** Let go of once it is written. */
  #value: unknown;
  readonly #decode: (reader: Reader, err: number) => T;
  readonly #accepts: number;
  #resolve: (value: T) => void = ignore;
  #reject: (error: unknown) => void = ignore;
  #timer: Timer | undefined;
  #signal: AbortSignalLike | undefined;
  #aborted: (() => void) | undefined;

  constructor(spec: CallSpec<T>) {
    this.op = spec.op;
    this.watch = spec.watch;
    this.removal = spec.removal;
    this.#path = spec.path;
    this.#body = spec.body;
    this.#value = spec.value;
    this.#decode = spec.decode;
    this.#accepts = spec.accepts ?? ErrorCode.Ok;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Called once. */
  write(writer: Writer): void {
    this.#body?.write(writer, this.#value);
    this.#value = undefined;
  }

  /** Starts the clock and listens to the signal. */
  limit(clock: Clock, timeoutMs: number, signal: AbortSignalLike | undefined): void {
    if (timeoutMs > 0) {
      this.#timer = clock.schedule(timeoutMs, () => {
        this.#abandon(this.#error('RequestTimeout', `no answer within ${timeoutMs} ms`));
      });
    }
    if (signal !== undefined) {
      this.#signal = signal;
      this.#aborted = () => this.#abandon(signal.reason);
      signal.addEventListener('abort', this.#aborted);
    }
  }

  /** The server answered; on success the body stands in `reader`. */
  settle(err: number, reader: Reader): void {
    if (this.abandoned) return;
    this.#stopWaiting();
    if (err !== ErrorCode.Ok && err !== this.#accepts) {
      this.#reject(this.#error(errorName(err) ?? 'SystemError', '', err));
      return;
    }
    try {
      this.#resolve(this.#decode(reader, err));
    } catch (error) {
      const isBadReply = error instanceof DecodeError;
      this.#reject(isBadReply ? this.#error('MarshallingError', error.message) : error);
    }
  }

  fail(code: ErrorName, reason: string): void {
    if (this.abandoned) return;
    this.#stopWaiting();
    this.#reject(this.#error(code, reason));
  }

  #abandon(error: unknown): void {
    this.abandoned = true;
    this.#stopWaiting();
    this.#reject(error);
  }

  #stopWaiting(): void {
    this.#timer?.cancel();
    if (this.#aborted !== undefined) this.#signal?.removeEventListener('abort', this.#aborted);
  }

  #error(code: ErrorName, reason: string, errno?: number): Error {
    return operationError(opName(this.op), this.#path, code, reason, errno);
  }
}

function ignore(): void {
  // Stands in until the promise hands over its functions.
}
