// One-shot watches of simulated clients against the history. In: the changes of each transaction, in zxid order, and
// what clients were told. Out: violations of WA1 (an event comes before any reply that shows its change), WA3 (no
// change is missed by who lived to hear of it) and WA4 (nothing is told that did not happen).
//
// Known gap of the protocol, allowed here: who waits for a node to be created misses a creation and deletion while it
// is not connected.

import { ErrorCode } from '../../proto/errors.ts';
import { EventType } from '../../proto/opcodes.ts';
import type { Invocation, SimWatch } from '../invocation.ts';
import type { World } from '../world.ts';
import type { Change } from './tree-model.ts';

interface Waiting {
  readonly watch: SimWatch;
  readonly setBy: Invocation;
  readonly setAt: bigint;
  readonly types: ReadonlySet<EventType>;
  /** The first change it waits for. */
  due: { readonly zxid: bigint; readonly type: EventType } | undefined;
  /** Changes at its path that would end it, later ones too. */
  readonly fits: string[];
}

const dataTypes: ReadonlySet<EventType> = new Set([
  EventType.NodeCreated,
  EventType.NodeDataChanged,
  EventType.NodeDeleted,
]);
const childTypes: ReadonlySet<EventType> = new Set([
  EventType.NodeChildrenChanged,
  EventType.NodeDeleted,
]);

export class WatchChecker {
  readonly #world: World;
  readonly #byPath = new Map<string, Waiting[]>();
  readonly #all: Waiting[] = [];
  /** What each client was told, in order. */
  readonly #replies = new Map<string, Invocation[]>();

  constructor(world: World, invocations: readonly Invocation[]) {
    this.#world = world;
    for (const invocation of invocations) {
      const { outcome, client } = invocation;
      if (outcome === undefined || outcome.kind === 'lost') continue;
      const replies = this.#replies.get(client);
      if (replies === undefined) this.#replies.set(client, [invocation]);
      else replies.push(invocation);
      const watch = invocation.watch?.watcher;
      if (watch?.setBy !== invocation) continue;
      const waiting: Waiting = {
        watch,
        setBy: invocation,
        setAt: outcome.zxid,
        types: watch.table === 'child' ? childTypes : dataTypes,
        due: undefined,
        fits: [],
      };
      this.#all.push(waiting);
      const atPath = this.#byPath.get(watch.path);
      if (atPath === undefined) this.#byPath.set(watch.path, [waiting]);
      else atPath.push(waiting);
    }
    for (const replies of this.#replies.values()) replies.sort((a, b) => a.order - b.order);
  }

  /** Once a transaction, in zxid order. */
  changed(zxid: bigint, changes: readonly Change[]): void {
    for (const { path, type } of changes) {
      for (const waiting of this.#byPath.get(path) ?? []) {
        if (zxid <= waiting.setAt || !waiting.types.has(type)) continue;
        waiting.due ??= { zxid, type };
        waiting.fits.push(`${zxid} ${type}`);
      }
    }
  }

  finish(): void {
    for (const waiting of this.#all) {
      if (waiting.watch.event === undefined) this.#checkSilent(waiting);
      else this.#checkEvent(waiting, waiting.watch.event);
    }
  }

  #checkEvent(waiting: Waiting, event: NonNullable<SimWatch['event']>): void {
    const { setBy, due, fits } = waiting;
    if (due === undefined) {
      this.#violation('WA4', waiting, `event ${event.type} at ${event.zxid}, nothing had changed`);
      return;
    }
    // Found after a reconnect: the state differed, and it did.
    if (event.zxid === undefined) return;
    if (!fits.includes(`${event.zxid} ${event.type}`)) {
      this.#violation('WA4', waiting, `event ${event.type} at ${event.zxid}: no such change`);
      return;
    }
    if (event.zxid !== due.zxid && event.connection === setBy.connection) {
      this.#violation(
        'WA3',
        waiting,
        `the change at ${due.zxid} was not told, one at ${event.zxid} was`,
      );
    } else if (event.zxid !== due.zxid && !this.#mayMiss(waiting)) {
      this.#violation('WA3', waiting, `after a reconnect ${event.zxid} was told, not ${due.zxid}`);
    }
    for (const reply of this.#replies.get(waiting.watch.client) ?? []) {
      if (reply.order > event.order) break;
      if (reply.connection !== event.connection || zxidOf(reply) < event.zxid) continue;
      this.#violation(
        'WA1',
        waiting,
        `${reply} showed ${zxidOf(reply)} before the event of ${event.zxid}`,
      );
      break;
    }
  }

  /** No event: then nothing may have changed that its client lived to see. */
  #checkSilent(waiting: Waiting): void {
    const { due, watch, setBy } = waiting;
    if (due === undefined) return;
    const seen = (this.#replies.get(watch.client) ?? []).find(
      (reply) => reply.order > setBy.order && zxidOf(reply) >= due.zxid,
    );
    if (seen === undefined) return;
    if (seen.connection !== setBy.connection && this.#mayMiss(waiting)) return;
    this.#violation(
      'WA3',
      waiting,
      `never told of ${due.type} at ${due.zxid}, though ${seen} showed it`,
    );
  }

  /** It waits for a node to appear, which then went again. */
  #mayMiss({ setBy, fits }: Waiting): boolean {
    const { outcome } = setBy;
    const wasAbsent = outcome?.kind === 'error' && outcome.err === ErrorCode.NoNode;
    return wasAbsent && fits.some((fit) => fit.endsWith(` ${EventType.NodeDeleted}`));
  }

  #violation(invariant: string, { setBy }: Waiting, what: string): void {
    this.#world.violation(invariant, `watch of ${setBy}: ${what}`);
  }
}

function zxidOf({ outcome }: Invocation): bigint {
  return outcome === undefined || outcome.kind === 'lost' ? -1n : outcome.zxid;
}
