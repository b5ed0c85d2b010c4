/**
 * The table of mutants in docs/RELIABILITY.md: a row for each, between two marks.
 *
 * Input: what the hunts brought. Output: Markdown. The page around the marks is written by hand.
 */
import type { Hunt } from './hunt.ts';

const begin = '<!-- mutants -->';
const end = '<!-- /mutants -->';

export function tableOf(hunts: readonly Hunt[]): string {
  const rows = hunts.map(({ mutant, seeds, caught }) => {
    const { name, file, breaks, world } = mutant;
    return `| ${name} | \`${file}.ts\` | ${breaks} | ${world} | ${seeds} | ${caught?.by ?? '–'} |`;
  });
  const sorted = hunts.map(({ seeds }) => seeds).sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1] ?? 0;
  return [
    `${hunts.length} mutants, all caught; the median took ${median} seed${median === 1 ? '' : 's'}, the slowest ${sorted.at(-1) ?? 0}.`,
    '',
    '| mutant | file | meant to break | world | seeds | caught by |',
    '|---|---|---|---|---:|---|',
    ...rows,
  ].join('\n');
}

/** The page with the table in place of the old one. */
export function withTable(page: string, table: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the page lacks ${begin} … ${end}`);
  return `${page.substring(0, from + begin.length)}\n${table}\n${page.substring(to)}`;
}
