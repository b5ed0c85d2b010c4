/**
 * One connection kept to both servers at once: the same bytes go to each, and what each sends back
 * is collected and compared, frame by frame, in order.
 *
 * In: requests. Out: nothing but what was noted: effects in the world, rows observed, or a Mismatch
 * with all that helps to find its cause. Invariant: after `send` both servers have answered all of
 * it, and after `settle` every event caused so far has been compared, so that what follows does not
 * depend on how fast either of them is.
 */

import { Xid } from '../../src/proto/client.ts';
import type { DifferenceId } from '../../src/proto/differences.ts';
import { errorName } from '../../src/proto/errors.ts';
import { EventType, OpCode, opName } from '../../src/proto/opcodes.ts';
import { requestPayload } from '../support/raw-client.ts';
import { Effects } from './differential-effects.ts';
import type { Part } from './differential-frames.ts';
import { closes, frameOrEnd, isPong, partsOf } from './differential-frames.ts';
import type { Request } from './differential-requests.ts';
import { cut, describe, json, make } from './differential-requests.ts';
import type { Observation } from './differential-rows.ts';
import { rowsFor } from './differential-rows.ts';
import type { EventShape, FrameShape } from './differential-shapes.ts';
import { Names, same, shapeOf } from './differential-shapes.ts';
import { roughly } from './differential-text.ts';
import { WatchBook38, WatchBookNew } from './differential-watch-book.ts';
import type { Both, ConnectionState, SessionState, SideName, World } from './differential-world.ts';

/** The servers differ and no row says so, or more than one does. */
export class Mismatch extends Error {}

const historyKept = 4000;

export class Exchange {
  readonly world: World;
  readonly books = { java: new WatchBook38(), quoll: new WatchBookNew() };
  readonly names: Both<Names> = { java: new Names(), quoll: new Names() };
  readonly observed = new Map<DifferenceId, number>();
  /** How often each answer was seen: 'create Ok', 'event NodeCreated'. */
  readonly answers = new Map<string, number>();
  operations = 0;
  readonly #effects: Effects;
  readonly #history: string[] = [];
  /** Every mismatch is an error; otherwise the first so many are printed and the run goes on. */
  mismatchesLeft = 0;
  #mayReorder = false;

  constructor(world: World) {
    this.world = world;
    this.#effects = new Effects(world, this.books);
  }

  // ---- requests ----

  /** Sends all of it at once and compares the answers. */
  async send(connection: ConnectionState, requests: readonly Request[]): Promise<void> {
    const xids = requests.map((request) => this.#xidOf(connection, request));
    const payloads = requests.map(({ type, body }, i) => requestPayload(xids[i] ?? 0, type, body));
    for (const request of requests) this.note(connection, describe(request));
    this.operations += requests.length;
    this.#mayReorder = requests.some(({ type }) => type === OpCode.closeSession);
    connection.clients.java.send(...payloads);
    connection.clients.quoll.send(...payloads);
    await this.#answersTo(connection, requests);
  }

  /** Collects and compares what waits for the other connections, by a ping on each that watches. */
  async settle(but?: ConnectionState): Promise<void> {
    const ping = make.bare(OpCode.ping);
    const watching = this.world.open.filter(
      (one) =>
        one !== but && (this.books.java.hasAny(one.index) || this.books.quoll.hasAny(one.index)),
    );
    const payload = requestPayload(-2, OpCode.ping);
    for (const { clients } of watching) {
      clients.java.send(payload);
      clients.quoll.send(payload);
    }
    for (const connection of watching) await this.#answersTo(connection, [ping]);
    this.#firedForAll();
  }

  /** Both servers must end this connection now; what comes before the end is compared. */
  async ended(connection: ConnectionState): Promise<void> {
    await this.#answersTo(connection, [make.bare(OpCode.ping)]);
    if (!connection.isGone) this.mismatch(connection, 'not closed', 'a ping was answered', '');
  }

  sessionEnded(session: SessionState): void {
    this.#effects.sessionEnded(session);
  }

  gone(connection: ConnectionState): void {
    this.books.java.forget(connection.index);
    this.books.quoll.forget(connection.index);
    connection.clients.java.destroy();
    connection.clients.quoll.destroy();
    this.world.gone(connection);
  }

  /** What happened in this step has been told to all who watched, or kept from them by an ACL. */
  #firedForAll(): void {
    for (const { type, path, toldTo } of this.#effects.takeTriggers()) {
      for (const { index } of this.world.open) {
        if (index === toldTo) continue;
        this.books.java.fired(index, type, path);
        this.books.quoll.fired(index, type, path);
      }
    }
  }

