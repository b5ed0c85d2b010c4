/**
 * Makes two servers' answers comparable: what differs between any two runs becomes '#' (after its
 * form was checked by the pattern that finds it), what hash maps put in any order is sorted.
 * Connections are named as the script names them.
 */

/** Ports and session ids to names. */
export interface Names {
  readonly ports: ReadonlyMap<number, string>;
  readonly sessions: ReadonlyMap<string, string>;
}

/** Puts names for ports and session ids; a port without one was the asker's. */
export function named(text: string, { ports, sessions }: Names): string {
  let result = text.replace(
    /\/127\.0\.0\.1:(\d+)/g,
    (_, port: string) => `/client:${ports.get(Number(port)) ?? 'asker'}`,
  );
  for (const [id, name] of sessions) result = result.replaceAll(`0x${id}`, `0x{${name}}`);
  return result;
}

const date = '[A-Z][a-z]{2} [A-Z][a-z]{2} \\d\\d \\d\\d:\\d\\d:\\d\\d UTC \\d{4}';

export function canonical(word: string, text: string): string {
  const lines = text
    .replace(
      /^(Zookeeper version: |zk_version\t)\d+\.\d+\.\d+-\S+, built on \d{4}-\d\d-\d\d \d\d:\d\d UTC$/m,
      '$1#',
    )
    .replace(/^(Latency min\/avg\/max: )\d+\/\d+\.\d+(?:E-\d)?\/\d+$/m, '$1#/#/#')
    .replace(/\b(est|lresp|llat|minlat|avglat|maxlat)=\d+/g, '$1=#')
    .replace(/^(clientPort|dataDirSize|dataLogSize)=\d+$/gm, '$1=#')
    .replace(/^(dataDir|dataLogDir)=\/.*\/version-2$/gm, '$1=#')
    .replace(/^(datadir_size|logdir_size): \d+$/gm, '$1: #')
    .split('\n');
  switch (word) {
    case 'stat':
    case 'cons':
      return sortRun(lines, (line) => line.startsWith(' /')).join('\n');
    case 'wchc':
    case 'wchp':
      return sortGroups(lines).join('\n');
    case 'dump':
      return canonicalDump(lines).join('\n');
    case 'hash':
      // Digests cover times.
      return lines.map((line) => line.replace(/: -?\d+$/, ': #')).join('\n');
    case 'envi':
      return lines.map((line) => line.replace(/=.*/, '=#')).join('\n');
    case 'mntr':
      return lines.map(canonicalMetric).join('\n');
    default:
      return lines.join('\n');
  }
}

/** Sorts the lines for which `fits` holds among themselves. */
function sortRun(lines: readonly string[], fits: (line: string) => boolean): string[] {
  const sorted = lines.filter(fits).sort();
  return lines.map((line) => (fits(line) ? (sorted.shift() ?? '') : line));
}

/** A group is a line without a tab and the lines with one behind it. */
function sortGroups(lines: readonly string[]): string[] {
  const groups: string[][] = [];
  for (const line of lines) {
    const last = groups.at(-1);
    if (line.startsWith('\t') && last !== undefined) last.push(line);
    else groups.push([line]);
  }
  const isGroup = (group: readonly string[]): boolean => group.length > 1;
  const sorted = groups
    .filter(isGroup)
    .map(([head = '', ...rest]) => [head, ...rest.sort()])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
  return groups.flatMap((group) => (isGroup(group) ? (sorted.shift() ?? []) : group));
}

/** Which bucket of time holds whom is chance: the buckets' lines go, their members are sorted. */
function canonicalDump(lines: readonly string[]): string[] {
  const bucket = new RegExp(`^\\d+ expire at ${date}:$`);
  const kept = lines
    .filter((line) => !bucket.test(line))
    .map((line) => line.replace(/^(Session|Connections) Sets \(\d+\)\//, '$1 Sets (#)/'));
  const start = kept.findIndex((line) => line.startsWith('Sessions with Ephemerals'));
  const end = kept.indexOf('Connections dump:');
  const member = (line: string): boolean => line.startsWith('\t');
  return [
    ...sortRun(kept.slice(0, start + 1), member),
    ...sortGroups(kept.slice(start + 1, end)),
    ...sortRun(kept.slice(end), member),
  ];
}

/** Metrics that do not depend on the clock, on the machine or on how many threads there are. */
const exact = new RegExp(
  `^(?:${[
    'ephemerals_count|znode_count|approximate_data_size|num_alive_connections|outstanding_requests',
    'global_sessions|packets_\\w+|watch_\\w+|connection_\\w+|digest_\\w+|response_bytes',
    'bytes_received_count|server_state|\\w+_per_namespace|\\w+_sync_processor_batch_size',
    '(?:cnt|avg|min|max|sum)_node_\\w+|cnt_(?:update|read|propagation_)latency|cnt_fsynctime',
  ].join('|')})$`,
);

function canonicalMetric(line: string): string {
  const [, name = '', value = ''] = /^zk_(\S+)\t(.*)$/.exec(line) ?? [];
  if (name === '' || exact.test(name)) return line;
  if (/^-?\d+\.\d+(?:E-?\d+)?$/.test(value)) return `zk_${name}\t#.#`;
  if (/^-?\d+$/.test(value)) return `zk_${name}\t#`;
  return line;
}
