/**
 * Draws the requests of the differential test: every op code but those that harm Java 3.8.0, good
 * and bad, with a bias towards nodes, versions and watches that exist.
 *
 * In: the world and the connection that will send. Out: one request, or a pipelined batch that
 * needs no knowledge of how far an earlier one has got (no quotas, no flags that leave Java's
 * pending changes wrong). Invariant: the same seed and the same answers give the same requests.
 */
import { encodeUtf8 } from '../../src/jute/utf8.ts';
import { CreateFlag, OpCode } from '../../src/proto/opcodes.ts';
import type { Prng } from '../../src/util/prng.ts';
import { Acls } from './differential-acls.ts';
import { mangled } from './differential-malformed.ts';
import { Paths } from './differential-paths.ts';
import type { Path, Request } from './differential-requests.ts';
import { fieldsOf, harmsJava, make, spoilsWatches } from './differential-requests.ts';
import type { ConnectionState, World } from './differential-world.ts';

type Draw = (connection: ConnectionState) => Request;

/** Each of these is treated in a way of its own by one of the servers. */
const oddest: readonly Path[] = [
  '',
  'a',
  'a/b',
  '/\u{1f600}',
  Uint8Array.of(0x2f, 0xed, 0xa0, 0x80),
];
const intOddities = [0, 1, -2, -1, 2, 100, 0x7fffffff, -0x80000000];
/** No operations; 13 and 20 are not here as a client's use of them harms Java. */
const unknownOps = [0, 10, 23, 99, 108, 1000, -2, -1, -12, 0x7fffffff, -0x80000000];

export class Generator {
  readonly paths: Paths;
  readonly #world: World;
  readonly #prng: Prng;
  readonly #acls: Acls;
  readonly #weighted: ReadonlyArray<readonly [weight: number, draw: Draw]>;
  readonly #weight: number;

