// Changes every byte of a file, one at a time, and starts a server on the directory: it has everything, or names what
// is wrong (PS4, PS5). In: a subject. Out: how often it started whole, was refused, or lost what nothing could have
// proved; and every failure: a state that is not the whole one, an error without a name, more work or memory than the
// directory's size explains. Each case can be repeated by its number.

import type { Codec, Inflater } from '../ports.ts';
import { CorruptionError } from '../storage/corruption-error.ts';
import { DataDirectoryError } from '../storage/data-directories.ts';
import type { Epochs } from '../storage/epochs.ts';
import { EpochError } from '../storage/epochs.ts';
import { copyBytes } from '../util/bytes.ts';
import type { ChangeKind, CorruptionSubject } from './corruption-subjects.ts';
import { PlainFiles } from './crash-files.ts';
import { stateText } from './crash-history.ts';
import { CrashServer } from './crash-server.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface CorruptionReport {
  cases: number;
  whole: number;
  refused: number;
  /** Started with less, where no file proves that there was more. */
  unprovable: number;
  readonly failures: CorruptionFailure[];
}

export interface CorruptionFailure {
  readonly subject: string;
  readonly number: number;
  readonly change: string;
  readonly what: string;
}

export interface SweepOptions {
  readonly codec: Codec;
  /** One case of so many. */
  readonly every: number;
  /** Only this one. */
  readonly only?: number | undefined;
  readonly failuresMax: number;
  readonly progress?: (report: CorruptionReport) => void;
}

interface Change {
  readonly number: number;
  readonly kind: ChangeKind;
  readonly at: number;
  readonly what: string;
  readonly bytes: Uint8Array;
}

/** Of the zeros behind the last byte in use, all so near and every so many of the rest. */
const zerosNear = 80;
const zerosEvery = 61;
/** What a start may read for each byte of the directory, and at least. */
const workFactor = 40;
const workLeast = 4 << 20;

export function sweep(subject: CorruptionSubject, options: SweepOptions): CorruptionReport {
  const report: CorruptionReport = { cases: 0, whole: 0, refused: 0, unprovable: 0, failures: [] };
  const original = subject.files.get(subject.target);
  if (original === undefined) throw new Error(`${subject.target} is not there`);
  const healthy = start(subject, subject.files, options.codec);
  const state = subject.history.stateAt(subject.history.count);
  if (healthy.kind !== 'started' || healthy.state !== state) {
    const what = `the healthy directory: ${JSON.stringify(healthy.what)}`;
    report.failures.push({ subject: subject.name, number: -1, change: 'none', what });
    return report;
  }
  for (const change of changesOf(original, options)) {
    report.cases++;
    const files = new Map(subject.files);
    files.set(subject.target, change.bytes);
    const found = start(subject, files, options.codec);
    const failure = judge(subject, healthy, found, change, report);
    if (failure !== undefined) {
      const { number, what } = change;
      report.failures.push({ subject: subject.name, number, change: what, what: failure });
      if (report.failures.length >= options.failuresMax) return report;
    }
    if (report.cases % 256 === 0) options.progress?.(report);
  }
  return report;
}

interface Found {
  readonly kind: 'started' | 'refused' | 'failed';
  readonly what: string;
  readonly state: string;
  readonly count: number | undefined;
  readonly epochs: Epochs | undefined;
  readonly sessionIdsFrom: number;
  /** Applied from the logs. */
  readonly txns: number;
}

function judge(
  { history, unprovable }: CorruptionSubject,
  healthy: Found,
  found: Found,
  { kind, at }: Change,
  report: CorruptionReport,
): string | undefined {
  if (found.kind === 'failed') return found.what;
  if (found.kind === 'refused') {
    report.refused++;
    return undefined;
  }
  const { epochs } = found;
  if (
    epochs?.acceptedEpoch !== healthy.epochs?.acceptedEpoch ||
    epochs?.currentEpoch !== healthy.epochs?.currentEpoch
  ) {
    if (unprovable !== 'number') return `starts with epochs ${JSON.stringify(epochs)}`;
    report.unprovable++;
    return undefined;
  }
  if (found.sessionIdsFrom > healthy.sessionIdsFrom) {
    return `session ids begin at ${found.sessionIdsFrom}, not ${healthy.sessionIdsFrom}`;
  }
  if (found.state === healthy.state) {
    report.whole++;
    return undefined;
  }
  const isPrefix = found.count !== undefined && history.stateAt(found.count) === found.state;
  const isCovered = found.txns === 0;
  const isExcused = unprovable === 'cut' || (unprovable === 'covered cut' && isCovered);
  if (kind === 'cut' && isPrefix && isExcused) {
    report.unprovable++;
    return undefined;
  }
  return `silent: starts with ${found.state}${isPrefix ? ', a beginning' : ''} (byte ${at})`;
}