  note(connection: ConnectionState | undefined, text: string): void {
    const who = connection === undefined ? '' : `c${connection.index}/s${connection.session.index}`;
    this.#history.push(`#${this.world.step} ${who} ${text}`);
    if (this.#history.length > 2 * historyKept) this.#history.splice(0, historyKept);
  }

  /** A difference: counted under its row, or the end of the run. */
  see(seen: Observation, connection: ConnectionState, java: string, quoll: string): void {
    const rows = rowsFor(seen, { world: this.world, books: this.books });
    const [row] = rows;
    if (rows.length === 1 && row !== undefined) {
      this.observed.set(row, (this.observed.get(row) ?? 0) + 1);
      return;
    }
    const why = rows.length === 0 ? 'no row explains' : `${rows.join(', ')} all explain`;
    this.mismatch(connection, why, java, quoll, JSON.stringify(pathsIn(seen)));
  }

  mismatch(
    connection: ConnectionState,
    why: string,
    java: string,
    quoll: string,
    paths = '[]',
  ): void {
    const text = this.#report(connection, why, java, quoll, paths);
    if (this.mismatchesLeft-- <= 0) throw new Mismatch(text);
    console.log(text);
  }

  #report(
    connection: ConnectionState,
    why: string,
    java: string,
    quoll: string,
    paths: string,
  ): string {
    const { index, authIds, session } = connection;
    const named = (JSON.parse(paths) as string[]).filter((path) => path.length > 1);
    const related = this.#history
      .filter((line) => named.some((path) => line.includes(JSON.stringify(path))))
      .map((line) => cut(line, 600));
    return [
      `step ${this.world.step}, connection c${index} of session s${session.index}: ${why}`,
      `  authenticated as ${json(authIds)}`,
      `  Java:  ${java}`,
      `  Quoll: ${quoll}`,
      '  last requests:',
      ...this.#ofLate().map((line) => `    ${cut(line, 1500)}`),
      `  last requests naming ${cut(paths, 300)}:`,
      ...related.slice(-12).map((line) => `    ${line}`),
    ].join('\n');
  }

  // ---- comparing ----

