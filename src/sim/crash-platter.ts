// What is on the platter while a trace is walked, and every disk that a loss of power at that moment may leave
// (ALICE's abstract persistence model). In: the operations of a trace, one by one. Out: images: all unsynced changes
// kept, all lost, each file at each of its unsynced writes, torn at 512 and 4,096 bytes from either end and in the
// middle, its length old or new, each directory cut back to each of its unsynced changes.
//
// Invariants: what a completed sync covered is in every image; a sector shows one of the versions it had; of unsynced
// changes to one directory a beginning is kept, and a rename is one change. Files and directories go their own ways: a
// name may be there before its data and the other way round.

import { copyBytes, emptyBytes } from '../util/bytes.ts';
import type { DiskOp, NameChange } from './crash-trace.ts';
import { rootNode } from './crash-trace.ts';

export interface DiskImage {
  /** How it came about, for people; unique among the images of a moment. */
  readonly name: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly directories: readonly string[];
  /** Equal for equal disks. */
  readonly key: string;
}

type Names = ReadonlyMap<string, number>;

interface Choice {
  readonly name: string;
  /** For what is not listed. */
  readonly files: 'new' | 'old';
  readonly directories: 'new' | 'old';
  readonly file?: readonly [node: number, bytes: Uint8Array];
  readonly directory?: readonly [node: number, names: Names];
}

const tearUnits = [512, 4096];
/** Of the places where a long write can tear, so many. */
const tearsMax = 8;

/** A thing with unsynced changes: `versions[0]` is on the platter, the last is what the system shows. */
class Versions<T> {
  readonly versions: T[];
  /** Changes that are durable, since the beginning. */
  #synced = 0;
  readonly #syncs = new Map<number, number>();
  #isLost = false;

  constructor(durable: T) {
    this.versions = [durable];
  }

  get old(): T {
    return this.versions[0] as T;
  }

  get latest(): T {
    return this.versions.at(-1) as T;
  }

  syncBegan(sync: number): void {
    this.#syncs.set(sync, this.#synced + this.versions.length - 1);
  }

  syncFailed(): void {
    this.#isLost = true;
  }

  emptied(): void {
    this.#isLost = false;
  }

  syncEnded(sync: number): void {
    const through = this.#syncs.get(sync) ?? 0;
    this.#syncs.delete(sync);
    if (this.#isLost) return;
    const count = Math.max(0, through - this.#synced);
    this.versions.splice(0, count);
    this.#synced += count;
  }
}

export class Platter {
  readonly #files = new Map<number, Versions<Uint8Array>>();
  readonly #directories = new Map<number, Versions<Names>>([[rootNode, new Versions(new Map())]]);

  /** Returns whether there may be new images. */
  take(op: DiskOp<unknown>): boolean {
    switch (op.kind) {
      case 'mark':
        return true;
      case 'new':
        if (op.type === 'file') this.#files.set(op.node, new Versions<Uint8Array>(emptyBytes));
        else this.#directories.set(op.node, new Versions<Names>(new Map()));
        return false;
      case 'sync began':
        this.#node(op.node)?.syncBegan(op.sync);
        return false;
      case 'sync ended':
        this.#node(op.node)?.syncEnded(op.sync);
        return false;
      case 'sync failed':
        // Names go through the journal: one that cannot be written takes no later sync either.
        this.#files.get(op.node)?.syncFailed();
        return false;
      case 'names':
        this.#changeNames(op.directory, op.change);
        return true;
      case 'write':
        this.#changeFile(op.node, (before) => written(before, op.bytes, op.position));
        return true;
      case 'length':
        // What is written from now on is new to the system.
        if (op.length === 0) this.#node(op.node)?.emptied();
        this.#changeFile(op.node, (before) => {
          const bytes = new Uint8Array(op.length);
          bytes.set(before.subarray(0, Math.min(op.length, before.length)));
          return bytes;
        });
        return true;
    }
  }

  /** Equal disks may come more than once. */
  *images(): Generator<DiskImage> {
    for (const choice of this.#choices()) yield this.#image(choice);
  }

  *#choices(): Generator<Choice> {
    yield { name: 'everything kept', files: 'new', directories: 'new' };
    yield { name: 'everything unsynced lost', files: 'old', directories: 'old' };
    yield { name: 'names lost, data kept', files: 'new', directories: 'old' };
    yield { name: 'names kept, data lost', files: 'old', directories: 'new' };
    for (const files of ['new', 'old'] as const) {
      const rest = files === 'new' ? 'the rest kept' : 'other data lost';
      for (const [node, { versions }] of this.#directories) {
        for (let count = 0; count < versions.length - 1; count++) {
          const names = versions[count] as Names;
          const name = `directory ${node} after ${count} of ${versions.length - 1} changes, ${rest}`;
          yield { name, files, directories: 'new', directory: [node, names] };
        }
      }
      for (const [node, { versions }] of this.#files) {
        for (const [what, bytes] of versionsAndTears(versions)) {
          const name = `file ${node} ${what}, ${rest}`;
          yield { name, files, directories: 'new', file: [node, bytes] };
        }
      }
    }
  }

