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
import { MemoryDirectory, pathParts } from './memory-directory.ts';
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
  /** Of a write: what goes where. Valid during the call. */
  readonly bytes: Uint8Array | undefined;
  readonly position: number;
  /** Of a write: stands for the file, whatever it is called. */
  readonly file: object | undefined;
}

/** 'crash': the power goes as this call is made. Anything else is the error the call ends with. */
export type DiskFault = 'crash' | 'ENOSPC' | 'EIO' | 'EACCES' | 'EROFS';

/** Thrown out of every call once the power is gone; nothing may catch it. */
export class DiskCrash extends Error {}

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
  /** Told when a sync has made durable what was written to the file by calls up to that index. */
  synced: ((file: object, upTo: number) => void) | undefined;
  capacity: number;
  /** Calls so far that changed something. */
  calls = 0;
  crashed = false;
  readonly #options: MemoryFilesOptions;
  #root = new MemoryDirectory();
  readonly #locked = new Set<string>();
  /** What completes the background calls that are on their way. */
  readonly #underway = new Set<() => void>();
  /** Of the processes that used this disk one after the other, the present one. */
  #life = 0;

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
      if (existing instanceof MemoryDirectory) throw this.#error('EISDIR', path);
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
    if (node instanceof MemoryDirectory) return { kind: 'directory', length: 4096 };
    return { kind: 'file', length: node.length };
  }

  list(directory: string): string[] {
    this.#alive();
    return [...this.#directory(directory).entries.keys()].sort();
  }

  makeDirectories(path: string): void {
    this.#change('makeDirectories', path, () => {
      let at = this.#root;
      for (const name of pathParts(path)) {
        let next = at.entries.get(name);
        if (next === undefined) {
          next = new MemoryDirectory();
          at.change({ name, node: next });
        }
        if (!(next instanceof MemoryDirectory)) throw this.#error('ENOTDIR', path);
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
      const { changes } = directory;
      return () => directory.sync(changes);
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
    const life = this.#life;
    return {
      release: () => {
        if (life === this.#life) this.#locked.delete(directory);
      },
    };
  }

  join(base: string, ...names: string[]): string {
    const path = pathParts([base, ...names].join('/')).join('/');
    return base.startsWith('/') ? `/${path}` : path;
  }

  // ---- for the test or simulator that owns the disk ----

  /** Bytes that take room. */
  get used(): number {
    return this.#root.allocated * sectorLength;
  }

  /** The contents of a file; undefined when there is none. */
  contents(path: string): Uint8Array | undefined {
    const node = this.#find(path);
    return node instanceof MemoryInode ? node.contents : undefined;
  }

  /** Puts a file there, durable, with its directories. */
  put(path: string, bytes: Uint8Array): void {
    let at = this.#root;
    const names = pathParts(path);
    const name = names.pop() ?? '';
    for (const part of names) {
      const next = at.entries.get(part) ?? new MemoryDirectory();
      if (!(next instanceof MemoryDirectory)) throw this.#error('ENOTDIR', path);
      at.change({ name: part, node: next });
      at.sync();
      at = next;
    }
    at.change({ name, node: MemoryInode.of(bytes) });
    at.sync();
  }

  /**
   * The process that used it is gone, the machine lives: locks and open files end with the process, background calls
   * are done or not, by chance; unsynced changes stay unsynced, and a power loss may yet take them.
   */
  kill(chance: Prng): void {
    this.#life++;
    this.#locked.clear();
    this.crashed = false;
    for (const finish of this.#underway) {
      if (!chance.chance(0.5)) continue;
      try {
        finish();
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
      }
    }
    this.#underway.clear();
  }

  /** A disk with the same contents, all of it durable, for another run; nothing is shared. */
  afterKill(options: MemoryFilesOptions = this.#options): MemoryFiles {
    const copy = new MemoryFiles(options);
    this.#root.copyInto(
      copy.#root,
      ({ entries }) => entries,
      (inode) => inode.afterKill(),
    );
    return copy;
  }

  /** What the next boot may find after the power went. */
  afterPowerLoss(chance: Prng, options: MemoryFilesOptions = this.#options): MemoryFiles {
    const copy = new MemoryFiles(options);
    this.#root.copyInto(
      copy.#root,
      (directory) => directory.afterPowerLoss(chance),
      (inode) => inode.afterPowerLoss(chance),
    );
    return copy;
  }

  #handle(path: string, inode: MemoryInode): OpenFile {
    let closed = false;
    const life = this.#life;
    const alive = (): void => {
      this.#alive();
      if (life !== this.#life) throw new DiskCrash('the process is gone');
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
        const work = (): void => {
          this.#takeRoom(inode, bytes, position, path);
          inode.write(bytes, position);
        };
        this.#change('write', path, work, bytes, position, inode);
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
        const begin = () => {
          const image = inode.beginSync();
          const upTo = this.calls;
          return () => {
            inode.endSync(image);
            this.synced?.(inode, upTo);
          };
        };
        this.#later('datasync', path, done, begin, () => inode.failSync());
      },
      sync: () => {
        alive();
        this.#change('sync', path, () => {
          if (this.crashed) return;
          inode.sync();
          this.synced?.(inode, this.calls);
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
  #change<T>(
    kind: DiskCall['kind'],
    path: string,
    work: () => T,
    bytes?: Uint8Array,
    position = 0,
    file?: object,
  ): T {
    this.#alive();
    const fault = this.#meets(kind, path, bytes, position, file);
    if (fault !== undefined && fault !== 'crash') throw this.#error(fault, path);
    this.crashed = fault === 'crash';
    const result = work();
    this.#alive();
    return result;
  }

  /** A call in the background: `begin` runs now, what it returns when the call completes. */
  #later(
    kind: DiskCall['kind'],
    path: string,
    done: FileDone,
    begin: () => () => void,
    failed: () => void = () => undefined,
  ): void {
    this.#alive();
    const fault = this.#meets(kind, path);
    const finish = begin();
    if (fault === 'crash') {
      // The write may have begun.
      if (kind === 'writeLater') finish();
      this.crashed = true;
    }
    this.#alive();
    const life = this.#life;
    if (fault === undefined) this.#underway.add(finish);
    this.#options.clock.schedule(this.#options.latencyMs?.() ?? 1, () => {
      if (this.crashed || life !== this.#life) return;
      this.#underway.delete(finish);
      let error = fault === undefined ? undefined : this.#error(fault, path);
      try {
        if (error === undefined) finish();
        else failed();
      } catch (thrown) {
        if (!(thrown instanceof FileError)) throw thrown;
        error = thrown;
      }
      done(error);
    });
  }

  #meets(
    kind: DiskCall['kind'],
    path: string,
    bytes?: Uint8Array,
    position = 0,
    file?: object,
  ): DiskFault | undefined {
    const index = ++this.calls;
    return this.fault?.({ index, kind, path, bytes, position, file });
  }

  #takeRoom(inode: MemoryInode, bytes: Uint8Array, position: number, path: string): void {
    if (this.capacity === Number.POSITIVE_INFINITY) return;
    const wanted = inode.newSectors(position, bytes.length) * sectorLength;
    if (this.used + wanted > this.capacity) throw this.#error('ENOSPC', path);
  }

  #alive(): void {
    if (this.crashed) throw new DiskCrash('the power is gone');
  }

  #find(path: string): MemoryInode | MemoryDirectory | undefined {
    return this.#root.find(path);
  }

  #inode(path: string): MemoryInode {
    const node = this.#find(path);
    if (node === undefined) throw this.#error('ENOENT', path);
    if (node instanceof MemoryDirectory) throw this.#error('EISDIR', path);
    return node;
  }

  #directory(path: string): MemoryDirectory {
    const node = this.#find(path);
    if (node === undefined) throw this.#error('ENOENT', path);
    if (!(node instanceof MemoryDirectory)) throw this.#error('ENOTDIR', path);
    return node;
  }

  #parent(path: string): { directory: MemoryDirectory; name: string } {
    const names = pathParts(path);
    const name = names.pop() ?? '';
    return { directory: this.#directory(names.join('/')), name };
  }

  #error(code: string, path: string): FileError {
    return new FileError(code, path, `${code}: '${path}'`);
  }
}
