// The Files port on plain bytes in memory: nothing is ever lost, everything is quick, and what is read is counted. For
// starts on disks that are what they are (crash-check.ts, corruption-sweep.ts). In: files by path; several disks may
// share them, since a file is copied before its first change. Out: the port, the bytes asked for. Invariant: a
// completion runs later, never inside the call.

import type { Clock, DirectoryLock, FileDone, FileStatus, Files, OpenFile } from '../ports.ts';
import { FileError } from '../ports.ts';

export class PlainFiles implements Files {
  /** Room in the buffers that reads were given, over all calls, and the largest of them. */
  bytesAsked = 0;
  bytesAskedMost = 0;
  reads = 0;
  readonly #clock: Clock;
  readonly #directories: Set<string>;
  readonly #files: Map<string, { bytes: Uint8Array; length: number; isShared: boolean }>;

  /** Directories of the files are there, too. */
  constructor(
    clock: Clock,
    files: ReadonlyMap<string, Uint8Array>,
    directories: Iterable<string> = [],
  ) {
    this.#clock = clock;
    this.#directories = new Set(['/', ...directories]);
    this.#files = new Map();
    for (const [path, bytes] of files) {
      this.#files.set(path, { bytes, length: bytes.length, isShared: true });
      for (let at = parentOf(path); at !== '/'; at = parentOf(at)) this.#directories.add(at);
    }
  }

  /** The files now. */
  contents(): Map<string, Uint8Array> {
    const all = new Map<string, Uint8Array>();
    for (const [path, file] of this.#files) {
      all.set(path, file.bytes.subarray(0, file.length));
      file.isShared = true;
    }
    return all;
  }

  open(path: string, mode: 'read' | 'update' | 'create'): OpenFile {
    if (this.#directories.has(path)) throw failed('EISDIR', path);
    if (mode === 'create') {
      if (!this.#directories.has(parentOf(path))) throw failed('ENOENT', path);
      this.#files.set(path, { bytes: new Uint8Array(), length: 0, isShared: false });
    }
    const file = this.#files.get(path);
    if (file === undefined) throw failed('ENOENT', path);
    const room = (length: number): void => {
      if (!file.isShared && length <= file.bytes.length) return;
      const bytes = new Uint8Array(Math.max(length, file.isShared ? file.length : 2 * file.length));
      bytes.set(file.bytes.subarray(0, file.length));
      file.bytes = bytes;
      file.isShared = false;
    };
    const write = (bytes: Uint8Array, position: number): void => {
      room(position + bytes.length);
      file.bytes.set(bytes, position);
      file.length = Math.max(file.length, position + bytes.length);
    };
    return {
      path,
      read: (into, position) => {
        this.reads++;
        this.bytesAsked += into.length;
        this.bytesAskedMost = Math.max(this.bytesAskedMost, into.length);
        const end = Math.min(file.length, position + into.length);
        if (position >= end) return 0;
        into.set(file.bytes.subarray(position, end));
        return end - position;
      },
      write,
      writeLater: (bytes, position, done) => {
        this.#later(() => {
          write(bytes, position);
          done(undefined);
        });
      },
      datasync: (done) => this.#later(() => done(undefined)),
      sync: () => undefined,
      setLength: (length) => {
        room(length);
        file.bytes.fill(0, Math.min(length, file.length));
        file.length = length;
      },
      length: () => file.length,
      close: () => undefined,
    };
  }

  status(path: string): FileStatus | undefined {
    const file = this.#files.get(path);
    if (file !== undefined) return { kind: 'file', length: file.length };
    return this.#directories.has(path) ? { kind: 'directory', length: 4096 } : undefined;
  }

  list(directory: string): string[] {
    if (!this.#directories.has(directory)) throw failed('ENOENT', directory);
    const prefix = directory === '/' ? '/' : `${directory}/`;
    const names: string[] = [];
    for (const path of [...this.#files.keys(), ...this.#directories]) {
      if (path.length <= prefix.length || !path.startsWith(prefix)) continue;
      const name = path.substring(prefix.length);
      if (!name.includes('/')) names.push(name);
    }
    return names.sort();
  }

  makeDirectories(path: string): void {
    for (let at = path; at !== '/'; at = parentOf(at)) this.#directories.add(at);
  }

  rename(from: string, to: string): void {
    const file = this.#files.get(from);
    if (file === undefined) throw failed('ENOENT', from);
    this.#files.delete(from);
    this.#files.set(to, file);
  }

  remove(path: string): void {
    if (!this.#files.delete(path)) throw failed('ENOENT', path);
  }

  syncDirectory(_path: string, done: FileDone): void {
    this.#later(() => done(undefined));
  }

  syncDirectoryNow(): void {
    // Nothing is ever lost here.
  }

  lock(): DirectoryLock {
    return { release: () => undefined };
  }

  join(base: string, ...names: string[]): string {
    let path = base;
    for (const name of names) {
      if (name === '..') path = parentOf(path);
      else path = path === '/' ? `/${name}` : `${path}/${name}`;
    }
    return path;
  }

  #later(work: () => void): void {
    this.#clock.schedule(1, work);
  }
}

function parentOf(path: string): string {
  return path.substring(0, path.lastIndexOf('/')) || '/';
}

function failed(code: string, path: string): FileError {
  return new FileError(code, path, `${code}: '${path}'`);
}