function start(
  { lines, isEnsemble, history }: CorruptionSubject,
  files: ReadonlyMap<string, Uint8Array>,
  codec: Codec,
): Found {
  const clock = new VirtualClock();
  const disk = new PlainFiles(clock, files);
  const counted = new CountedCodec(codec);
  const nothing = { state: '', count: undefined, epochs: undefined, sessionIdsFrom: 0, txns: 0 };
  let size = 0;
  for (const bytes of files.values()) size += bytes.length;
  let found: Found;
  try {
    const server = new CrashServer(disk, clock, { codec: counted, lines, isEnsemble });
    server.start();
    const { history: recovered, sessionIdsFrom } = server;
    found = {
      kind: 'started',
      what: '',
      state: stateText(recovered.database),
      count: history.countOf(recovered.lastZxid),
      epochs: isEnsemble ? recovered.epochs : undefined,
      sessionIdsFrom,
      txns: recovered.committedLog.length,
    };
  } catch (error) {
    const isNamed =
      error instanceof CorruptionError ||
      error instanceof EpochError ||
      error instanceof DataDirectoryError;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    found = { ...nothing, kind: isNamed ? 'refused' : 'failed', what: isNamed ? '' : text };
  }
  const most = workFactor * size + workLeast;
  if (disk.bytesAsked + counted.bytes > most) {
    const what = `asks for ${disk.bytesAsked} bytes and unpacks ${counted.bytes}, with ${size}`;
    return { ...nothing, kind: 'failed', what };
  }
  return found;
}

/** Counts what comes out of compressed files. */
class CountedCodec implements Codec {
  bytes = 0;
  readonly #codec: Codec;

  constructor(codec: Codec) {
    this.#codec = codec;
  }

  gzip(bytes: Uint8Array): Uint8Array {
    return this.#codec.gzip(bytes);
  }

  gunzip(): Inflater {
    const inflater = this.#codec.gunzip();
    const count = (bytes: Uint8Array): Uint8Array => {
      this.bytes += bytes.length;
      return bytes;
    };
    return {
      push: (bytes) => count(inflater.push(bytes)),
      finish: () => count(inflater.finish()),
    };
  }

  snappy(bytes: Uint8Array): Uint8Array {
    return this.#codec.snappy(bytes);
  }

  unsnappy(bytes: Uint8Array, maxLength: number): Uint8Array {
    const plain = this.#codec.unsnappy(bytes, maxLength);
    this.bytes += plain.length;
    return plain;
  }
}

/** Numbered alike however many are taken. */
function* changesOf(original: Uint8Array, { every, only }: SweepOptions): Generator<Change> {
  let number = 0;
  let used = original.length;
  while (used > 0 && original[used - 1] === 0) used--;
  const isWanted = (): boolean => (only === undefined ? number % every === 0 : number === only);
  for (let at = 0; at < original.length; at++) {
    if (at > used + zerosNear && at % zerosEvery !== 0) continue;
    const byte = original[at] as number;
    const values = Array.from({ length: 8 }, (_, bit) => ['flip', byte ^ (1 << bit)] as const);
    for (const [kind, value] of [...values, ['00', 0], ['ff', 0xff]] as const) {
      if (value === byte) continue;
      number++;
      if (!isWanted()) continue;
      const bytes = copyBytes(original);
      bytes[at] = value;
      const what = `byte ${at}: 0x${byte.toString(16)} to 0x${value.toString(16)}`;
      yield { number, kind, at, what, bytes };
    }
    for (const kind of ['delete', 'insert', 'cut'] as const) {
      number++;
      if (!isWanted()) continue;
      yield { number, kind, at, what: `${kind} at byte ${at}`, bytes: shifted(original, at, kind) };
    }
  }
}

function shifted(original: Uint8Array, at: number, kind: 'delete' | 'insert' | 'cut'): Uint8Array {
  if (kind === 'cut') return copyBytes(original, 0, at);
  const bytes = new Uint8Array(original.length + (kind === 'delete' ? -1 : 1));
  bytes.set(original.subarray(0, at));
  if (kind === 'delete') bytes.set(original.subarray(at + 1), at);
  else {
    bytes[at] = (at ^ 0x5a) & 0xff;
    bytes.set(original.subarray(at), at + 1);
  }
  return bytes;
}