  #image({ name, ...choice }: Choice): DiskImage {
    const files = new Map<string, Uint8Array>();
    const directories: string[] = [];
    let key = '';
    const walk = (node: number, path: string): void => {
      const versions = this.#directories.get(node);
      if (versions === undefined) return;
      const usual = choice.directories === 'new' ? versions.latest : versions.old;
      const names = choice.directory?.[0] === node ? choice.directory[1] : usual;
      directories.push(path === '' ? '/' : path);
      for (const [entry, child] of [...names].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const at = `${path}/${entry}`;
        const file = this.#files.get(child);
        if (file === undefined) {
          key += `${at}/;`;
          walk(child, at);
          continue;
        }
        const shown = choice.files === 'new' ? file.latest : file.old;
        const bytes = choice.file?.[0] === child ? choice.file[1] : shown;
        files.set(at, bytes);
        key += `${at}=${hashOf(bytes)};`;
      }
    };
    walk(rootNode, '');
    return { name, files, directories, key };
  }

  #node(node: number): Versions<Uint8Array> | Versions<Names> | undefined {
    return this.#files.get(node) ?? this.#directories.get(node);
  }

  #changeFile(node: number, change: (before: Uint8Array) => Uint8Array): void {
    const file = this.#files.get(node);
    file?.versions.push(change(file.latest));
  }

  #changeNames(directory: number, change: NameChange): void {
    const before = this.#directories.get(directory);
    if (before === undefined) throw new Error(`node ${directory} is no directory`);
    const after = new Map(before.latest);
    for (const [name, node] of change) {
      if (node === undefined) after.delete(name);
      else after.set(name, node);
    }
    before.versions.push(after);
  }
}

function* versionsAndTears(versions: readonly Uint8Array[]): Generator<[string, Uint8Array]> {
  const writes = versions.length - 1;
  const latest = versions[writes];
  if (writes === 0 || latest === undefined) return;
  for (let count = 0; count < writes; count++) {
    yield [`after ${count} of ${writes} writes`, versions[count] as Uint8Array];
  }
  for (const from of new Set([0, writes - 1])) {
    const old = versions[from] as Uint8Array;
    for (const unit of tearUnits) {
      for (const [what, bytes] of tears(old, latest, unit)) {
        yield [`${what} at ${unit} since write ${from} of ${writes}`, bytes];
      }
    }
  }
}

/** Some units of the newer contents, the rest of the older; the length of either. */
function* tears(
  old: Uint8Array,
  latest: Uint8Array,
  unit: number,
): Generator<[string, Uint8Array]> {
  const units: number[] = [];
  const length = Math.max(old.length, latest.length);
  for (let at = 0; at < length; at += unit) {
    if (differs(old, latest, at, Math.min(length, at + unit))) units.push(at);
  }
  const mixed = (isNew: (index: number) => boolean, size: number): Uint8Array => {
    const bytes = new Uint8Array(size);
    bytes.set(old.subarray(0, size));
    for (const [index, at] of units.entries()) {
      if (!isNew(index)) continue;
      bytes.fill(0, at, at + unit);
      if (at < size) bytes.set(latest.subarray(at, Math.min(at + unit, size)), at);
    }
    return bytes;
  };
  for (const size of new Set([latest.length, old.length])) {
    const to = size === latest.length ? 'the new length' : 'the old length';
    if (old.length !== latest.length) {
      yield [`none torn in, ${to}`, mixed(() => false, size)];
      yield [`all torn in, ${to}`, mixed(() => true, size)];
    }
    for (const cut of picked(1, units.length - 1)) {
      yield [`first ${cut} of ${units.length}, ${to}`, mixed((index) => index < cut, size)];
      yield [
        `without first ${cut} of ${units.length}, ${to}`,
        mixed((index) => index >= cut, size),
      ];
    }
    if (units.length < 3) continue;
    for (const missing of picked(1, units.length - 2)) {
      yield [
        `without ${missing} of ${units.length}, ${to}`,
        mixed((index) => index !== missing, size),
      ];
    }
  }
}

/** Whole numbers from `from` to `to`, at most `tearsMax` of them, both ends included. */
function picked(from: number, to: number): Set<number> {
  const all = new Set<number>();
  const count = Math.min(tearsMax, to - from + 1);
  for (let i = 0; i < count; i++) {
    all.add(count === 1 ? from : from + Math.round((i * (to - from)) / (count - 1)));
  }
  return all;
}

function written(before: Uint8Array, bytes: Uint8Array, position: number): Uint8Array {
  const after = new Uint8Array(Math.max(before.length, position + bytes.length));
  after.set(before);
  after.set(bytes, position);
  return after;
}

function differs(a: Uint8Array, b: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if ((a[at] ?? 0) !== (b[at] ?? 0)) return true;
  return false;
}

const hashes = new WeakMap<Uint8Array, string>();

/** Two sums over the words: enough to tell the images of one run apart. */
function hashOf(bytes: Uint8Array): string {
  const known = hashes.get(bytes);
  if (known !== undefined) return known;
  const padded = bytes.length % 4 === 0 ? bytes : copyBytes(bytes, 0, bytes.length & ~3);
  const words = new Uint32Array(padded.buffer, padded.byteOffset, padded.length >> 2);
  let a = 0x811c9dc5 ^ bytes.length;
  let b = 0x9e3779b9;
  for (const word of words) {
    a = Math.imul(a ^ word, 0x01000193);
    b = Math.imul(b ^ (word >>> 7) ^ (word << 25), 0x85ebca6b) ^ (a >>> 13);
  }
  for (let at = bytes.length & ~3; at < bytes.length; at++) {
    a = Math.imul(a ^ (bytes[at] as number), 0x01000193);
    b = Math.imul(b ^ a, 0x85ebca6b);
  }
  const hash = `${(a >>> 0).toString(16)}${(b >>> 0).toString(16).padStart(8, '0')}`;
  hashes.set(bytes, hash);
  return hash;
}