  async #answersTo(connection: ConnectionState, sent: readonly Request[]): Promise<void> {
    const [java, quoll] = await Promise.all([
      this.#collect(connection, 'java', sent),
      this.#collect(connection, 'quoll', sent),
    ]);
    const parts = { java: partsOf(java), quoll: partsOf(quoll) };
    const requests = this.#withoutPings(connection, sent, parts);
    const count = Math.max(parts.java.length, parts.quoll.length);
    for (let i = 0; i < count; i++) {
      const request = requests[i] ?? make.bare(OpCode.ping);
      const one = parts.java[i];
      const other = parts.quoll[i];
      if (one === undefined || other === undefined) {
        this.mismatch(connection, 'one answers more', shown(one?.end), shown(other?.end));
        return;
      }
      if (one.end.kind === 'reply' && one.end.zxid > this.world.zxid) {
        this.world.zxid = one.end.zxid;
      }
      this.#compareEvents(connection, request, one.events, other.events);
      this.#compareEnds(connection, request, one, other);
    }
    const isClosed = java.at(-1)?.kind === 'closed' || quoll.at(-1)?.kind === 'closed';
    if (isClosed) this.gone(connection);
  }

  async #collect(
    connection: ConnectionState,
    side: SideName,
    requests: readonly Request[],
  ): Promise<FrameShape[]> {
    const client = connection.clients[side];
    const frames: FrameShape[] = [];
    // Pings are known by their xid, everything else by its place.
    const others = requests.filter(({ type }) => type !== OpCode.ping);
    let pings = requests.length - others.length;
    let next = 0;
    let isClosing = false;
    while (next < others.length || pings > 0 || isClosing) {
      const request = others[next];
      const bytes = await frameOrEnd(client, isClosing && side === 'java').catch(
        (error: unknown) => {
          const why = `${side} is silent after ${next} of ${requests.length} (${error})`;
          throw new Mismatch(this.#report(connection, why, '?', '?', '[]'));
        },
      );
      const frame = shapeOf(bytes, this.names[side], request?.type ?? OpCode.ping);
      frames.push(frame);
      if (frame.kind === 'closed') break;
      if (frame.kind !== 'reply') continue;
      if (frame.xid === Xid.PING) pings--;
      else {
        isClosing = request === undefined || closes(request, frame);
        next++;
      }
    }
    return frames;
  }

  /** Java answers a ping in its place among the others, Quoll before them: then they are set aside. */
  #withoutPings(
    connection: ConnectionState,
    requests: readonly Request[],
    parts: { java: Part[]; quoll: Part[] },
  ): readonly Request[] {
    const places = ({ java, quoll }: typeof parts) =>
      [java, quoll].map((list) => list.map(({ end }) => (isPong(end) ? 'ping' : '-')).join());
    const [java, quoll] = places(parts);
    if (java === quoll) return requests;
    const pings = requests.filter(({ type }) => type === OpCode.ping).length;
    const told = { java: 0, quoll: 0 };
    for (const side of ['java', 'quoll'] as const) {
      const list = parts[side];
      for (let i = list.length - 1; i >= 0; i--) {
        const part = list[i];
        if (part === undefined || !isPong(part.end)) continue;
        told[side]++;
        list[i + 1]?.events.unshift(...part.events);
        list.splice(i, 1);
      }
    }
    const shown = json({ pings, java, quoll });
    this.see({ kind: 'ping-order', pings, told }, connection, shown, shown);
    return requests.filter(({ type }) => type !== OpCode.ping);
  }

  #compareEnds(connection: ConnectionState, request: Request, one: Part, other: Part): void {
    const java = one.end;
    const quoll = other.end;
    if (java.kind !== 'reply' || quoll.kind !== 'reply') {
      this.#count(java.kind === 'closed' ? `${opName(request.type)} closed` : 'odd');
      if (java.kind !== quoll.kind) {
        this.mismatch(connection, 'one closes', shown(java), shown(quoll));
      }
      return;
    }
    this.#count(`${opName(request.type)} ${errorName(java.err) ?? java.err}`);
    if (java.xid !== quoll.xid || java.zxid !== quoll.zxid) {
      this.mismatch(connection, 'reply headers differ', shown(java), shown(quoll));
    }
    if (java.err !== quoll.err || !same(java.body, quoll.body)) {
      const seen = { kind: 'reply', connection, request, java, quoll } as const;
      this.see(seen, connection, shown(java), shown(quoll));
    }
    if (request.type !== OpCode.ping) {
      const events = { java: one.events, quoll: other.events };
      this.#effects.take(connection, request, { java, quoll }, events);
    }
  }

  #compareEvents(
    connection: ConnectionState,
    request: Request,
    javas: readonly EventShape[],
    quolls: readonly EventShape[],
  ): void {
    const caughtUp = request.type === OpCode.setWatches || request.type === OpCode.setWatches2;
    const [java, quoll] = this.#inOneOrder(connection, javas, quolls);
    let j = 0;
    let q = 0;
    while (j < java.length || q < quoll.length) {
      const one = java[j];
      const other = quoll[q];
      if (one !== undefined && other !== undefined && sameEvent(one, other)) {
        if (one.zxid !== other.zxid) {
          const seen = { kind: 'event-zxid', java: one.zxid, quoll: other.zxid, caughtUp } as const;
          this.see(seen, connection, shown(one), shown(other));
        }
        if (one.path !== other.path) {
          const seen = { kind: 'event-path', java: one.path, quoll: other.path } as const;
          this.see(seen, connection, shown(one), shown(other));
        }
        this.#fired(connection, other, caughtUp);
        j++;
        q++;
        continue;
      }
      // The one whose event comes nowhere in the other's list is the odd one out.
      const isJavas = one !== undefined && !quoll.slice(q).some((event) => sameEvent(one, event));
      const only = isJavas || other === undefined ? 'java' : 'quoll';
      const event = only === 'java' ? one : other;
      if (event === undefined) throw new Error('an event of nobody');
      const seen = { kind: 'event', connection, only, event, caughtUp } as const;
      const lists = [java, quoll].map((list) => list.map(shown).join(' | '));
      this.see(seen, connection, lists[0] ?? '', lists[1] ?? '');
      this.#fired(connection, event, caughtUp);
      if (only === 'java') j++;
      else q++;
    }
  }

  /** Both lists as they are, or both sorted where the order is that of Java's hash sets. */
  #inOneOrder(
    connection: ConnectionState,
    java: readonly EventShape[],
    quoll: readonly EventShape[],
  ): [readonly EventShape[], readonly EventShape[]] {
    const keys = [java, quoll].map((list) => list.map(keyOf).join());
    if (!this.#mayReorder || keys[0] === keys[1]) return [java, quoll];
    this.see({ kind: 'order' }, connection, keys[0] ?? '', keys[1] ?? '');
    return [sorted(java), sorted(quoll)];
  }

  #fired(connection: ConnectionState, { type, path }: EventShape, caughtUp: boolean): void {
    const name = Object.entries(EventType).find(([, value]) => value === type)?.[0] ?? type;
    this.#count(`${caughtUp ? 'setWatches' : 'event'} ${name}`);
    if (caughtUp) return;
    this.books.java.fired(connection.index, type, path);
    this.books.quoll.fired(connection.index, type, path);
  }

  #count(what: string): void {
    this.answers.set(what, (this.answers.get(what) ?? 0) + 1);
  }

  #xidOf(connection: ConnectionState, { type }: Request): number {
    const { prng } = this.world;
    if (type === OpCode.ping) return prng.pick([-2, -2, 5, 0]);
    if (type === OpCode.auth) return prng.pick([-4, -4, 7, 0]);
    if (type === OpCode.setWatches || type === OpCode.setWatches2) return prng.pick([-8, -8, 9]);
    if (prng.chance(0.02)) return prng.pick([0, -3, -7, 0x7fffffff, -0x80000000]);
    return connection.nextXid++;
  }

  /** The requests of this step, however many they are, and a few before it. */
  #ofLate(): readonly string[] {
    const ofStep = this.#history.filter((line) => line.startsWith(`#${this.world.step} `));
    return this.#history.slice(-Math.max(4, ofStep.length + 2));
  }
}

function sameEvent(one: EventShape, other: EventShape): boolean {
  return keyOf(one) === keyOf(other);
}

function keyOf({ type, state, path, err }: EventShape): string {
  return `${type} ${state} ${err} ${roughly(path)}`;
}

function sorted(events: readonly EventShape[]): EventShape[] {
  return [...events].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}

function shown(frame: FrameShape | undefined): string {
  if (frame === undefined) return 'nothing';
  if (frame.kind !== 'reply') return json(frame);
  return cut(json({ ...frame, err: errorName(frame.err) ?? frame.err }), 3000);
}

function pathsIn(seen: Observation): string[] {
  if (seen.kind === 'event') return [seen.event.path];
  if (seen.kind !== 'reply') return [];
  const found = describe(seen.request).matchAll(/path=("(?:[^"\\]|\\.)*")/g);
  return [...found].map((match) => {
    try {
      return JSON.parse(match[1] ?? '""') as string;
    } catch {
      return '';
    }
  });
}
