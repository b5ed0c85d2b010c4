// The files currentEpoch and acceptedEpoch (QuorumPeer.readLongFromFile, writeLongToFile, loadDataBase): a decimal
// number each, beside the snapshots. acceptedEpoch: the latest epoch this server promised itself to;
// currentEpoch: the latest whose leader's history it had on disk. In: the directory and the last zxid. Out: both
// numbers, or an EpochError that says what is wrong; `saveEpoch` for a term.
//
// Invariants: on disk currentEpoch ≤ acceptedEpoch, and neither decreases; a saved epoch is done when the file, its
// name and its content are on disk (Java leaves the name to chance). A crash between two writes is mended where it
// is certain that no promise is taken back; anything else is refused before a file is touched.
//
// Java writes digits and nothing else, so with one digit changed it keeps another promise and does not know. Ours are
// `+0000000012` and a second line with a checksum: to Java, which reads the first line, the same number; to us, no
// changed or missing byte makes it another, or one of Java's.

import { decodeAscii, encodeUtf8 } from '../jute/utf8.ts';
import type { FileDone, Files } from '../ports.ts';
import { FileError } from '../ports.ts';
import type { Zxid } from '../proto/zxid.ts';
import { epochOf, hexZxid } from '../proto/zxid.ts';
import { assert } from '../util/assert.ts';
import { crc32, crcStart, crcValue } from '../util/checksums.ts';

export type EpochFileName = 'acceptedEpoch' | 'currentEpoch';

export interface Epochs {
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
}

/** The files say what cannot be, and nothing may be guessed. Java ends with exit code 1 on these. */
export class EpochError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'EpochError';
  }
}

/** What Java's AtomicFileOutputStream calls a file that is not whole yet. */
const temporarySuffix = '.tmp';
const epochMax = 0x7fffffff;
/** More digits than any epoch has. */
const lengthMax = 32;

export interface EpochFacts {
  /** undefined: there is no such file. */
  readonly acceptedEpoch: number | undefined;
  readonly currentEpoch: number | undefined;
  /** currentEpoch.tmp; undefined: there is none, or it is not whole. */
  readonly currentEpochTmp: number | undefined;
  /** Of the loaded database. */
  readonly lastZxid: Zxid;
  /** The history up to `lastZxid` has no hole. */
  readonly isContiguous: boolean;
}

/** What the epochs are, and why they differ from the files; throws EpochError. */
export function settleEpochs(facts: EpochFacts): Epochs & { readonly repairs: readonly string[] } {
  const { lastZxid, isContiguous } = facts;
  const epochOfZxid = epochOf(lastZxid);
  const repairs: string[] = [];
  let accepted = facts.acceptedEpoch;
  let current = facts.currentEpoch;
  if (current === undefined) {
    current = epochOfZxid;
    repairs.push(`currentEpoch not found -> ${current}, of zxid 0x${hexZxid(lastZxid)}`);
  }
  if (accepted === undefined) {
    accepted = Math.max(epochOfZxid, current);
    repairs.push(`acceptedEpoch not found -> ${accepted}`);
  }
  if (current < epochOfZxid) {
    const what = `currentEpoch ${current} is older than the last zxid, 0x${hexZxid(lastZxid)}`;
    if (epochOfZxid > accepted) {
      throw new EpochError(`${what}, and so is acceptedEpoch ${accepted}`);
    }
    if (!isContiguous) throw new EpochError(`${what}, and the history has a hole`);
    // A crash while a leader's history came (ZOOKEEPER-1653). It came in order, so with the first transaction of that
    // epoch we have all it was built upon; what the leader's own epoch would be needs its NEWLEADER.
    current = epochOfZxid;
    const tmp = facts.currentEpochTmp;
    if (tmp !== undefined && tmp > current && tmp <= accepted) {
      // Java's rule: the write was begun when the history was on disk, and may have been acknowledged.
      current = tmp;
    }
    repairs.push(`${what} -> ${current}`);
  }
  if (accepted < current) {
    // To promise more than was promised takes nothing back (ZOOKEEPER-2307).
    repairs.push(`acceptedEpoch ${accepted} is less than currentEpoch ${current} -> ${current}`);
    accepted = current;
  }
  return { acceptedEpoch: accepted, currentEpoch: current, repairs };
}

/**
 * Reads and, where it is safe, mends. `directory`: dataDir/version-2. `repaired` is told of each change. Throws
 * EpochError and FileError.
 */
