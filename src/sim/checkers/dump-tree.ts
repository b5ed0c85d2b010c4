// A real database as the lines the model dumps (tree-model.ts), so that the two can be compared: path, data, stat of
// every node, and the open sessions. In: a database, not changed. Out: sorted lines. Data is read as text, as the
// simulator writes it.

import type { Database } from '../../core/tree/database.ts';
import { Reader } from '../../jute/reader.ts';
import { decodeUtf8 } from '../../jute/utf8.ts';
import { Writer } from '../../jute/writer.ts';
import { Stat } from '../../proto/data.ts';
import { dumpLine } from './tree-model.ts';

export function dumpTree(database: Database): string[] {
  const { tree } = database;
  const lines: string[] = [];
  const writer = new Writer();
  for (let slot = 0; slot < tree.slotLimit; slot++) {
    if (!tree.isLive(slot)) continue;
    writer.clear();
    tree.writeStat(slot, writer);
    const stat = Stat.read(new Reader(writer.bytes, 0, writer.at));
    const data = tree.dataOf(slot);
    const text = data === null ? '' : decodeUtf8(data, 0, data.length);
    lines.push(dumpLine(tree.pathOf(slot), text, stat));
  }
  for (const [id, timeout] of database.sessions) lines.push(`session ${id} ${timeout}`);
  return lines.sort();
}
