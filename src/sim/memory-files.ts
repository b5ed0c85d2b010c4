// The Files port on a simulated disk that can lose power, fill up and fail at any call. In: file calls; a `fault`
// function that is asked before each call that changes anything. Out: the port's promises, and after a crash a new
// disk as it might be found: unsynced sectors and directory entries old or new, by chance from a seed.
//
// Invariants: data is durable when a sync of its file completed, a name when a sync of its directory did; of
// unsynced changes to one directory a crash keeps a beginning. Background writes take effect when they complete,
// from the caller's own bytes, so a buffer reused too early shows.

import type { Clock, DirectoryLock, FileDone, FileStatus, Files, OpenFile } from '../ports.ts';
import { FileError } from '../ports.ts';
import type { Prng } from '../util/prng.ts';
import { MemoryInode, sectorLength } from './memory-inode.ts';

export interface DiskCall {
  /** Counts the calls that change something, from 1. */
  readonly index: number;
  readonly kind:
    | 'open'
    | 'write'
    | 'writeLater'
    | 'setLength'
    | 'datasync'
    | 'sync'
    | 'rename'
    | 'remove'
    | 'makeDirectories'
    | 'syncDirectory';
  readonly path: string;
}

/** 'crash': the power goes as this call is made. Anything else is the error the call ends with. */
export type DiskFault = 'crash' | 'ENOSPC' | 'EIO' | 'EACCES' | 'EROFS';

/** Thrown out of every call once the power is gone; nothing may catch it. */
export class DiskCrash extends Error {}

interface Change {
  readonly name: string;
  readonly node: MemoryInode | Directory | undefined;
}

class Directory {
  readonly entries = new Map<string, MemoryInode | Directory>();
  readonly durable = new Map<string, MemoryInode | Directory>();
  readonly unsynced: (readonly Change[])[] = [];

  change(...changes: Change[]): void {
    apply(this.entries, changes);
    this.unsynced.push(changes);
  }

  /** Makes the first `count` unsynced changes durable. */
  sync(count = this.unsynced.length): void {
    for (const changes of this.unsynced.splice(0, count)) apply(this.durable, changes);
  }
}

function apply(entries: Map<string, MemoryInode | Directory>, changes: readonly Change[]): void {
  for (const { name, node } of changes) {
    if (node === undefined) entries.delete(name);
    else entries.set(name, node);
  }
}

export interface MemoryFilesOptions {
  readonly clock: Clock;
  /** How long background calls take; 1 ms unless given. */
  readonly latencyMs?: () => number;
  /** Bytes the disk holds, in whole sectors; unbounded unless given. */
  readonly capacity?: number;
}

export class MemoryFiles implements Files {
  /** Asked before each call that changes something. */
  fault: ((call: DiskCall) => DiskFault | undefined) | undefined;
  capacity: number;
  /** Calls so far that changed something. */
  calls = 0;
  crashed = false;
  readonly #options: MemoryFilesOptions;
  #root = new Directory();
  readonly #locked = new Set<string>();

  constructor(options: MemoryFilesOptions) {
    this.#options = options;
    this.capacity = options.capacity ?? Number.POSITIVE_INFINITY;
  }

