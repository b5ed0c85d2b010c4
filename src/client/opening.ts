// Waits for a client's first connection: until a server has taken the session and all credentials, or it is clear that
// none will in time. In: the client, its settings, the clock, who may give up. Out: a promise; it rejects with
// ConnectionLoss (naming the last failure), SessionExpired, AuthFailed, or what was aborted with.
// Invariant: nothing of the waiting is left behind, whatever its end.

import type { Clock } from '../ports.ts';
import type { ErrorName } from '../proto/errors.ts';
import type { AbortSignalLike } from './call-options.ts';
import type { ClientEvents, ClientSettings } from './client-options.ts';
import type { Emitter } from './emitter.ts';
import { KeeperError } from './keeper-error.ts';

export interface Opening {
  readonly client: {
    readonly on: Emitter<ClientEvents>['on'];
    addAuth(scheme: string, auth: Uint8Array): Promise<void>;
  };
  readonly clock: Clock;
  readonly settings: ClientSettings;
  readonly connectString: string;
  readonly signal: AbortSignalLike | undefined;
  /** What the last attempt met. */
  readonly lastFailure: () => string;
}

export async function opened(opening: Opening): Promise<void> {
  const { client, clock, settings, connectString, signal, lastFailure } = opening;
  const { auth, connectTimeoutMs } = settings;
  const offs: (() => void)[] = [];
  const answered = Promise.all(auth.map((info) => client.addAuth(info.scheme, info.auth)));
  // The end of the session says what a refusal means.
  answered.catch(() => undefined);
  try {
    await new Promise<unknown>((resolve, reject) => {
      const fail = (code: ErrorName, reason: string): void =>
        reject(new KeeperError(code, `connect ${connectString}: ${reason}`));
      offs.push(client.on('connected', () => resolve(answered)));
      offs.push(client.on('expired', ({ reason }) => fail('SessionExpired', reason)));
      offs.push(client.on('authFailed', ({ reason }) => fail('AuthFailed', reason)));
      if (connectTimeoutMs > 0) {
        const timer = clock.schedule(connectTimeoutMs, () =>
          fail('ConnectionLoss', `no session within ${connectTimeoutMs} ms; ${lastFailure()}`),
        );
        offs.push(() => timer.cancel());
      }
      if (signal !== undefined) {
        const aborted = () => reject(signal.reason);
        signal.addEventListener('abort', aborted);
        offs.push(() => signal.removeEventListener('abort', aborted));
      }
    });
  } finally {
    for (const off of offs) off();
  }
}
