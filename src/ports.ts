// Every door to the outside, on one page. `core` never sees these; `storage`, `net`, `server` and `client` use nothing
// else; `node/` implements them for Node, `sim/` for the simulator.
//
// Rules that hold for every implementation:
// - Bytes handed out are plain `Uint8Array`s, valid only during the callback; whoever keeps them copies (`copyBytes`).
// - Bytes handed in belong to the port until its completion callback ran.
// - A completion callback never runs inside the call that started the work.
// - Synchronous file calls either do the whole job or throw `FileError`.

/**
 * Milliseconds. `now` is monotonic and may have a fraction; `wallTime` is Unix time, used only for what a txn
 * records.
 */
export interface Clock {
  now(): number;
  wallTime(): number;
  /** Calls back once, not before `delayMs`. A delay ≤ 0 means: soon, but not inside this call. */
  schedule(delayMs: number, callback: () => void): Timer;
  /** Calls back at the end of the current turn of the event loop, after the input that already waits was read. */
  endOfTurn(callback: () => void): void;
}

export interface Timer {
  cancel(): void;
}

/** What the operating system said, by its name ('ENOSPC', 'EIO', 'ENOENT' …). */
export class FileError extends Error {
  readonly code: string;
  readonly path: string;

  constructor(code: string, path: string, message: string) {
    super(message);
    this.name = 'FileError';
    this.code = code;
    this.path = path;
  }
}

export type FileDone = (error: FileError | undefined) => void;

export interface OpenFile {
  readonly path: string;
  /** Reads up to `into.length` bytes at `position`; returns how many (0 at the end). */
  read(into: Uint8Array, position: number): number;
  /** Writes all of `bytes` at `position`, or throws. */
  write(bytes: Uint8Array, position: number): void;
  /** The same in the background; used where a stalled page cache must not hold the loop (snapshots). */
  writeLater(bytes: Uint8Array, position: number, done: FileDone): void;
  /** fdatasync in the background: data and the size needed to read it back. */
  datasync(done: FileDone): void;
  /** fsync that blocks: small files, start-up and shutdown only. */
  sync(): void;
  /** Extends with zeros (really allocated where the system can) or cuts. */
  setLength(length: number): void;
  length(): number;
  close(): void;
}

export interface FileStatus {
  readonly kind: 'file' | 'directory' | 'other';
  readonly length: number;
}

export interface Files {
  /**
   * 'read' must exist; 'update' must exist; 'create' makes a new file or empties an old one, for reading and writing.
   */
  open(path: string, mode: 'read' | 'update' | 'create'): OpenFile;
  status(path: string): FileStatus | undefined;
  /** Names in a directory, sorted; throws ENOENT when there is none. */
  list(directory: string): string[];
  makeDirectories(path: string): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** fsync of the directory itself: names created, renamed or removed in it survive a power loss. */
  syncDirectory(path: string, done: FileDone): void;
  syncDirectoryNow(path: string): void;
  /**
   * One process per directory. The operating system drops the lock with the process; undefined: another process holds
   * it.
   */
  lock(directory: string): DirectoryLock | undefined;
  /** `base` and `name` as one path, with the system's separator. */
  join(base: string, ...names: string[]): string;
}

export interface DirectoryLock {
  release(): void;
}

/** An accepted or dialled stream. */
export interface Socket {
  /** Numeric; IPv4-mapped IPv6 addresses come as plain IPv4. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /**
   * Queues bytes; `done` when the kernel has them (or the socket is gone: `ok` false). The bytes are the port's until
   * then.
   */
  write(bytes: Uint8Array, done: (ok: boolean) => void): void;
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Drops everything and closes at once. */
  destroy(): void;
}

export interface SocketHandlers {
  /** `bytes` are valid during the call only. */
  received(bytes: Uint8Array): void;
  /** Once, last. `reason` is 'end' for an orderly close by the peer, else the system's error name. */
  closed(reason: string): void;
}

export interface Listener {
  readonly address: string;
  readonly port: number;
  /** Stops accepting; open sockets live on. */
  close(done: () => void): void;
}

export interface ListenOptions {
  /** undefined: every address, IPv4 and IPv6. */
  readonly address: string | undefined;
  readonly port: number;
  readonly backlog?: number | undefined;
  readonly keepAlive?: boolean | undefined;
}

export interface Net {
  /** `accepted` returns the handlers of the new socket, or undefined to drop it. */
  listen(
    options: ListenOptions,
    accepted: (socket: Socket) => SocketHandlers | undefined,
    ready: (result: Listener | NetError) => void,
  ): void;
  /** One attempt to one numeric address or name. */
  dial(
    options: {
      readonly host: string;
      readonly port: number;
      readonly timeoutMs: number;
      readonly keepAlive?: boolean;
    },
    ready: (result: Socket | NetError) => SocketHandlers | undefined,
  ): void;
}

export class NetError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'NetError';
    this.code = code;
  }
}

export interface Dns {
  /** Numeric addresses of a name, in the resolver's order; empty when there is none. */
  resolve(host: string, done: (addresses: readonly string[]) => void): void;
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform in [0, below), an integer. */
  below(below: number): number;
  /** Fresh unguessable bytes (in the simulator: from the seed). */
  bytes(length: number): Uint8Array;
}

export interface Hash {
  /** `algorithm` as Java names it (SHA1, SHA-256, SHA3-256, MD5 …); undefined when this system lacks it. */
  digest(algorithm: string, bytes: Uint8Array): Uint8Array | undefined;
}

/**
 * A decompressor fed in pieces; each `push` returns what came out. Throws `Error` on bytes that are not of the
 * format.
 */
export interface Inflater {
  push(bytes: Uint8Array): Uint8Array;
  finish(): Uint8Array;
}

export interface Codec {
  /** One complete gzip member; members may be concatenated. */
  gzip(bytes: Uint8Array): Uint8Array;
  gunzip(): Inflater;
  /** One raw snappy block. */
  snappy(bytes: Uint8Array): Uint8Array;
  /** Throws `Error` when the block is not snappy or holds more than `maxLength` bytes. */
  unsnappy(bytes: Uint8Array, maxLength: number): Uint8Array;
}

/** Facts about the process and the machine, for four-letter words and metrics. */
export interface Environment {
  /** Ordered name/value pairs for `envi` (os.name, os.arch, user.dir …). */
  properties(): ReadonlyArray<readonly [string, string]>;
  hostName(): string;
  openFileDescriptors(): number;
  maxFileDescriptors(): number;
  processors(): number;
  /** Bytes in use by the process. */
  residentMemory(): number;
}

/** Ends the process, with one of ZooKeeper's exit codes (server/exit-codes.ts). */
export type Exit = (code: number, reason: string) => void;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Log {
  log(
    level: LogLevel,
    message: string,
    fields?: Readonly<Record<string, string | number | boolean>>,
  ): void;
}