  open(path: string, mode: 'read' | 'update' | 'create'): OpenFile {
    this.#alive();
    if (mode !== 'create') return this.#handle(path, this.#inode(path));
    return this.#change('open', path, () => {
      const { directory, name } = this.#parent(path);
      const existing = directory.entries.get(name);
      if (existing instanceof Directory) throw this.#error('EISDIR', path);
      if (existing !== undefined) {
        existing.setLength(0);
        return this.#handle(path, existing);
      }
      const inode = new MemoryInode();
      directory.change({ name, node: inode });
      return this.#handle(path, inode);
    });
  }

  status(path: string): FileStatus | undefined {
    this.#alive();
    const node = this.#find(path);
    if (node === undefined) return undefined;
    if (node instanceof Directory) return { kind: 'directory', length: 4096 };
    return { kind: 'file', length: node.length };
  }

  list(directory: string): string[] {
    this.#alive();
    return [...this.#directory(directory).entries.keys()].sort();
  }

  makeDirectories(path: string): void {
    this.#change('makeDirectories', path, () => {
      let at = this.#root;
      for (const name of parts(path)) {
        let next = at.entries.get(name);
        if (next === undefined) {
          next = new Directory();
          at.change({ name, node: next });
        }
        if (!(next instanceof Directory)) throw this.#error('ENOTDIR', path);
        at = next;
      }
    });
  }

  rename(from: string, to: string): void {
    this.#change('rename', from, () => {
      const source = this.#parent(from);
      const target = this.#parent(to);
      if (source.directory !== target.directory) throw this.#error('EXDEV', from);
      const inode = this.#inode(from);
      source.directory.change(
        { name: source.name, node: undefined },
        { name: target.name, node: inode },
      );
    });
  }

  remove(path: string): void {
    this.#change('remove', path, () => {
      this.#inode(path);
      const { directory, name } = this.#parent(path);
      directory.change({ name, node: undefined });
    });
  }

  syncDirectory(path: string, done: FileDone): void {
    this.#later('syncDirectory', path, done, () => {
      const directory = this.#directory(path);
      const count = directory.unsynced.length;
      return () => directory.sync(count);
    });
  }

  syncDirectoryNow(path: string): void {
    this.#change('syncDirectory', path, () => {
      const directory = this.#directory(path);
      if (!this.crashed) directory.sync();
    });
  }

  lock(directory: string): DirectoryLock | undefined {
    this.#alive();
    if (this.#locked.has(directory)) return undefined;
    this.#locked.add(directory);
    return { release: () => this.#locked.delete(directory) };
  }

  join(base: string, ...names: string[]): string {
    const path = parts([base, ...names].join('/')).join('/');
    return base.startsWith('/') ? `/${path}` : path;
  }

  // ---- for the test or simulator that owns the disk ----

  /** The contents of a file; undefined when there is none. */
  contents(path: string): Uint8Array | undefined {
    const node = this.#find(path);
    return node instanceof MemoryInode ? node.contents : undefined;
  }

  /** Puts a file there, durable, with its directories. */
  put(path: string, bytes: Uint8Array): void {
    let at = this.#root;
    const names = parts(path);
    const name = names.pop() ?? '';
    for (const part of names) {
      const next = at.entries.get(part) ?? new Directory();
      if (!(next instanceof Directory)) throw this.#error('ENOTDIR', path);
      at.change({ name: part, node: next });
      at.sync();
      at = next;
    }
    at.change({ name, node: MemoryInode.of(bytes) });
    at.sync();
  }

  /** A disk with the same durable and volatile state, for another run; nothing is shared. */
  afterKill(options: MemoryFilesOptions = this.#options): MemoryFiles {
    return this.#copied(
      options,
      (directory) => directory.entries,
      (inode) => inode.afterKill(),
    );
  }

  /** What the next boot may find after the power went. */
  afterPowerLoss(chance: Prng, options: MemoryFilesOptions = this.#options): MemoryFiles {
    const kept = (directory: Directory): Map<string, MemoryInode | Directory> => {
      const entries = new Map(directory.durable);
      const count = chance.below(directory.unsynced.length + 1);
      for (const changes of directory.unsynced.filter((_, i) => i < count)) apply(entries, changes);
      return entries;
    };
    return this.#copied(options, kept, (inode) => inode.afterPowerLoss(chance));
  }

  #copied(
    options: MemoryFilesOptions,
    entriesOf: (directory: Directory) => ReadonlyMap<string, MemoryInode | Directory>,
    inodeOf: (inode: MemoryInode) => MemoryInode,
  ): MemoryFiles {
    const copy = new MemoryFiles(options);
    const walk = (from: Directory, to: Directory): void => {
      for (const [name, node] of entriesOf(from)) {
        if (node instanceof MemoryInode) {
          to.change({ name, node: inodeOf(node) });
        } else {
          const directory = new Directory();
          to.change({ name, node: directory });
          walk(node, directory);
        }
      }
      to.sync();
    };
    walk(this.#root, copy.#root);
    return copy;
  }

  #handle(path: string, inode: MemoryInode): OpenFile {
    let closed = false;
    const alive = (): void => {
      this.#alive();
      if (closed) throw this.#error('EBADF', path);
    };
    return {
      path,
      read: (into, position) => {
        alive();
        return inode.read(into, position);
      },
      write: (bytes, position) => {
        alive();
        this.#change('write', path, () => {
          this.#takeRoom(inode, bytes, position, path);
          inode.write(bytes, position);
        });
      },
      writeLater: (bytes, position, done) => {
        alive();
        this.#later('writeLater', path, done, () => () => {
          this.#takeRoom(inode, bytes, position, path);
          inode.write(bytes, position);
        });
      },
      datasync: (done) => {
        alive();
        this.#later('datasync', path, done, () => {
          const image = inode.beginSync();
          return () => inode.endSync(image);
        });
      },
      sync: () => {
        alive();
        this.#change('sync', path, () => {
          if (!this.crashed) inode.sync();
        });
      },
      setLength: (length) => {
        alive();
        this.#change('setLength', path, () => inode.setLength(length));
      },
      length: () => {
        alive();
        return inode.length;
      },
      close: () => {
        closed = true;
      },
    };
  }

  /** A call at once. A crash strikes when the call has had its volatile effect: a later choice may undo that. */
  #change<T>(kind: DiskCall['kind'], path: string, work: () => T): T {
    this.#alive();
    const fault = this.#meets(kind, path);
    if (fault !== undefined && fault !== 'crash') throw this.#error(fault, path);
    this.crashed = fault === 'crash';
    const result = work();
    this.#alive();
    return result;
  }

  /** A call in the background: `begin` runs now, what it returns when the call completes. */
  #later(kind: DiskCall['kind'], path: string, done: FileDone, begin: () => () => void): void {
    this.#alive();
    const fault = this.#meets(kind, path);
    const finish = begin();
    if (fault === 'crash') {
      // The write may have begun.
      if (kind === 'writeLater') finish();
      this.crashed = true;
    }
    this.#alive();
    this.#options.clock.schedule(this.#options.latencyMs?.() ?? 1, () => {
      if (this.crashed) return;
      let error = fault === undefined ? undefined : this.#error(fault, path);
      try {
        if (error === undefined) finish();
      } catch (thrown) {
        if (!(thrown instanceof FileError)) throw thrown;
        error = thrown;
      }
      done(error);
    });
  }

  #meets(kind: DiskCall['kind'], path: string): DiskFault | undefined {
    const index = ++this.calls;
    return this.fault?.({ index, kind, path });
  }

  #takeRoom(inode: MemoryInode, bytes: Uint8Array, position: number, path: string): void {
    if (this.capacity === Number.POSITIVE_INFINITY) return;
    const wanted = inode.newSectors(position, bytes.length) * sectorLength;
    if (this.#used(this.#root) + wanted > this.capacity) throw this.#error('ENOSPC', path);
  }

  #used(directory: Directory): number {
    let used = 0;
    for (const node of directory.entries.values()) {
      used += node instanceof Directory ? this.#used(node) : node.allocated.size * sectorLength;
    }
    return used;
  }

  #alive(): void {
    if (this.crashed) throw new DiskCrash('the power is gone');
  }

  #find(path: string): MemoryInode | Directory | undefined {
    let at: MemoryInode | Directory = this.#root;
    for (const name of parts(path)) {
      const next: MemoryInode | Directory | undefined =
        at instanceof Directory ? at.entries.get(name) : undefined;
      if (next === undefined) return undefined;
      at = next;
    }
    return at;
  }

  #inode(path: string): MemoryInode {
    const node = this.#find(path);
    if (node === undefined) throw this.#error('ENOENT', path);
    if (node instanceof Directory) throw this.#error('EISDIR', path);
    return node;
  }

  #directory(path: string): Directory {
    const node = this.#find(path);
    if (node === undefined) throw this.#error('ENOENT', path);
    if (!(node instanceof Directory)) throw this.#error('ENOTDIR', path);
    return node;
  }

  #parent(path: string): { directory: Directory; name: string } {
    const names = parts(path);
    const name = names.pop() ?? '';
    return { directory: this.#directory(names.join('/')), name };
  }

  #error(code: string, path: string): FileError {
    return new FileError(code, path, `${code}: '${path}'`);
  }
}

/** The names of a path, `.` and `..` resolved. */
function parts(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names;
}
