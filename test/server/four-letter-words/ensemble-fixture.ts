/**
 * What the servers of a Java ensemble answered (capture-ensemble.ts), and the form in which answers
 * are compared: as in fixture.ts, and without zxids, ports and what depends on which of them led.
 */
import { readFileSync } from 'node:fs';
import { projectFile } from '../../support/project-file.ts';
import { comparable } from './fixture.ts';
import type { Answers } from './script.ts';

const file = projectFile('test/fixtures/server/four-letter-words-ensemble.json');

export const ensembleAnswers = JSON.parse(readFileSync(file, 'utf8')) as Answers;

/** By `<who> <word>`. */
export function ensembleAnswer(key: string): string {
  const text = ensembleAnswers[key];
  if (text === undefined) throw new Error(`Java was not asked ${key}`);
  return text;
}

export function sameInEnsemble(word: string, text: string): string {
  return comparable(word, text)
    .replace(/^(clientPort|electionPort|quorumPort|serverId|tickTime)=.*$/gm, '$1=#')
    .replace(/^(server\.\d+=127\.0\.0\.1):\d+:\d+:/gm, '$1:#:#:')
    .replace(/^Zxid: 0x[0-9a-f]+$/m, 'Zxid: #')
    .replace(/\blzxid=0x[0-9a-f]+/g, 'lzxid=#')
    .replace(/^Node count: \d+$/m, 'Node count: #')
    .replace(/^((?:Local |Global )?Session Sets) \(\S+\)\//gm, '$1 (#)/');
}
