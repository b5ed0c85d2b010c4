// Plays texts of test/scenarios: lines at the margin are commands, the indented lines below each what came of it. A
// text begins with its title; a line `with name=value …` sets options, before the first command. In: which texts, and
// what plays one. Out: a test a text, which fails where something else came of a command; with QUOLL_REWRITE=1 the
// texts are written anew.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { projectFile } from './project-file.ts';

export interface Player {
  /** Carries out one command line; what came of it, a line each. */
  run(command: string): string[];
}

export type MakePlayer = (options: Readonly<Record<string, string>>) => Player;

const folder = projectFile('test/scenarios');
const rewrites = process.env.QUOLL_REWRITE === '1';

/** The text with every transcript as it is now. */
export function played(text: string, make: MakePlayer): string {
  let player: Player | undefined;
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('  ')) continue;
    lines.push(line);
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('with ')) {
      assert(player === undefined, 'options come before the first command');
      const words = line.split(/\s+/).filter((word) => word.includes('='));
      player = make(Object.fromEntries(words.map((word) => word.split('=') as [string, string])));
      continue;
    }
    player ??= make({});
    for (const outcome of player.run(line)) lines.push(`  ${outcome}`);
  }
  return lines.join('\n');
}

/** A test for each text whose name fits. */
export function playTexts(fits: (name: string) => boolean, make: MakePlayer): void {
  const names = readdirSync(folder).filter((file) => file.endsWith('.txt') && fits(file));
  for (const name of names.sort()) {
    const path = `${folder}/${name}`;
    const text = readFileSync(path, 'utf8');
    const title = /^# (.*)/.exec(text)?.[1] ?? name;
    test(title, () => {
      const now = played(text, make);
      if (rewrites) writeFileSync(path, now);
      else assert.deepEqual(now.split('\n'), text.split('\n'), name);
    });
  }
}
