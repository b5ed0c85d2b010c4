// Where the ids of new sessions begin in this life of a server. They come from the wall clock, which may go back; the
// sessions of former lives may be closed and forgotten. So a small file remembers how far ids are taken: each life
// takes an hour's worth (236 billion) beyond what it starts with, on disk before the first id is given out. No id is
// given twice then: a reused one would hand a new session to whoever still holds the old one's key.
//
// Beside the snapshots, one line, Unix time in ms and a checksum; Java does not look at it. Missing or damaged: the
// wall clock decides, as in Java. A disk that cannot be written is no reason not to start.

import { decodeAscii, encodeUtf8 } from '../jute/utf8.ts';
import type { Files, Log } from '../ports.ts';
import { FileError } from '../ports.ts';
import { crc32, crcStart, crcValue } from '../util/checksums.ts';

export const sessionIdMarkName = 'session-id-mark';
const temporaryName = 'tmp-session-id-mark';
const takenMs = 3_600_000;
/** More than any line has. */
const lengthMax = 32;

/** The time to begin session ids at, for SessionTracker. Never throws FileError. */
export function takeSessionIds(
  files: Files,
  log: Log,
  directory: string,
  wallTime: number,
): number {
  let start = wallTime;
  try {
    start = Math.max(wallTime, read(files, files.join(directory, sessionIdMarkName)));
    write(files, directory, start + takenMs);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    log.log('warn', `session ids begin at the wall clock: ${error.message}`);
  }
  return start;
}

/** 0: nothing is known. */
function read(files: Files, path: string): number {
  if (files.status(path)?.kind !== 'file') return 0;
  const file = files.open(path, 'read');
  try {
    const bytes = new Uint8Array(lengthMax);
    const text = decodeAscii(bytes, 0, file.read(bytes, 0));
    const [, taken] = /^(\d{1,15}) [0-9a-f]{8}\n$/.exec(text) ?? [];
    return taken !== undefined && text === textOf(Number(taken)) ? Number(taken) : 0;
  } finally {
    file.close();
  }
}

function textOf(taken: number): string {
  const bytes = encodeUtf8(`${taken}`);
  const sum = crcValue(crc32(crcStart, bytes, 0, bytes.length));
  return `${taken} ${sum.toString(16).padStart(8, '0')}\n`;
}

function write(files: Files, directory: string, taken: number): void {
  const temporary = files.join(directory, temporaryName);
  const file = files.open(temporary, 'create');
  try {
    file.write(encodeUtf8(textOf(taken)), 0);
    file.sync();
  } finally {
    file.close();
  }
  files.rename(temporary, files.join(directory, sessionIdMarkName));
  files.syncDirectoryNow(directory);
}
