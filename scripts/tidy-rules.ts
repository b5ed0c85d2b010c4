/**
 * What `tidy` demands of one file by itself; who may import whom is in import-rules.ts.
 *
 * Pure code has no `Date`, no `Math.random` and no `.slice(` (on a Node Buffer it is a view where on
 * a Uint8Array it is a copy: use copyBytes or subarray for bytes, substring for strings, a spread
 * for arrays). Every TypeScript file has a head comment, bounded lines and a bounded length; no
 * text holds a note to self or the path of somebody's machine; the lockfile names no registry.
 */
import type { Complaint } from './import-rules.ts';
import { isPure } from './import-rules.ts';
import { codeOnly, lineAt } from './source-text.ts';

const columnsMax = 120;
const linesMax = 600;
const linesWanted = 400;
const headLinesMin = 3;
const headLinesMax = 12;

export interface Finding extends Complaint {
  /** A warning is printed and does not fail the check. */
  readonly level: 'error' | 'warning';
}

interface WordRule {
  readonly rule: string;
  readonly pattern: RegExp;
  readonly message: string;
}

/** On the code of pure files; comments and strings do not count. */
const pureRules: readonly WordRule[] = [
  {
    rule: 'slice',
    pattern: /\.slice\s*\(/g,
    message: 'a view on Buffers, a copy elsewhere; take copyBytes, subarray, substring or a spread',
  },
  { rule: 'date', pattern: /\bDate\b/g, message: 'time is an argument: now, wallTime' },
  {
    rule: 'random',
    pattern: /\bMath\s*\.\s*random\b/g,
    message: 'chance is an argument: the Random port',
  },
];

/** On all text, comments and documents included; spelled so that they do not find themselves. */
const textRules: readonly WordRule[] = [
  {
    rule: 'note-to-self',
    pattern: /\b(?:TO[D]O|FIX[M]E)\b/g,
    message: 'do it, or write an issue',
  },
  {
    rule: 'machine-path',
    pattern: /(?<![\w.$}~-])\/(?:wor[k]|hom[e]|roo[t])\//g,
    message: "a path of somebody's machine",
  },
];

/** All findings in one file; `path` is relative to the project's root, with `/`. */
export function checkFile(path: string, text: string): Finding[] {
  const findings: Finding[] = [];
  const add = (level: Finding['level'], rule: string, line: number, message: string): void => {
    findings.push({ path, level, rule, line, message });
  };
  if (path === 'package-lock.json') {
    const at = text.indexOf('"resolved"');
    if (at >= 0) add('error', 'lockfile', lineAt(text, at), 'drop the "resolved" addresses');
    return findings;
  }
  addMatches(text, text, textRules, add);
  if (!/\.(?:ts|js)$/.test(path)) return findings;

  const lines = text.split('\n');
  lines.forEach((line, i) => {
    if (line.length > columnsMax) {
      add('error', 'columns', i + 1, `${line.length} columns, at most ${columnsMax}`);
    }
  });
  const count = text.endsWith('\n') ? lines.length - 1 : lines.length;
  if (count > linesMax) {
    add('error', 'lines', 1, `${count} lines, at most ${linesMax}: find the second noun`);
  } else if (count > linesWanted) {
    add('warning', 'lines', 1, `${count} lines, wanted under ${linesWanted}`);
  }

  if (!path.endsWith('.ts')) return findings;
  const head = headLines(lines);
  if (head === 0) {
    add('error', 'head', 1, 'a file begins with a comment: what it decides, inputs, invariant');
  } else if (head < headLinesMin || head > headLinesMax) {
    add('warning', 'head', 1, `head comment of ${head} lines, ${headLinesMin} to ${headLinesMax}`);
  }
  if (path.startsWith('src/') && isPure(path.substring('src/'.length))) {
    addMatches(text, codeOnly(text), pureRules, add);
  }
  return findings;
}

function addMatches(
  text: string,
  where: string,
  rules: readonly WordRule[],
  add: (level: Finding['level'], rule: string, line: number, message: string) => void,
): void {
  for (const { rule, pattern, message } of rules) {
    for (const match of where.matchAll(pattern)) {
      add('error', rule, lineAt(text, match.index), `${match[0].trim()}: ${message}`);
    }
  }
}

/** Lines with words in the comment that opens the file, a `#!` line and blank lines left out. */
function headLines(lines: readonly string[]): number {
  let count = 0;
  let inBlock = false;
  for (const [i, raw] of lines.entries()) {
    const line = raw.trim();
    if (i === 0 && line.startsWith('#!')) continue;
    if (!inBlock && line.startsWith('/*')) inBlock = true;
    else if (!inBlock && !line.startsWith('//')) break;
    if (/[\p{L}\p{N}]/u.test(line)) count++;
    if (inBlock && line.includes('*/')) break;
  }
  return count;
}
