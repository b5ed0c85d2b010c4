// Restores the state a server left (FileTxnSnapLog.restore): newest valid snapshot into a fresh database, then the
// logs behind it. A generator, so that its driver can show progress and a simulator can cut it anywhere. Out: the
// database and a report, or CorruptionError. Nothing is changed on disk before everything was read and found good.
//
// Differs from Java on purpose: a snapshot that fails leaves nothing in the state the next one is loaded into;
// damage is refused by name instead of passed over (replay.ts, log-tail.ts); a snapshot that failed must be passed
// by the logs; what was read is synced before it is served; `--accept-data-loss` goes on at the last certain
// transaction, with a fresh snapshot, the rest set aside.

import { applyTxn } from '../core/tree/apply.ts';
import { digestVersion } from '../core/tree/data-tree.ts';
import type { Database } from '../core/tree/database.ts';
import type { SnapshotDigest } from '../core/tree/snapshot-body.ts';
import { SnapshotSink, SnapshotSource } from '../core/tree/snapshot-body.ts';
import type { Clock, Codec, Files, Log } from '../ports.ts';
import type { Zxid } from '../proto/zxid.ts';
import { hexZxid } from '../proto/zxid.ts';
import { assert } from '../util/assert.ts';
import { CorruptionError } from './corruption-error.ts';
import type { DataDirectories } from './data-directories.ts';
import { removeLeftovers } from './data-directories.ts';
import { readDurableMark } from './durable-mark.ts';
import type { LogFileName, SnapshotFileName } from './file-names.ts';
import { logFiles, parseFileName, setAsideName, snapshotFiles } from './file-names.ts';
import { makeDurable } from './make-durable.ts';
import { holdsNothing, logsFor } from './needed-logs.ts';
import { adoptReceivedSnapshot } from './received-snapshot.ts';
import type { Replayed } from './replay.ts';
import { replay } from './replay.ts';
import type { SnapshotForm } from './snapshot-encoder.ts';
import { readSnapshot } from './snapshot-reader.ts';
import type { RejectedSnapshot } from './unmet-snapshots.ts';
import { UnmetSnapshots } from './unmet-snapshots.ts';
import { writeSnapshotNow } from './write-snapshot-now.ts';

export interface RecoveryPorts {
  readonly files: Files;
  readonly clock: Clock;
  readonly codec: Codec;
  readonly log: Log;
}

export interface RecoveryOptions {
  readonly directories: DataDirectories;
  /** A bare one: a snapshot is loaded into it. */
  readonly makeDatabase: () => Database;
  /** `zookeeper.db.autocreate`: an empty directory is a new server, not a lost one. */
  readonly dbAutocreate: boolean;
  /** `zookeeper.snapshot.trust.empty`: logs without a snapshot are taken for all there is. */
  readonly trustEmptySnapshot: boolean;
  /** `--accept-data-loss`: go on at this zxid, if that is where recovery has to stop. */
  readonly acceptDataLoss: Zxid | undefined;
  /** The longest entry, path or data: jute.maxbuffer plus the extra size. */
  readonly lengthMax: number;
  /** How a snapshot is written, should one have to be. */
  readonly form: SnapshotForm;
  /** Told of every session the files name, so that no id is given out twice. */
  readonly sessionSeen: (id: bigint) => void;
  /** Told of each transaction of the logs when it was applied: `bytes[start, end)`, valid during the call. */
  readonly replayed?: (zxid: Zxid, bytes: Uint8Array, start: number, end: number) => void;
}

export interface RecoveryProgress {
  readonly phase: 'loading snapshot' | 'replaying log' | 'writing snapshot';
  /** Bytes. */
  readonly done: number;
  readonly total: number;
}

export interface Recovered {
  /** lastProcessedZxid is −1 when the directory was empty and must not be trusted (`db.autocreate=false`). */
  readonly database: Database;
  readonly lastZxid: Zxid;
  /** undefined: none was there, or only the one just written. */
  readonly snapshot:
    | { readonly path: string; readonly zxid: Zxid; readonly bytes: number; readonly ms: number }
    | undefined;
  readonly txns: number;
  readonly replayMs: number;
  /** Newer snapshots that could not be used, and that the logs have outrun. */
  readonly rejected: readonly CorruptionError[];
}

