/**
 * Who may import whom, as one table (docs/ARCHITECTURE.md shows it), and no cycles.
 *
 * Input: the imports of every file in src/, by path from src/ (`core/tree/acl.ts`). Output: one
 * complaint for each forbidden import and each cycle. Type-only imports count: a folder that
 * needs another's types depends on it. An entry names a folder or one file, and the longest
 * entry that fits a file speaks for it; a folder may always import itself.
 */
import { posix } from 'node:path';
import type { ImportLine } from './source-text.ts';

export interface Complaint {
  /** From the project's root. */
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

interface Zone {
  /** Folders and files of src/ (a file without its `.ts`). */
  readonly may: readonly string[];
  /** May import `node:*`. */
  readonly host?: true;
  /** May import npm packages. */
  readonly packages?: true;
}

const base = ['util', 'jute', 'proto'];
const wiring = ['server', 'client', 'storage', 'net', 'ports', 'node', 'sim'];

/** Everything in src/ but `host` zones is pure: no clock, no chance, no I/O. */
export const zones: Readonly<Record<string, Zone>> = {
  util: { may: [] },
  ports: { may: ['util'] },
  jute: { may: ['util'] },
  proto: { may: ['jute', 'util'] },
  'core/election': { may: base },
  'core/tree': { may: base },
  'core/session': { may: base },
  'core/client': { may: base },
  'core/request': { may: [...base, 'core/tree', 'core/session', 'core/zab'] },
  'core/zab': { may: [...base, 'core/election'] },
  core: { may: base },
  storage: { may: [...base, 'ports', 'core/tree'] },
  net: { may: [...base, 'ports'] },
  server: { may: ['core', 'storage', 'net', 'proto', 'jute', 'ports', 'util'] },
  client: {
    may: ['core/client', 'core/tree/path', 'net/framing', 'proto', 'jute', 'ports', 'util'],
  },
  sim: { may: ['core', 'storage', 'net', 'server', 'client', ...base, 'ports'] },
  node: { may: ['ports'], host: true, packages: true },
  cli: { may: wiring, host: true, packages: true },
  index: { may: wiring, host: true },
  'server/start': { may: wiring, host: true },
  'sim/main': { may: wiring, host: true },
  'sim/crash-main': { may: wiring, host: true },
  'sim/corruption-main': { may: wiring, host: true },
};

/** The entry of the table that speaks for a file of src/, undefined when there is none. */
export function zoneOf(file: string): string | undefined {
  let name = file.replace(/\.ts$/, '');
  while (zones[name] === undefined) {
    const slash = name.lastIndexOf('/');
    if (slash < 0) return undefined;
    name = name.substring(0, slash);
  }
  return name;
}

/** True where the clock, chance and Node must come in as arguments. */
export function isPure(file: string): boolean {
  const zone = zones[zoneOf(file) ?? ''];
  return zone?.host !== true;
}

/** All complaints about the imports of src/. Keys are paths from src/. */
export function checkImports(files: ReadonlyMap<string, readonly ImportLine[]>): Complaint[] {
  const complaints: Complaint[] = [];
  const graph = new Map<string, string[]>();
  for (const [file, imports] of files) {
    const edges: string[] = [];
    graph.set(file, edges);
    const zone = zoneOf(file);
    if (zone === undefined) {
      complaints.push(complain(file, 1, `no row of the import table covers ${file}`));
      continue;
    }
    for (const { specifier, line } of imports) {
      if (specifier.startsWith('.')) {
        const target = posix.normalize(posix.join(posix.dirname(file), specifier));
        edges.push(target);
        const wrong = whyNot(zone, target);
        if (wrong !== undefined) complaints.push(complain(file, line, wrong));
      } else {
        const wrong = whyNotForeign(zone, specifier);
        if (wrong !== undefined) complaints.push(complain(file, line, wrong));
      }
    }
  }
  for (const cycle of cyclesOf(graph)) {
    complaints.push(complain(cycle[0] ?? '', 1, `import cycle: ${cycle.join(' -> ')}`));
  }
  return complaints;
}

function complain(file: string, line: number, message: string): Complaint {
  return { path: `src/${file}`, line, rule: 'imports', message };
}

function whyNot(zone: string, target: string): string | undefined {
  if (!target.endsWith('.ts')) return `write the import of ${target} with its .ts extension`;
  if (target.startsWith('..')) return `${target} is outside src/`;
  const targetZone = zoneOf(target);
  if (targetZone === undefined || targetZone === zone) return undefined;
  const may = zones[zone]?.may ?? [];
  // A wired file inside a pure folder (server/start.ts) is not part of what that folder offers,
  // and the longest entry decides, so `core` in a row offers all of core's folders.
  const name = target.replace(/\.ts$/, '');
  const offered = may.some((entry) => name === entry || name.startsWith(`${entry}/`));
  const fits = offered || (zone === 'core' && name.startsWith('core/'));
  if (fits && (isPure(target) || zones[zone]?.host === true)) return undefined;
  const list = may.length === 0 ? 'nothing' : may.join(', ');
  return `${zone} may import ${list}; not ${target}`;
}

function whyNotForeign(zone: string, specifier: string): string | undefined {
  if (specifier.startsWith('node:')) {
    if (zones[zone]?.host === true) return undefined;
    return `${zone} is pure: '${specifier}' belongs behind a port (src/ports.ts, src/node/)`;
  }
  if (zones[zone]?.packages === true) return undefined;
  return `npm packages are imported in node/ and cli/ only, not '${specifier}' in ${zone}`;
}

/**
 * One shortest cycle for each knot of files that import each other, its first file repeated at
 * the end. Iterative: the graph is small, but deep chains must not overflow the stack.
 */
export function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const reported = new Set<string>();
  for (const start of graph.keys()) {
    if (reported.has(start)) continue;
    const cycle = shortestWayBack(graph, start);
    if (cycle === undefined) continue;
    if (!cycle.some((file) => reported.has(file))) cycles.push(cycle);
    for (const file of cycle) reported.add(file);
  }
  return cycles;
}

function shortestWayBack(
  graph: ReadonlyMap<string, readonly string[]>,
  start: string,
): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const file of queue) {
    for (const next of graph.get(file) ?? []) {
      if (next === start) {
        const way = [start];
        for (let at: string | undefined = file; at !== undefined && at !== start; ) {
          way.unshift(at);
          at = cameFrom.get(at);
        }
        return [start, ...way];
      }
      if (!cameFrom.has(next)) {
        cameFrom.set(next, file);
        queue.push(next);
      }
    }
  }
  return undefined;
}
