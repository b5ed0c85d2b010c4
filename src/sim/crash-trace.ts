// A disk that writes down what is done to it: every change, and when a sync begins and ends, so that all the disks a
// crash could leave can be made afterwards (crash-platter.ts) instead of a few by chance. In: calls of the Files
// port, made on a MemoryFiles that does them. Out: the trace. Invariants: a change stands in the trace when it had
// its effect, a sync's end before its completion is told; marks stand where the owner's knowledge changed.

import type { DirectoryLock, FileDone, FileStatus, Files, OpenFile } from '../ports.ts';
import { copyBytes } from '../util/bytes.ts';
import type { MemoryFiles } from './memory-files.ts';

/** One change of a directory: names, and the file or directory each now stands for; undefined: none. */
export type NameChange = readonly (readonly [name: string, node: number | undefined])[];

export type DiskOp<Mark> =
  | {
      readonly kind: 'write';
      readonly node: number;
      readonly position: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'length'; readonly node: number; readonly length: number }
  /** A new node, before the name that stands for it. */
  | { readonly kind: 'new'; readonly node: number; readonly type: 'file' | 'directory' }
  | { readonly kind: 'names'; readonly directory: number; readonly change: NameChange }
  | { readonly kind: 'sync began'; readonly node: number; readonly sync: number }
  | { readonly kind: 'sync ended'; readonly node: number; readonly sync: number }
  /** The system calls what it holds clean, and no later sync brings it to the disk (fsyncgate). */
  | { readonly kind: 'sync failed'; readonly node: number }
  | { readonly kind: 'mark'; readonly mark: Mark };

export interface TraceLine<Mark> {
  readonly op: DiskOp<Mark>;
  /** For people: the call and the file. */
  readonly what: string;
}

/** The root directory's number; other nodes are numbered as they appear. */
export const rootNode = 0;

export class RecordingFiles<Mark> implements Files {
  readonly lines: TraceLine<Mark>[] = [];
  /** Calls that change something. */
  calls = 0;
  readonly #inner: MemoryFiles;
  readonly #nodes = new Map<string, number>([['/', rootNode]]);
  #nodeCount = 1;
  #syncCount = 0;

  /** `inner`: a disk with nothing on it. */
  constructor(inner: MemoryFiles) {
    this.#inner = inner;
  }

  mark(mark: Mark, what = 'mark'): void {
    this.lines.push({ op: { kind: 'mark', mark }, what });
  }

  /** Puts a file there, durable, before the life begins. */
  put(path: string, bytes: Uint8Array): void {
    const directory = parentOf(path);
    this.makeDirectories(directory);
    const file = this.open(path, 'create');
    file.write(bytes, 0);
    file.sync();
    file.close();
    for (let at = directory; ; at = parentOf(at)) {
      this.syncDirectoryNow(at);
      if (at === '/') return;
    }
  }

  /** The files now, by path. */
  contents(): Map<string, Uint8Array> {
    const files = new Map<string, Uint8Array>();
    for (const path of this.#nodes.keys()) {
      const bytes = this.#inner.contents(path);
      if (bytes !== undefined) files.set(path, bytes);
    }
    return files;
  }

  open(path: string, mode: 'read' | 'update' | 'create'): OpenFile {
    const existed = this.#inner.status(path) !== undefined;
    const inner = this.#inner.open(path, mode);
    if (mode === 'create') {
      if (existed) this.#length(this.#node(path), 0, `open ${path}`);
      else this.#name(path, 'file', 'open');
    }
    return this.#handle(path, this.#node(path), inner);
  }

  status(path: string): FileStatus | undefined {
    return this.#inner.status(path);
  }

  list(directory: string): string[] {
    return this.#inner.list(directory);
  }

