// One process per directory: a lock the operating system drops with the process, so that a file left by `kill -9`,
// or by a container with the same process id, never refuses a start. Node has no flock. On Linux util-linux's
// `flock` takes it on a descriptor it inherits from us: the lock belongs to the open file, stays when that child
// exits and goes when we close the file or end. (Node opens files close-on-exec, so no other child keeps it alive.)
// On macOS and the BSDs open(2) itself takes the same lock. Where `flock` is missing, a socket in Linux' abstract
// namespace named after the directory's inode does it; that one does not see other network namespaces, which is
// said.
//
// Output: the lock, undefined when another open file holds it; throws what the system said about the directory.
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { DirectoryLock } from '../ports.ts';
import { FileError } from '../ports.ts';

/** Java's loader looks at names that begin with `snapshot.` and `log.` only. */
const lockName = '.quoll.lock';
/** O_EXLOCK of macOS and the BSDs, which Node's constants leave out. */
const openExclusiveLock = 0x20;
const flockHeld = 1;

/** `command` is the flock program; another name is for tests of its absence. */
export function lockDirectory(
  directory: string,
  warn: ((message: string) => void) | undefined,
  command = 'flock',
): DirectoryLock | undefined {
  const path = join(directory, lockName);
  if (process.platform !== 'linux') return lockByOpen(path);
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644);
  const { status, error, stderr } = spawnSync(command, ['-n', '-x', '3'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    encoding: 'utf8',
  });
  if (status === 0) return { release: () => closeSync(fd) };
  closeSync(fd);
  if (status === flockHeld) return undefined;
  if (error !== undefined && 'code' in error && error.code === 'ENOENT') {
    warn?.(`no flock command -> ${directory} is locked by a socket of this network namespace only`);
    return lockBySocket(directory);
  }
  const reason = error?.message ?? stderr.trim();
  throw new FileError('ENOLCK', path, `flock of ${path} failed: ${reason}`);
}

function lockByOpen(path: string): DirectoryLock | undefined {
  const exclusive = openExclusiveLock | constants.O_NONBLOCK;
  try {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | exclusive, 0o644);
    return { release: () => closeSync(fd) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return undefined;
    throw error;
  }
}

function lockBySocket(directory: string): DirectoryLock | undefined {
  const { dev, ino } = statSync(directory, { bigint: true });
  const server = createServer((socket) => socket.destroy());
  // The answer is read from `listening` below: binding to a path is done inside the call.
  server.on('error', () => undefined);
  server.listen(`\0quoll-${dev}-${ino}`);
  if (!server.listening) return undefined;
  server.unref();
  return { release: () => void server.close() };
}
