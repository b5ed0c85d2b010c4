// The requests of a scenario, as words: `create /a "x" ephemeral`, `multi check /a v=1 | delete
// /a`. In: the words of a line; out: op code and body, and how to say what the answer's body holds.

import type { Reader } from '../../src/jute/reader.ts';
import { Writer } from '../../src/jute/writer.ts';
import * as records from '../../src/proto/client.ts';
import type { ACL, Stat } from '../../src/proto/data.ts';
import { openAcl, Perms } from '../../src/proto/data.ts';
import { errorName } from '../../src/proto/errors.ts';
import { AddWatchMode, CreateFlag, OpCode, opName, WatcherType } from '../../src/proto/opcodes.ts';
import type { Request } from '../core/request/support/requests.ts';
import { bodyOf } from '../core/request/support/requests.ts';

export interface ScenarioRequest {
  readonly type: number;
  readonly body: Uint8Array;
  /** What a successful answer holds; '' for nothing. */
  readonly describe: (reader: Reader) => string;
}

/** Words of a line; quotes keep blanks together and are kept themselves. */
export function wordsOf(line: string): string[] {
  return line.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];
}

/** `key=value` words by key, the others in order. */
class Words {
  readonly plain: string[] = [];
  readonly #named = new Map<string, string>();

  constructor(words: readonly string[]) {
    for (const word of words) {
      const [, key, value] = /^([a-z]+)=(.*)$/.exec(word) ?? [];
      if (key === undefined) this.plain.push(word);
      else this.#named.set(key, value ?? '');
    }
  }

  get(key: string): string | undefined {
    return this.#named.get(key);
  }

  number(key: string, otherwise: number): number {
    return Number(this.#named.get(key) ?? otherwise);
  }

  list(key: string): string[] {
    const value = this.#named.get(key);
    return value === undefined ? [] : value.split(',');
  }

  has(word: string): boolean {
    return this.plain.includes(word);
  }

  /** The quoted word, as bytes; undefined: there is none. */
  get data(): Uint8Array | undefined {
    const quoted = this.plain.find((word) => word.startsWith('"'));
    return quoted === undefined ? undefined : new TextEncoder().encode(quoted.replaceAll('"', ''));
  }

  get path(): string {
    return this.plain.find((word) => word.startsWith('/')) ?? '';
  }
}

const letters: readonly (readonly [string, number])[] = [
  ['c', Perms.CREATE],
  ['d', Perms.DELETE],
  ['r', Perms.READ],
  ['w', Perms.WRITE],
  ['a', Perms.ADMIN],
];

/** `scheme:id:perms` with commas between; the id may hold colons. */
function parseAcl(text: string | undefined): readonly ACL[] {
  if (text === undefined) return openAcl;
  return text.split(',').map((entry) => {
    const parts = entry.split(':');
    const scheme = parts.shift() ?? '';
    const perms = parts.pop() ?? '';
    const bits = letters.reduce(
      (sum, [letter, bit]) => sum + (perms.includes(letter) ? bit : 0),
      0,
    );
    return { perms: bits, id: { scheme, id: parts.join(':') } };
  });
}

function aclText(acl: readonly ACL[]): string {
  return acl
    .map(({ perms, id }) => {
      const shown = letters.filter(([, bit]) => (perms & bit) !== 0).map(([letter]) => letter);
      return `${id.scheme}:${id.id}:${shown.join('')}`;
    })
    .join(',');
}

function dataText(data: Uint8Array | null): string {
  return data === null ? 'null' : `"${new TextDecoder().decode(data)}"`;
}

function statText(stat: Stat): string {
  const parts = [`version ${stat.version}`];
  if (stat.aversion !== 0) parts.push(`aversion ${stat.aversion}`);
  if (stat.numChildren > 0) parts.push(`children ${stat.numChildren}`);
  if (stat.cversion !== 0) parts.push(`cversion ${stat.cversion}`);
  if (stat.ephemeralOwner !== 0n) parts.push(`owner 0x${stat.ephemeralOwner.toString(16)}`);
  return `(${parts.join(', ')})`;
}

const describers: Readonly<Record<string, (reader: Reader) => string>> = {
  create: (reader) => records.PathResponse.read(reader).path,
  create2: (reader) => {
    const { path, stat } = records.Create2Response.read(reader);
    return `${path} ${statText(stat)}`;
  },
  setData: (reader) => statText(records.StatResponse.read(reader).stat),
  getData: (reader) => {
    const { data, stat } = records.GetDataResponse.read(reader);
    return `${dataText(data)} ${statText(stat)}`;
  },
  getACL: (reader) => {
    const { acl, stat } = records.GetACLResponse.read(reader);
    return `${aclText(acl)} ${statText(stat)}`;
  },
  getChildren: (reader) => namesText(records.GetChildrenResponse.read(reader).children),
  getChildren2: (reader) => {
    const { children, stat } = records.GetChildren2Response.read(reader);
    return `${namesText(children)} ${statText(stat)}`;
  },
  getEphemerals: (reader) => namesText(records.GetEphemeralsResponse.read(reader).ephemerals),
  getAllChildrenNumber: (reader) =>
    `${records.GetAllChildrenNumberResponse.read(reader).totalNumber}`,
  whoAmI: (reader) =>
    namesText(
      records.WhoAmIResponse.read(reader).clientInfo.map(
        ({ authScheme, user }) => `${authScheme}:${user}`,
      ),
    ),
  addWatch: (reader) => errorName(records.ErrorResponse.read(reader).err)?.toLowerCase() ?? '',
  multi: multiText,
};

/** Operations that answer as another does. */
const alike: Readonly<Record<string, string>> = {
  createContainer: 'create2',
  createTTL: 'create2',
  setACL: 'setData',
  exists: 'setData',
  sync: 'create',
  multiRead: 'multi',
};

function namesText(names: readonly string[]): string {
  return `[${[...names].sort().join(' ')}]`;
}

function multiText(reader: Reader): string {
  const results: string[] = [];
  for (;;) {
    const { type, done, err } = records.MultiHeader.read(reader);
    if (done) return `[${results.join(' | ')}]`;
    if (type === OpCode.error) {
      records.ErrorResponse.read(reader);
      results.push(err === 0 ? 'undone' : (errorName(err) ?? `${err}`));
    } else {
      const body = describeBody(opName(type), reader);
      results.push(`${opName(type)} ${body}`.trim());
    }
  }
}

/** What the body of a successful answer to this operation says. */
function describeBody(name: string, reader: Reader): string {
  return describers[alike[name] ?? name]?.(reader) ?? '';
}

function writeRequest(op: Request['op'], given: readonly string[]): Request {
  const words = new Words(given);
  const path = words.path;
  const data = words.data ?? null;
  const acl = parseAcl(words.get('acl'));
  const version = words.number('v', -1);
  switch (op) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL': {
      const ephemeral = words.has('ephemeral');
      let flags: number = ephemeral ? CreateFlag.EPHEMERAL : CreateFlag.PERSISTENT;
      if (words.has('sequential')) flags += CreateFlag.PERSISTENT_SEQUENTIAL;
      if (op === 'createContainer') flags = CreateFlag.CONTAINER;
      if (op === 'createTTL') flags = CreateFlag.PERSISTENT_WITH_TTL;
      return { op, path, data, acl, flags, ttl: BigInt(words.number('ttl', 1000)) };
    }
    case 'setData':
      return { op, path, data, version };
    case 'setACL':
      return { op, path, acl, version };
    case 'delete':
    case 'check':
      return { op, path, version };
    case 'deleteContainer':
      return { op, path };
    case 'closeSession':
      return { op };
    case 'multi': {
      const ops: Request[] = [];
      let start = 0;
      for (let at = 0; at <= given.length; at++) {
        if (at < given.length && given[at] !== '|') continue;
        const part = given.slice(start, at);
        if (part.length > 0) ops.push(writeRequest(part[0] as Request['op'], part.slice(1)));
        start = at + 1;
      }
      return { op, ops };
    }
  }
}

