// The Files port on node:fs: small calls synchronous, fsync and large writes in libuv's threads. A call either does
// the whole job or throws `FileError` with the system's code; a short write is continued, never reported as done.
//
// Invariant: a descriptor is closed only when no background call uses it any more, because the system gives the
// number to the next file at once and a late fdatasync would then report the wrong file durable.
// Zeros beyond the end are not really allocated: Node has no fallocate; Java's preallocation is sparse too.
import {
  closeSync,
  fdatasync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { FileDone, Files, OpenFile } from '../ports.ts';
import { FileError } from '../ports.ts';
import { lockDirectory } from './directory-lock.ts';

const flags = { read: 'r', update: 'r+', create: 'w+' } as const;

function fileError(error: unknown, path: string): FileError {
  if (error instanceof FileError) return error;
  if (!(error instanceof Error)) return new FileError('EIO', path, `${path}: ${String(error)}`);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'EIO';
  const text = error.message.includes(path) ? error.message : `${error.message} '${path}'`;
  return new FileError(code, path, text);
}

/** `call`'s result, or its failure as `FileError` about `path`. */
function attempt<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fileError(error, path);
  }
}

class NodeFile implements OpenFile {
  /** Follows a rename, so that an error names the file as it is called now. */
  path: string;
  readonly #fd: number;
  readonly #open: Map<string, NodeFile>;
  /** Background calls under way. */
  #inUse = 0;
  #state: 'open' | 'closing' | 'closed' = 'open';

  /** `open`: the files that are open, by their present names. */
  constructor(path: string, fd: number, open: Map<string, NodeFile>) {
    this.path = path;
    this.#fd = fd;
    this.#open = open;
    open.set(path, this);
  }

  read(into: Uint8Array, position: number): number {
    return attempt(this.path, () => {
      const fd = this.#openFd();
      let total = 0;
      while (total < into.length) {
        const count = readSync(fd, into, total, into.length - total, position + total);
        if (count === 0) break;
        total += count;
      }
      return total;
    });
  }

  write(bytes: Uint8Array, position: number): void {
    attempt(this.path, () => {
      const fd = this.#openFd();
      for (let written = 0; written < bytes.length; ) {
        const count = writeSync(fd, bytes, written, bytes.length - written, position + written);
        if (count === 0) throw new FileError('EIO', this.path, `${this.path}: wrote nothing`);
        written += count;
      }
    });
  }

  writeLater(bytes: Uint8Array, position: number, done: FileDone): void {
    const fd = this.#begin(done);
    if (fd === undefined) return;
    const go = (written: number): void => {
      write(fd, bytes, written, bytes.length - written, position + written, (error, count) => {
        if (error !== null) this.#finish(done, error);
        else if (written + count >= bytes.length) this.#finish(done, null);
        else if (count === 0) this.#finish(done, new Error('wrote nothing'));
        else go(written + count);
      });
    };
    go(0);
  }

  datasync(done: FileDone): void {
    const fd = this.#begin(done);
    if (fd !== undefined) fdatasync(fd, (error) => this.#finish(done, error));
  }

  sync(): void {
    attempt(this.path, () => fsyncSync(this.#openFd()));
  }

  setLength(length: number): void {
    attempt(this.path, () => ftruncateSync(this.#openFd(), length));
  }

  length(): number {
    return attempt(this.path, () => fstatSync(this.#openFd()).size);
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    if (this.#inUse === 0) this.#reallyClose();
  }

  #openFd(): number {
    if (this.#state !== 'open') throw new FileError('EBADF', this.path, `${this.path}: closed`);
    return this.#fd;
  }

  #begin(done: FileDone): number | undefined {
    if (this.#state !== 'open') {
      setImmediate(done, new FileError('EBADF', this.path, `${this.path}: closed`));
      return undefined;
    }
    this.#inUse++;
    return this.#fd;
  }

  #finish(done: FileDone, error: Error | null): void {
    let failure = error === null ? undefined : fileError(error, this.path);
    this.#inUse--;
    if (this.#state === 'closing' && this.#inUse === 0) {
      try {
        this.#reallyClose();
      } catch (closeError) {
        failure ??= fileError(closeError, this.path);
      }
    }
    done(failure);
  }

  #reallyClose(): void {
    this.#state = 'closed';
    if (this.#open.get(this.path) === this) this.#open.delete(this.path);
    attempt(this.path, () => closeSync(this.#fd));
  }
}

function kindOf(status: { isFile(): boolean; isDirectory(): boolean }) {
  if (status.isFile()) return 'file';
  return status.isDirectory() ? 'directory' : 'other';
}

/** One level at a time: Node's own recursive mkdir never returns where a folder cannot be made, as in /proc. */
function makeDirectories(path: string): void {
  const missing: string[] = [];
  for (let at = path; statSync(at, { throwIfNoEntry: false }) === undefined; at = dirname(at)) {
    missing.push(at);
  }
  for (const directory of missing.reverse()) {
    try {
      mkdirSync(directory);
    } catch (error) {
      // Somebody else made it meanwhile.
      if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) throw error;
    }
  }
}

export interface NodeFilesOptions {
  /** Told what an operator should know: the directory lock is weaker on this system. */
  readonly warn?: (message: string) => void;
}

export function makeNodeFiles({ warn }: NodeFilesOptions): Files {
  const opened = new Map<string, NodeFile>();
  return {
    open: (path, mode) =>
      new NodeFile(
        path,
        attempt(path, () => openSync(path, flags[mode])),
        opened,
      ),
    status: (path) => {
      try {
        const status = statSync(path);
        return { kind: kindOf(status), length: status.size };
      } catch (error) {
        const failure = fileError(error, path);
        // ENOTDIR: what should be a folder on the way is a file, so there is nothing at the path either.
        if (failure.code === 'ENOENT' || failure.code === 'ENOTDIR') return undefined;
        throw failure;
      }
    },
    list: (directory) => attempt(directory, () => readdirSync(directory).sort()),
    makeDirectories: (path) => {
      attempt(path, () => makeDirectories(resolve(path)));
    },
    rename: (from, to) => {
      attempt(from, () => renameSync(from, to));
      const file = opened.get(from);
      if (file === undefined) return;
      opened.delete(from);
      file.path = to;
      opened.set(to, file);
    },
    remove: (path) => attempt(path, () => unlinkSync(path)),
    syncDirectory: (path, done) => {
      let fd: number;
      try {
        fd = openSync(path, 'r');
      } catch (error) {
        setImmediate(done, fileError(error, path));
        return;
      }
      fsync(fd, (error) => {
        closeSync(fd);
        done(error === null ? undefined : fileError(error, path));
      });
    },
    syncDirectoryNow: (path) =>
      attempt(path, () => {
        const fd = openSync(path, 'r');
        try {
          fsyncSync(fd);
        } finally {
          closeSync(fd);
        }
      }),
    lock: (directory) => attempt(directory, () => lockDirectory(directory, warn)),
    join,
  };
}

export const nodeFiles: Files = makeNodeFiles({});