type Steps<T> = Generator<RecoveryProgress, T>;

interface Loaded {
  readonly database: Database;
  readonly digest: SnapshotDigest | undefined;
  readonly file: SnapshotFileName | undefined;
  readonly bytes: number;
  readonly rejected: readonly RejectedSnapshot[];
}

/** FileSnap gives up behind so many. */
const candidatesMax = 100;
const noSnapshot = 'No snapshot found, but there are log entries. Something is broken!';

/** Throws CorruptionError, and FileError when the disk refuses. */
export function* recover(ports: RecoveryPorts, options: RecoveryOptions): Steps<Recovered> {
  return yield* new Recovery(ports, options).run();
}

class Recovery {
  readonly #ports: RecoveryPorts;
  readonly #options: RecoveryOptions;
  readonly #logs: LogFileName[];
  /** What is left to do on disk once everything was read and found good. */
  #settle: () => void = () => undefined;

  constructor(ports: RecoveryPorts, options: RecoveryOptions) {
    this.#ports = ports;
    this.#options = options;
    const { files, log } = ports;
    const { logs, snapshots } = options.directories;
    for (const name of removeLeftovers(files, options.directories)) {
      log.log('info', `${name} is the rest of an unfinished write -> removed`);
    }
    adoptReceivedSnapshot(files, log, options.directories);
    for (const directory of new Set([snapshots, logs])) {
      for (const name of files.list(directory)) {
        if (parseFileName(name).kind !== 'lookalike') continue;
        log.log('warn', `${name} is neither a log nor a snapshot by its name -> not read`);
      }
    }
    this.#logs = logFiles(files.list(logs));
  }

