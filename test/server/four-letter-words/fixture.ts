/**
 * What a Java server answered (capture.ts), and the form in which answers are compared: without
 * what only one of the two prints, with names for ports and sessions, see canonical.ts.
 * In: answers as they came; out: texts that must be equal.
 */
import { readFileSync } from 'node:fs';
import { projectFile } from '../../support/project-file.ts';
import type { Names } from './canonical.ts';
import { canonical, named } from './canonical.ts';
import type { Answers } from './script.ts';

/** Of Java's metrics: they would grow with the tree and cost every request. */
const leftOut = /^zk_\w+_(?:read|write)_per_namespace\t/;
/** Of ours: what Java has no name for. */
const own = new RegExp(
  '^zk_(?:fsync_threshold_exceed_count|resident_memory_bytes|tree_memory_bytes' +
    '|connection_closed_\\w+)\\t|^(?:node\\.version|machine\\.memory\\.\\w+)=',
);
const noNames: Names = { ports: new Map(), sessions: new Map() };

/** By `<phase> <word>`. */
export function javaAnswers(): Answers {
  const file = projectFile('test/fixtures/server/four-letter-words.json');
  return JSON.parse(readFileSync(file, 'utf8')) as Answers;
}

export function comparable(word: string, text: string, names: Names = noNames): string {
  const lines = named(text, names).split('\n');
  const shared = lines.filter((line) => !own.test(line) && !leftOut.test(line));
  return canonical(word, shared.join('\n'));
}