const writes: ReadonlySet<string> = new Set([
  'create',
  'create2',
  'createContainer',
  'createTTL',
  'delete',
  'check',
  'setData',
  'setACL',
  'multi',
  'closeSession',
  'deleteContainer',
]);

function readBody(name: string, words: Words, given: readonly string[]): Uint8Array {
  const out = new Writer();
  const path = words.path;
  switch (name) {
    case 'getData':
    case 'exists':
    case 'getChildren':
    case 'getChildren2':
      records.PathWatchRequest.write(out, { path, watch: words.has('watch') });
      break;
    case 'getACL':
    case 'sync':
    case 'getEphemerals':
    case 'getAllChildrenNumber':
      records.PathRequest.write(out, { path });
      break;
    case 'addWatch': {
      const mode = words.has('recursive')
        ? AddWatchMode.PERSISTENT_RECURSIVE
        : AddWatchMode.PERSISTENT;
      records.AddWatchRequest.write(out, { path, mode });
      break;
    }
    case 'checkWatches':
    case 'removeWatches': {
      const kind = words.plain.at(-1) as keyof typeof WatcherType;
      records.WatchTypeRequest.write(out, { path, type: WatcherType[kind] });
      break;
    }
    case 'auth': {
      const [scheme = '', text = ''] = given;
      records.AuthPacket.write(out, { type: 0, scheme, auth: new TextEncoder().encode(text) });
      break;
    }
    case 'setWatches':
    case 'setWatches2': {
      const request = {
        relativeZxid: BigInt(words.get('since') ?? '0'),
        dataWatches: words.list('data'),
        existWatches: words.list('exist'),
        childWatches: words.list('child'),
        persistentWatches: words.list('persistent'),
        persistentRecursiveWatches: words.list('recursive'),
      };
      if (name === 'setWatches') records.SetWatches.write(out, request);
      else records.SetWatches2.write(out, request);
      break;
    }
    case 'multiRead':
      for (const part of given.join(' ').split(' | ')) {
        const [op = '', ...rest] = wordsOf(part);
        const type = OpCode[op as keyof typeof OpCode];
        records.MultiHeader.write(out, { type, done: false, err: -1 });
        out.raw(readBody(op, new Words(rest), rest));
      }
      records.MultiHeader.write(out, { type: -1, done: true, err: -1 });
      break;
  }
  return out.copy();
}

/** `raw <op code> <hex>…` is any request at all. */
export function parseRequest(given: readonly string[]): ScenarioRequest {
  const [name = '', ...rest] = given;
  if (name === 'raw') {
    const [type, ...hex] = rest;
    const body = Uint8Array.from(Buffer.from(hex.join(''), 'hex'));
    return { type: Number(type), body, describe: () => '' };
  }
  const type = OpCode[name as keyof typeof OpCode];
  if (type === undefined) throw new Error(`no operation is called ${name}`);
  const body = writes.has(name)
    ? bodyOf(writeRequest(name as Request['op'], rest))
    : readBody(name, new Words(rest), rest);
  return { type, body, describe: (reader) => describeBody(name, reader) };
}
