// A small typed emitter for the few events a client has. In: names and events; out: calls of the listeners.
// Invariant: listeners run as microtasks, in the order events and replies came, never inside the code that emits: what
// a listener throws is the program's unhandled rejection and cannot break the session.

type Listener<T> = (event: T) => void;

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Returns the function that takes the listener off again. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  /** The next event of that name. */
  once<Name extends keyof Events>(name: Name): Promise<Events[Name]> {
    return new Promise((resolve) => {
      const off = this.on(name, (event) => {
        off();
        resolve(event);
      });
    });
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    const listeners = this.#listeners.get(name) as Set<Listener<Events[Name]>> | undefined;
    if (listeners === undefined) return;
    for (const listener of listeners) {
      soon(() => {
        if (listeners.has(listener)) listener(event);
      });
    }
  }
}

/** Runs `callback` after the promise reactions that are due already. */
export function soon(callback: () => void): void {
  void Promise.resolve().then(callback);
}