  *run(): Steps<Recovered> {
    const { clock } = this.#ports;
    const startedAt = clock.now();
    const loaded = yield* this.#load();
    const loadedAt = clock.now();
    const { database, file } = loaded;
    for (const id of database.sessions.keys()) this.#options.sessionSeen(id);
    if (file === undefined && this.#isEmpty(loaded)) return yield* this.#startEmpty(database);
    const from = database.lastProcessedZxid;
    let txns = 0;
    let lastZxid = from;
    try {
      if (file === undefined) this.#checkWithoutSnapshot(loaded);
      const unmet = new UnmetSnapshots(loaded.rejected, from);
      const replayed = yield* this.#replay(database, from, unmet);
      ({ txns, lastZxid } = replayed);
      this.#compareDigest(database, loaded.digest);
      unmet.ended(lastZxid);
      this.#settle();
      this.#clearEmptyLogs(lastZxid);
      if (this.#options.acceptDataLoss !== undefined) {
        this.#ports.log.log('warn', '--accept-data-loss was not needed -> nothing is given up');
      }
    } catch (error) {
      if (!(error instanceof CorruptionError) || !this.#isAccepted(error)) throw error;
      yield* this.#goOnWithout(error, database);
      lastZxid = database.lastProcessedZxid;
    }
    this.#consumeInitialize();
    return {
      database,
      lastZxid,
      txns,
      replayMs: clock.now() - loadedAt,
      snapshot: file && {
        path: this.#snapshotPath(file),
        zxid: file.zxid,
        bytes: loaded.bytes,
        ms: loadedAt - startedAt,
      },
      rejected: loaded.rejected.map(({ error }) => error),
    };
  }

  /** The newest snapshot that is whole, each candidate into a database of its own. */
  *#load(): Steps<Loaded> {
    const { files, log } = this.#ports;
    const rejected: RejectedSnapshot[] = [];
    const candidates = snapshotFiles(files.list(this.#options.directories.snapshots));
    for (const file of candidates.filter((_, i) => i < candidatesMax)) {
      try {
        const path = this.#snapshotPath(file);
        log.log('info', `Reading snapshot ${path}`);
        const one = yield* this.#loadOne(file, path);
        return { ...one, file, bytes: files.status(path)?.length ?? 0, rejected };
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
        log.log('warn', `problem reading snap file ${error.message} -> the next older one`);
        rejected.push({ zxid: file.zxid, error });
      }
    }
    const database = this.#options.makeDatabase().ensureSystemNodes();
    return { database, digest: undefined, file: undefined, bytes: 0, rejected };
  }

  *#loadOne(file: SnapshotFileName, path: string): Steps<Pick<Loaded, 'database' | 'digest'>> {
    const { files, codec } = this.#ports;
    const total = files.status(path)?.length ?? 0;
    const database = this.#options.makeDatabase();
    const sink = new SnapshotSink(database, this.#options.lengthMax);
    const location = { files, codec, path, compression: file.compression };
    const digest = yield* progress('loading snapshot', total, readSnapshot(location, sink));
    database.lastProcessedZxid = file.zxid;
    database.tree.aclCache.purgeUnused();
    database.ensureSystemNodes();
    database.quotas.rebuild();
    database.compareDigestFrom = digest?.zxid ?? 0n;
    return { database, digest };
  }

  /**
   * Until replay reaches the zxid of a fuzzy snapshot's digest, digests differ; Java's can even be ahead of that by the
   * one transaction that was being applied. So the snapshot's own digest decides only where no transaction follows.
   */
  #compareDigest(database: Database, digest: SnapshotDigest | undefined): void {
    const { tree } = database;
    const zxid = database.lastProcessedZxid;
    if (digest?.zxid !== zxid || digest.version !== digestVersion) return;
    if (!tree.options.digestEnabled || tree.digest === digest.value) return;
    database.digestMismatches++;
    database.lastDigestMismatch = { zxid, expected: digest.value, found: tree.digest };
    this.#ports.log.log('warn', `digest of snapshot 0x${hexZxid(zxid)} does not match`);
  }

  #isEmpty(loaded: Loaded): boolean {
    return loaded.rejected.length === 0 && this.#logs.every((file) => this.#holdsNothing(file));
  }

  /** Java: an empty tree is trusted by default, and gets its first snapshot before its first log. */
  *#startEmpty(database: Database): Steps<Recovered> {
    const { files, log } = this.#ports;
    const { dbAutocreate, directories } = this.#options;
    const initialize = files.status(directories.initialize) !== undefined;
    if (initialize) {
      log.log(
        'info',
        'Initialize file found, an empty database will not block voting participation',
      );
    }
    const empty = { database, snapshot: undefined, txns: 0, replayMs: 0, rejected: [] };
    if (!initialize && !dbAutocreate) {
      log.log('warn', 'Unexpected empty data tree, setting zxid to -1');
      database.lastProcessedZxid = -1n;
      return { ...empty, lastZxid: -1n };
    }
    yield* this.#write(database);
    this.#clearEmptyLogs(0n);
    this.#consumeInitialize();
    return { ...empty, lastZxid: 0n };
  }