  makeDirectories(path: string): void {
    let at = '/';
    for (const part of path.split('/').filter((one) => one !== '')) {
      at = this.join(at, part);
      if (this.#nodes.has(at)) continue;
      this.#inner.makeDirectories(at);
      this.#name(at, 'directory', 'makeDirectories');
    }
  }

  rename(from: string, to: string): void {
    this.#inner.rename(from, to);
    const node = this.#node(from);
    this.#nodes.delete(from);
    this.#nodes.set(to, node);
    const change: NameChange = [
      [nameOf(from), undefined],
      [nameOf(to), node],
    ];
    this.#change(parentOf(from), change, `rename ${from} to ${nameOf(to)}`);
  }

  remove(path: string): void {
    this.#inner.remove(path);
    this.#nodes.delete(path);
    this.#change(parentOf(path), [[nameOf(path), undefined]], `remove ${path}`);
  }

  syncDirectory(path: string, done: FileDone): void {
    const ended = this.#sync(this.#node(path), `syncDirectory ${path}`);
    this.#inner.syncDirectory(path, (error) => {
      ended(error === undefined);
      done(error);
    });
  }

  syncDirectoryNow(path: string): void {
    const ended = this.#sync(this.#node(path), `syncDirectory ${path}`);
    now(() => this.#inner.syncDirectoryNow(path), ended);
  }

  lock(directory: string): DirectoryLock | undefined {
    return this.#inner.lock(directory);
  }

  join(base: string, ...names: string[]): string {
    return this.#inner.join(base, ...names);
  }

  #handle(path: string, node: number, inner: OpenFile): OpenFile {
    const wrote = (kind: string, bytes: Uint8Array, position: number): void => {
      const op = { kind: 'write', node, position, bytes: copyBytes(bytes) } as const;
      this.#push(op, `${kind} ${path} ${position}+${bytes.length}`);
    };
    return {
      path,
      read: (into, position) => inner.read(into, position),
      write: (bytes, position) => {
        inner.write(bytes, position);
        wrote('write', bytes, position);
      },
      writeLater: (bytes, position, done) => {
        inner.writeLater(bytes, position, (error) => {
          if (error === undefined) wrote('writeLater', bytes, position);
          done(error);
        });
      },
      datasync: (done) => {
        const ended = this.#sync(node, `datasync ${path}`);
        inner.datasync((error) => {
          ended(error === undefined);
          done(error);
        });
      },
      sync: () => {
        const ended = this.#sync(node, `sync ${path}`);
        now(() => inner.sync(), ended);
      },
      setLength: (length) => {
        inner.setLength(length);
        this.#length(node, length, `setLength ${path} ${length}`);
      },
      length: () => inner.length(),
      close: () => inner.close(),
    };
  }

  #name(path: string, type: 'file' | 'directory', what: string): void {
    const node = this.#nodeCount++;
    this.#nodes.set(path, node);
    this.lines.push({ op: { kind: 'new', node, type }, what });
    this.#change(parentOf(path), [[nameOf(path), node]], `${what} ${path}`);
  }

  #change(directory: string, change: NameChange, what: string): void {
    this.#push({ kind: 'names', directory: this.#node(directory), change }, what);
  }

  #length(node: number, length: number, what: string): void {
    this.#push({ kind: 'length', node, length }, what);
  }

  #sync(node: number, what: string): (ok: boolean) => void {
    const sync = ++this.#syncCount;
    this.#push({ kind: 'sync began', node, sync }, `${what} begins`);
    return (ok) => {
      if (ok) this.lines.push({ op: { kind: 'sync ended', node, sync }, what: `${what} ends` });
      else this.lines.push({ op: { kind: 'sync failed', node }, what: `${what} fails` });
    };
  }

  #push(op: DiskOp<Mark>, what: string): void {
    this.calls++;
    this.lines.push({ op, what });
  }

  #node(path: string): number {
    const node = this.#nodes.get(path);
    if (node === undefined) throw new Error(`${path} was never made`);
    return node;
  }
}

function now(sync: () => void, ended: (ok: boolean) => void): void {
  let ok = false;
  try {
    sync();
    ok = true;
  } finally {
    ended(ok);
  }
}

function parentOf(path: string): string {
  return path.substring(0, path.lastIndexOf('/')) || '/';
}

function nameOf(path: string): string {
  return path.substring(path.lastIndexOf('/') + 1);
}
