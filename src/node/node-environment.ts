// The Environment port: what `envi`, `mntr` and start-up lines say about process and machine. Java's names in Java's
// order, so that what parses Java's `envi` finds them; what only a Java machine has says <NA>, as Java does for a
// property it does not know. Counts that this system does not offer are -1, Java's value where it cannot tell.
import { readdirSync, readFileSync } from 'node:fs';
import {
  arch,
  availableParallelism,
  freemem,
  homedir,
  hostname,
  release,
  tmpdir,
  totalmem,
  type,
  userInfo,
} from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { Environment } from '../ports.ts';

const unknown = '<NA>';

function megabytes(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20)}MB`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a user id that has no name.
    return unknown;
  }
}

function openDescriptors(): number {
  try {
    // One of them is the descriptor that reads the directory.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return -1;
  }
}

function descriptorLimit(): number {
  try {
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(
      readFileSync('/proc/self/limits', 'utf8'),
    );
    return soft?.[1] === undefined || soft[1] === 'unlimited' ? -1 : Number(soft[1]);
  } catch {
    return -1;
  }
}

export const nodeEnvironment: Environment = {
  properties: () => {
    const { total_heap_size, used_heap_size, heap_size_limit } = getHeapStatistics();
    return [
      ['host.name', hostname()],
      ['java.version', unknown],
      ['java.vendor', unknown],
      ['java.home', unknown],
      ['java.class.path', unknown],
      ['java.library.path', unknown],
      ['java.io.tmpdir', tmpdir()],
      ['java.compiler', unknown],
      ['os.name', type()],
      ['os.arch', arch()],
      ['os.version', release()],
      ['user.name', userName()],
      ['user.home', homedir()],
      ['user.dir', process.cwd()],
      ['os.memory.free', megabytes(total_heap_size - used_heap_size)],
      ['os.memory.max', megabytes(heap_size_limit)],
      ['os.memory.total', megabytes(total_heap_size)],
      ['node.version', process.version],
      ['machine.memory.free', megabytes(freemem())],
      ['machine.memory.total', megabytes(totalmem())],
    ];
  },
  hostName: () => hostname(),
  openFileDescriptors: openDescriptors,
  maxFileDescriptors: descriptorLimit,
  processors: () => availableParallelism(),
  residentMemory: () => process.memoryUsage.rss(),
};
