// A multi written step by step: `zk.transaction().check('/a', 3).setData('/a', 'x').commit()`. In: operations, kept in
// order. Out: one multi at `commit`, before which nothing is sent: every operation happens, or none does. What is
// collected stays: a second commit sends the same operations again.

import type { CallOptions } from './call-options.ts';
import type { MultiOp } from './multi.ts';
import type { CreateOptions, Data, MultiResult } from './operations.ts';

export class Transaction {
  readonly #ops: MultiOp[] = [];
  readonly #multi: (ops: readonly MultiOp[], options?: CallOptions) => Promise<MultiResult[]>;

  constructor(multi: (ops: readonly MultiOp[], options?: CallOptions) => Promise<MultiResult[]>) {
    this.#multi = multi;
  }

  create(
    path: string,
    data?: Data,
    options: Pick<CreateOptions, 'mode' | 'acl' | 'ttlMs'> = {},
  ): this {
    this.#ops.push({ type: 'create', path, ...(data === undefined ? {} : { data }), ...options });
    return this;
  }

  delete(path: string, version = -1): this {
    this.#ops.push({ type: 'delete', path, version });
    return this;
  }

  setData(path: string, data: Data, version = -1): this {
    this.#ops.push({ type: 'setData', path, data, version });
    return this;
  }

  /** The node must exist and, unless `version` is −1, have this version. */
  check(path: string, version = -1): this {
    this.#ops.push({ type: 'check', path, version });
    return this;
  }

  /** The results, in order. Throws KeeperError with the failing operation's code and path, and all `results`. */
  commit(options: CallOptions = {}): Promise<MultiResult[]> {
    return this.#multi([...this.#ops], options);
  }
}