  /**
   * Logs and no snapshot: trusted when told so, or when every snapshot is damaged and the logs begin
   * at the beginning.
   */
  #checkWithoutSnapshot(loaded: Loaded): void {
    if (this.#options.trustEmptySnapshot) {
      this.#ports.log.log(
        'warn',
        'No snapshot found; this should only be allowed during upgrading.',
      );
      return;
    }
    const [newest] = loaded.rejected;
    const [first] = this.#logs;
    if (newest !== undefined) {
      if (first?.zxid === 1n) return;
      const { file, offset, reason } = newest.error;
      throw new CorruptionError(file, offset, reason, 0n);
    }
    const path = this.#ports.files.join(this.#options.directories.logs, first?.name ?? '');
    throw new CorruptionError(path, 0, noSnapshot, 0n);
  }

  *#replay(database: Database, from: Zxid, unmet: UnmetSnapshots): Steps<Replayed> {
    const { files, log } = this.#ports;
    const { directories, lengthMax, sessionSeen, replayed: told } = this.#options;
    const logs = logsFor(this.#logs, from, (file) => this.#holdsNothing(file));
    let total = 0;
    for (const { name } of logs) {
      total += files.status(files.join(directories.logs, name))?.length ?? 0;
    }
    const mark = readDurableMark(files, directories.logs);
    const steps = replay({
      files,
      log,
      directory: directories.logs,
      logs,
      from,
      entryLengthMax: lengthMax,
      mark,
      apply: (bytes, start, end) => {
        const isPlain = unmet.isEmpty && told === undefined;
        const zxid = isPlain ? 0n : zxidOf(bytes, start);
        unmet.comes(zxid, database.lastProcessedZxid);
        applyTxn(database, bytes, start, end);
        told?.(zxid, bytes, start, end);
      },
      session: sessionSeen,
    });
    const replayed = yield* progress('replaying log', total, steps);
    this.#settle = () => makeDurable(files, directories.logs, logs, replayed, mark);
    return replayed;
  }

  #isAccepted(error: CorruptionError): boolean {
    const accepted = this.#options.acceptDataLoss;
    return accepted !== undefined && accepted === error.lastGoodZxid;
  }

  /** The operator's decision: the state at the last certain transaction becomes a snapshot, the rest is set aside. */
  *#goOnWithout(error: CorruptionError, database: Database): Steps<void> {
    const { log } = this.#ports;
    const { logs, snapshots } = this.#options.directories;
    const last = database.lastProcessedZxid;
    assert(last === error.lastGoodZxid, 'recovery stops with the last certain transaction applied');
    log.log('warn', `${error.message} -> accepted, going on at 0x${hexZxid(last)}`);
    yield* this.#write(database);
    for (const { name, zxid } of this.#logs) {
      const path = this.#ports.files.join(logs, name);
      if (zxid > last || path === error.file) this.#setAside(logs, name);
    }
    for (const { name, zxid } of snapshotFiles(this.#ports.files.list(snapshots))) {
      if (zxid > last) this.#setAside(snapshots, name);
    }
    for (const directory of new Set([logs, snapshots])) {
      this.#ports.files.syncDirectoryNow(directory);
    }
  }

  /**
   * Files above the last zxid hold no entry. They have to go: a later snapshot would take one of them for the log it
   * continues in, and pass over the real one, whose name is lower.
   */
  #clearEmptyLogs(last: Zxid): void {
    const { files, log } = this.#ports;
    const { logs } = this.#options.directories;
    const above = this.#logs.filter(({ zxid }) => zxid > last);
    for (const file of above) {
      if (this.#holdsNothing(file)) files.remove(files.join(logs, file.name));
      else this.#setAside(logs, file.name);
      log.log('info', `${file.name} holds no transaction -> out of the way`);
    }
    if (above.length > 0) files.syncDirectoryNow(logs);
  }

  #setAside(directory: string, name: string): void {
    const { files, log } = this.#ports;
    let target = setAsideName(name);
    for (let n = 2; files.status(files.join(directory, target)) !== undefined; n++) {
      target = `${setAsideName(name)}-${n}`;
    }
    files.rename(files.join(directory, name), files.join(directory, target));
    log.log('warn', `${name} set aside as ${target}`);
  }

  *#write(database: Database): Steps<void> {
    const { files, codec, log } = this.#ports;
    const { directories, form } = this.#options;
    const image = new SnapshotSource(database);
    const steps = writeSnapshotNow(files, codec, directories.snapshots, image, form);
    const path = yield* progress('writing snapshot', 0, steps);
    log.log('info', `Snapshotting: 0x${hexZxid(database.lastProcessedZxid)} to ${path}`);
  }

  /** Only when what it allows is on disk: a crash before must find it again. */
  #consumeInitialize(): void {
    const { files } = this.#ports;
    const { initialize } = this.#options.directories;
    if (files.status(initialize) !== undefined) files.remove(initialize);
  }

  #holdsNothing(file: LogFileName): boolean {
    const { files } = this.#ports;
    return holdsNothing(files, files.join(this.#options.directories.logs, file.name));
  }

  #snapshotPath(file: SnapshotFileName): string {
    return this.#ports.files.join(this.#options.directories.snapshots, file.name);
  }
}

function zxidOf(bytes: Uint8Array, start: number): Zxid {
  return new DataView(bytes.buffer, bytes.byteOffset + start + 12, 8).getBigInt64(0);
}

function* progress<T>(
  phase: RecoveryProgress['phase'],
  total: number,
  steps: Generator<number, T>,
): Steps<T> {
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    yield { phase, done: step.value, total };
  }
}
