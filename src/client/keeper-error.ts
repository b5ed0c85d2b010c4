// The one error of the client's surface: what a server answered, or why no answer will come. `code` is ZooKeeper's name
// (KeeperException.Code) and `errno` its number; there is no subclass per code, so compare `code`.
// A failed multi carries the results of all its operations.

import type { ErrorName } from '../proto/errors.ts';
import { ErrorCode } from '../proto/errors.ts';
import type { MultiResult } from './operations.ts';

export class KeeperError extends Error {
  /** 'NoNode', 'BadVersion', 'ConnectionLoss' … */
  readonly code: ErrorName;
  /** −101, −103, −4 …; of a code unknown to this client, the number the server sent, under `code` 'SystemError'. */
  readonly errno: number;
  /** As the caller named it; undefined where no single path is concerned. */
  readonly path: string | undefined;
  /** Of a failed multi: one result for each operation. Those before the failing one have errno 0. */
  readonly results: readonly MultiResult[] | undefined;

  constructor(
    code: ErrorName,
    message: string,
    details: {
      readonly path?: string | undefined;
      readonly errno?: number;
      readonly results?: readonly MultiResult[];
    } = {},
  ) {
    super(message);
    this.name = 'KeeperError';
    this.code = code;
    this.errno = details.errno ?? ErrorCode[code];
    this.path = details.path;
    this.results = details.results;
  }
}

/** The error for an operation: `getData /a: NoNode (-101)`, with a reason where there is more to say. */
export function operationError(
  op: string,
  path: string | undefined,
  code: ErrorName,
  reason = '',
  errno: number = ErrorCode[code],
): KeeperError {
  const what = path === undefined ? op : `${op} ${path}`;
  const why = reason === '' ? '' : `: ${reason}`;
  return new KeeperError(code, `${what}: ${code} (${errno})${why}`, { path, errno });
}
