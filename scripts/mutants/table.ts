/**
 * The table of mutants in docs/RELIABILITY.md: a row for each, between two marks.
 *
 * Input: the page, all mutants, and what the hunts of now brought. Output: the page anew; a mutant
 * that was not hunted now keeps its row, one that has none yet is told as such, one that is no more
 * goes. The page around the marks is written by hand.
 */
import type { Hunt } from './hunt.ts';
import type { Mutant } from './mutant.ts';

const begin = '<!-- mutants -->';
const end = '<!-- /mutants -->';

interface Row {
  readonly seeds: number | undefined;
  readonly text: string;
}

export function withTable(
  page: string,
  mutants: readonly Mutant[],
  hunts: readonly Hunt[],
): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the page lacks ${begin} … ${end}`);
  const known = rowsIn(page.substring(from, to));
  for (const { mutant, seeds, caught } of hunts) {
    if (caught !== undefined) known.set(mutant.name, rowOf(mutant, seeds, caught.by));
  }
  const rows = mutants.map((one) => known.get(one.name) ?? rowOf(one, undefined, 'not hunted yet'));
  const all = rows.map(({ seeds }) => seeds).filter((seeds) => seeds !== undefined);
  all.sort((a, b) => a - b);
  const [median, slowest] = [all[all.length >> 1] ?? 0, all.at(-1) ?? 0];
  const lines = [
    `${all.length} of ${mutants.length} mutants caught. Seeds it took: ${median} in the median, ${slowest} at most.`,
    '',
    '| mutant | file | meant to break | world | seeds | caught by |',
    '|---|---|---|---|---:|---|',
    ...rows.map(({ text }) => text),
  ];
  return `${page.substring(0, from + begin.length)}\n${lines.join('\n')}\n${page.substring(to)}`;
}

function rowOf({ name, file, breaks, world }: Mutant, seeds: number | undefined, by: string): Row {
  const text = `| ${name} | \`${file}.ts\` | ${breaks} | ${world} | ${seeds ?? '–'} | ${by} |`;
  return { seeds, text };
}

function rowsIn(table: string): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const text of table.split('\n')) {
    const cells = text.split(' | ');
    const seeds = Number(cells[4]);
    if (cells.length === 6 && seeds > 0) rows.set((cells[0] ?? '').substring(2), { seeds, text });
  }
  return rows;
}