  constructor(world: World) {
    this.#world = world;
    this.#prng = world.prng;
    this.paths = new Paths(world);
    this.#acls = new Acls(world.prng);
    this.#weighted = [
      [180, () => this.#create()],
      [60, () => this.#delete()],
      [90, () => this.#setData()],
      [50, () => this.#setAcl()],
      [60, () => this.#pathWatch(OpCode.exists)],
      [60, () => this.#pathWatch(OpCode.getData)],
      [25, () => this.#pathWatch(OpCode.getChildren)],
      [35, () => this.#pathWatch(OpCode.getChildren2)],
      [30, () => make.path(OpCode.getACL, this.paths.any())],
      [16, () => make.path(OpCode.sync, this.#oftenOdd())],
      [12, () => make.path(OpCode.getAllChildrenNumber, this.paths.any())],
      [12, () => make.path(OpCode.getEphemerals, this.#prefix())],
      [70, () => this.#multi()],
      [25, () => this.#multiRead()],
      [70, () => this.#addWatch()],
      [25, (c) => this.#watches(OpCode.checkWatches, c)],
      [25, (c) => this.#watches(OpCode.removeWatches, c)],
      [20, (c) => this.setWatches(this.#knownWatches(c), this.#zxid())],
      [8, () => make.bare(OpCode.whoAmI)],
      [8, () => make.bare(OpCode.ping)],
      [2, () => make.path(OpCode.deleteContainer, this.paths.any())],
      [70, (c) => mangled(this.#prng, this.#valid(c))],
    ];
    this.#weight = this.#weighted.reduce((sum, [weight]) => sum + weight, 0);
  }

  /** What the run knows of watches, for requests about them. */
  watchedPaths: (connection: ConnectionState) => readonly string[] = () => [];

  one(connection: ConnectionState): Request {
    for (;;) {
      const request =
        this.paths.areMany && this.#prng.chance(0.3) ? this.#delete() : this.#valid(connection);
      if (!harmsJava(request) && !spoilsWatches(request)) return request;
    }
  }

  /** Refused by both before its body is read, unless that cannot be read: so it is never mangled. */
  reconfig(): Request {
    return make.reconfig(this.#prng.pick([null, '', 'server.1=localhost:1:2;3']));
  }

  /** Asked of a node that is not there, so that the list is judged and nothing comes of it. */
  ipv6Acl(): Request {
    const id = this.#prng.pick(['::1', 'fe80::1/10', '2001:db8::/32', '::ffff:127.0.0.1']);
    return make.setAcl('/none/none', [{ perms: 31, id: { scheme: 'ip', id } }], -1);
  }

  /** What is answered with an error and the end of the connection. */
  closing(): Request {
    const { pick, chance } = bound(this.#prng);
    if (chance(0.5))
      return { type: pick(unknownOps), body: this.#prng.bytes(this.#prng.below(20)) };
    const bad = [
      make.auth(pick(['nosuch', 'world', 'super', 'sasl', 'x509', '', null]), encodeUtf8('a:b')),
      make.auth('digest', null),
      { type: OpCode.auth, body: this.#prng.bytes(this.#prng.below(12)) },
    ];
    return pick(bad);
  }

  auth(user: string): Request {
    return make.auth('digest', encodeUtf8(user));
  }

  /** Requests whose answers do not depend on how far the one before has got. */
  batch(connection: ConnectionState): Request[] {
    const count = 2 + this.#prng.below(this.#prng.chance(0.1) ? 60 : 12);
    const requests: Request[] = [];
    const some = [this.paths.fresh(), this.paths.fresh(), this.paths.existing()];
    while (requests.length < count) {
      const die = this.#prng.below(100);
      const focus = this.#prng.pick(some);
      const request =
        die < 40 ? this.#plain(focus) : die < 55 ? this.#multi(focus) : this.#valid(connection);
      if (harmsJava(request) || spoilsWatches(request) || !isSteady(request)) continue;
      requests.push(request);
    }
    return requests;
  }

  setWatches(paths: readonly string[], since: bigint): Request {
    const { pick, chance, below } = bound(this.#prng);
    const seen = new Set<string>();
    const lists: Array<Path[] | null> = [[], [], []];
    if (chance(0.4)) lists.push([], []);
    const wanted = [...paths, ...Array.from({ length: below(5) }, () => this.paths.legal())];
    for (const path of wanted) {
      if (seen.has(path)) continue;
      seen.add(path);
      pick(lists)?.push(path);
    }
    if (chance(0.05)) pick(lists)?.push('', '/none/none');
    if (chance(0.04)) lists[0] = null;
    return make.setWatches(since, lists);
  }

  // ---- writes ----

  #valid(connection: ConnectionState): Request {
    let die = this.#prng.below(this.#weight);
    for (const [weight, draw] of this.#weighted) {
      die -= weight;
      if (die < 0) return draw(connection);
    }
    return make.bare(OpCode.ping);
  }

  #create(nested = false): Request {
    const { pick, chance, below } = bound(this.#prng);
    const type = pick([
      ...[OpCode.create, OpCode.create, OpCode.create2, OpCode.create2],
      ...[OpCode.createContainer, OpCode.createTTL],
    ]);
    const path = this.#watchedOr(() => (chance(0.8) ? this.paths.fresh() : this.paths.any()));
    let flags: number;
    if (chance(nested ? 0.15 : 0.06)) flags = pick([...intOddities, 3, 4, 5, 6, 7]);
    else if (type === OpCode.createContainer) flags = CreateFlag.CONTAINER;
    else if (type === OpCode.createTTL) flags = pick([5, 5, 6]);
    else flags = pick([0, 0, 0, 1, 2, 2, 3, nested ? 4 : 0]);
    const sequential = flags === 2 || flags === 3 || flags === 6;
    const name =
      sequential && typeof path === 'string' && chance(0.25)
        ? pick([`${path}/`, `${path}-`, `${path}/q-`, `${path}/.`])
        : path;
    const ttl = chance(0.8)
      ? BigInt(1 + below(1_000_000_000))
      : pick([0n, -1n, 1n, 2n ** 40n - 1n, 2n ** 40n, 2n ** 63n - 1n, -(2n ** 63n)]);
    return make.create(type, name, this.#data(), this.#acls.any(), flags, ttl);
  }

  #delete(): Request {
    return make.pathInt(
      OpCode.delete,
      this.#watchedOr(() => this.paths.any()),
      this.#version(),
    );
  }

  #setData(): Request {
    const path = this.#watchedOr(() => this.paths.any());
    return make.setData(path, this.#data(), this.#version(path));
  }

  #setAcl(): Request {
    const { pick, chance } = bound(this.#prng);
    const path = this.paths.any();
    const node = typeof path === 'string' ? this.#world.nodes.get(path) : undefined;
    const version = chance(0.7) ? -1 : pick([...intOddities, node?.aversion ?? 0]);
    // The root stays open to all: without it nothing more can happen.
    if (path === '/' || path === '') return make.setAcl(path, this.#acls.open(), version);
    return make.setAcl(path, this.#acls.any(), version);
  }

  #multi(focus = this.paths.fresh()): Request {
    const { chance, below, pick } = bound(this.#prng);
    const count = chance(0.03) ? 0 : 1 + below(6);
    const ops: Request[] = [];
    while (ops.length < count) {
      const die = below(100);
      if (die < 40) ops.push(chance(0.6) ? this.#plain(focus) : this.#create(true));
      else if (die < 58) ops.push(this.#setData());
      else if (die < 74) ops.push(this.#delete());
      else if (die < 94) ops.push(make.pathInt(OpCode.check, this.paths.any(), this.#version()));
      else if (die < 97) ops.push(make.pathWatch(pick([4, 8]), this.paths.any(), chance(0.5)));
      else ops.push(make.path(pick([3, 7, 9, 14, 20, 22, 106, -1, 0]), this.paths.any()));
    }
    return make.multi(OpCode.multi, ops);
  }

  /** A write of the commonest kind to this path or below it. */
  #plain(path: string): Request {
    const { pick, below } = bound(this.#prng);
    const data = this.#data();
    switch (below(7)) {
      case 0:
        return make.create(OpCode.create, path, data, this.#acls.open(), 0);
      case 1:
        return make.create(OpCode.create2, `${path}/s-`, data, this.#acls.open(), 2);
      case 2:
        return make.create(OpCode.create2, `${path}/e`, data, this.#acls.open(), pick([0, 1]));
      case 3:
        return make.setData(path, data, pick([-1, -1, 0, 1]));
      case 4:
        return make.pathInt(OpCode.delete, pick([path, `${path}/e`]), -1);
      case 5:
        return make.pathWatch(pick([3, 4, 8, 12]), path, this.#prng.chance(0.3));
      default:
        return make.create(OpCode.create, path, data, this.#acls.any(), pick([0, 1]));
    }
  }

  // ---- reads ----

  #pathWatch(type: number): Request {
    return make.pathWatch(type, this.paths.any(), this.#prng.chance(0.5));
  }

  #multiRead(): Request {
    const { chance, below, pick } = bound(this.#prng);
    const ops = Array.from({ length: below(6) }, () =>
      make.pathWatch(pick([OpCode.getData, OpCode.getChildren]), this.paths.any(), chance(0.3)),
    );
    // All of another kind.
    if (chance(0.1)) return make.multi(OpCode.multiRead, [this.#delete(), this.#delete()]);
    if (chance(0.3)) ops.splice(below(ops.length + 1), 0, this.#plain(this.paths.existing()));
    if (chance(0.05)) ops.splice(below(ops.length + 1), 0, make.pathWatch(3, '/', false));
    return make.multi(OpCode.multiRead, ops);
  }

  #prefix(): Path {
    const { pick, chance } = bound(this.#prng);
    if (chance(0.4)) return pick(['', '/', ' ', ' / ', '/a', '/b', null, '/none', 'x']);
    return this.paths.any();
  }

  #addWatch(): Request {
    const { pick, chance } = bound(this.#prng);
    const mode = chance(0.95) ? pick([0, 1]) : pick([2, -1, 0x7fffffff]);
    return make.pathInt(OpCode.addWatch, chance(0.9) ? this.paths.legal() : this.paths.any(), mode);
  }

  #watches(type: number, connection: ConnectionState): Request {
    const { pick, chance } = bound(this.#prng);
    const known = this.#knownWatches(connection);
    let path: Path = this.#oftenOdd();
    if (known.length > 0 && chance(0.5)) path = pick(known);
    else if (chance(0.5)) path = this.#watchedOr(() => this.paths.any());
    const kind = chance(0.95) ? pick([1, 2, 3, 3, 4, 5]) : pick([0, 6, -1, 0x7fffffff]);
    return make.pathInt(type, path, kind);
  }

  #oftenOdd(): Path {
    const die = this.#prng.below(100);
    if (die < 20) return this.#prng.pick(oddest);
    return die < 45 ? this.paths.odd() : this.paths.any();
  }

  /** A path that somebody watches, at times, or the child of one. */
  #watchedOr(other: () => Path): Path {
    const { pick, chance } = bound(this.#prng);
    if (!chance(0.25)) return other();
    const watched = this.#knownWatches(pick(this.#world.open)).filter(
      (path) => !path.startsWith('/zookeeper/'),
    );
    if (watched.length === 0) return other();
    return chance(0.3) ? `${pick(watched)}/w${this.#prng.below(4)}` : pick(watched);
  }

  #knownWatches(connection: ConnectionState): readonly string[] {
    return this.watchedPaths(connection);
  }

  // ---- parts ----

  #zxid(): bigint {
    const { pick, below } = bound(this.#prng);
    const now = Number(this.#world.zxid);
    return pick([
      0n,
      -1n,
      this.#world.zxid,
      BigInt(below(now + 1)),
      BigInt(now + 5),
      2n ** 63n - 1n,
    ]);
  }

  #data(): Uint8Array | null {
    const die = this.#prng.below(1000);
    if (die < 60) return null;
    if (die < 160) return new Uint8Array(0);
    if (die === 999) return this.#prng.bytes(50_000 + this.#prng.below(200_000));
    return this.#prng.bytes(1 + this.#prng.below(die < 900 ? 20 : 600));
  }

  #version(path?: Path): number {
    const { pick, chance } = bound(this.#prng);
    if (chance(0.65)) return -1;
    const known = typeof path === 'string' ? this.#world.nodes.get(path)?.version : undefined;
    return known !== undefined && chance(0.6) ? known : pick(intOddities);
  }
}

/**
 * Legal in a batch: nothing whose effect on Java's pending changes differs from that on its tree
 * (flags that disagree with the op code), and nothing under a quota, which Java checks against what
 * has been applied so far.
 */
function isSteady(request: Request): boolean {
  if (request.body.length > 10_000) return false;
  const fields = fieldsOf(request);
  if (fields === undefined) return true;
  return [fields, ...fields.ops].every(({ type, path, flags }) => {
    if (/^\/q[0-9]/.test(path) || type === OpCode.createContainer) return false;
    return type === OpCode.createTTL || flags < CreateFlag.CONTAINER;
  });
}

function bound(prng: Prng) {
  return {
    pick: <T>(items: readonly T[]): T => prng.pick(items),
    chance: (probability: number): boolean => prng.chance(probability),
    below: (limit: number): number => prng.below(limit),
  };
}
