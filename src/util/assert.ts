// Assertions that stay on in production. A broken invariant is a bug: it stops the server, because
// going on could acknowledge what is not durable. Operating errors are values, the environment's
// failures are `fatal`; neither is ours.

export class AssertionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AssertionError';
  }
}

export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new AssertionError(`broken invariant: ${invariant}`);
}

/** The default branch of a switch over a union: compiles only when every kind is handled. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}

/** `value`, which the program's own logic says is there. */
export function present<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new AssertionError(`missing: ${what}`);
  return value;
}