export function loadEpochs(
  files: Files,
  directory: string,
  lastZxid: Zxid,
  isContiguous: boolean,
  repaired: (what: string) => void,
): Epochs {
  const found = {
    acceptedEpoch: readEpoch(files, files.join(directory, 'acceptedEpoch')),
    currentEpoch: readEpoch(files, files.join(directory, 'currentEpoch')),
    currentEpochTmp: readTemporary(files, files.join(directory, `currentEpoch${temporarySuffix}`)),
  };
  const { repairs, ...epochs } = settleEpochs({ ...found, lastZxid, isContiguous });
  for (const what of repairs) repaired(what);
  // In this order a crash in between leaves currentEpoch ≤ acceptedEpoch.
  for (const name of ['acceptedEpoch', 'currentEpoch'] as const) {
    if (epochs[name] !== found[name]) saveEpochNow(files, directory, name, epochs[name]);
  }
  return epochs;
}

/** undefined: there is no such file. Throws EpochError and FileError. */
export function readEpoch(files: Files, path: string): number | undefined {
  if (files.status(path) === undefined) return undefined;
  const bytes = new Uint8Array(lengthMax);
  const file = files.open(path, 'read');
  let text: string;
  try {
    text = decodeAscii(bytes, 0, file.read(bytes, 0));
  } finally {
    file.close();
  }
  // Java reads the first line; whoever edits a file may end it with a line break.
  const [number] =
    /^(?:0|-1|[1-9]\d{0,9})(?=\r?\n?$)/.exec(text) ?? /^[+-]\d{10}(?=\n)/.exec(text) ?? [];
  const epoch = Number(number ?? Number.NaN);
  if (epoch >= -1 && epoch <= epochMax) {
    if (number?.length !== signedLength || text === textOf(nameOf(path), epoch)) return epoch;
  }
  throw new EpochError(`${path} holds ${JSON.stringify(text)}, which is no epoch`);
}

/** Throws FileError. For start-up. */
export function saveEpochNow(
  files: Files,
  directory: string,
  name: EpochFileName,
  epoch: number,
): void {
  const temporary = files.join(directory, name + temporarySuffix);
  const file = files.open(temporary, 'create');
  try {
    file.write(encodeUtf8(textOf(name, epoch)), 0);
    file.sync();
  } finally {
    file.close();
  }
  files.rename(temporary, files.join(directory, name));
  files.syncDirectoryNow(directory);
}

/**
 * The same in the background. `done` is called once, unless the call itself throws FileError; after either the process
 * must not go on.
 */
export function saveEpoch(
  files: Files,
  directory: string,
  name: EpochFileName,
  epoch: number,
  done: FileDone,
): void {
  const temporary = files.join(directory, name + temporarySuffix);
  const file = files.open(temporary, 'create');
  file.write(encodeUtf8(textOf(name, epoch)), 0);
  file.datasync((error) => {
    try {
      file.close();
      if (error !== undefined) throw error;
      files.rename(temporary, files.join(directory, name));
      files.syncDirectory(directory, done);
    } catch (failure) {
      if (!(failure instanceof FileError)) throw failure;
      done(failure);
    }
  });
}

/** Sign and digits. */
const signedLength = 11;

function textOf(name: string, epoch: number): string {
  assert(
    Number.isInteger(epoch) && epoch >= -1 && epoch <= epochMax,
    'an epoch is −1 or a positive int',
  );
  const digits = Math.abs(epoch)
    .toString()
    .padStart(signedLength - 1, '0');
  const line = `${epoch < 0 ? '-' : '+'}${digits}`;
  const bytes = encodeUtf8(`${name} ${line}`);
  const sum = crcValue(crc32(crcStart, bytes, 0, bytes.length));
  return `${line}\n${sum.toString(16).padStart(8, '0')}\n`;
}

/** currentEpoch.tmp is to become currentEpoch. */
function nameOf(path: string): string {
  const name = path.substring(path.search(/[^/\\]*$/));
  return name.endsWith(temporarySuffix) ? name.substring(0, name.length - 4) : name;
}

function readTemporary(files: Files, path: string): number | undefined {
  try {
    return readEpoch(files, path);
  } catch (error) {
    // A write that was cut short says nothing.
    if (error instanceof EpochError) return undefined;
    throw error;
  }
}
