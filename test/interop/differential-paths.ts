/**
 * Paths for the differential test: known ones, neighbours of known ones, new ones and wrong ones of
 * every kind. In: the world and its generator of chance. Nothing here writes below
 * /zookeeper/quota, where a wrong text makes Java fail while it applies it.
 */
import type { Path } from './differential-requests.ts';
import type { World } from './differential-world.ts';

const names = [
  ...['a', 'b', 'c', 'd', 'e', 'f', 'lock', 'queue', 'x1', 'x2', 'x3'],
  ...['é', '日本', 'a b', '%2f', '..a', 'a.', '.b', '...', '__proto__', 'constructor', 'toString'],
  ...['zookeeper', 'a-0000000001', '\u00a0', '\uf900', '\uffef', '\u2028'],
];

const oddPaths: readonly Path[] = [
  ...[
    '',
    '//',
    '/a/',
    '/a//b',
    '/.',
    '/..',
    '/./a',
    '/a/.',
    '/a/..',
    '/../a',
    'a',
    'a/b',
    '.',
    ' ',
  ],
  ...['/\0', '/a\0b', '\0', '/\u0001', '/a\u001f', '/\u007f', '/\u0085', '/a/\u009f', '/\ue000'],
  ...['/\uf8ff', '/\ufff0', '/\uffff', '/\ufeff', '/😀', '/a/😀', '/zookeeper/', '/zookeeper/a/'],
  null,
  // No UTF-8: a lone continuation, an overlong slash, a surrogate, a cut sequence.
  Uint8Array.of(0x2f, 0x80),
  Uint8Array.of(0x2f, 0xc0, 0xaf),
  Uint8Array.of(0x2f, 0xed, 0xa0, 0x80),
  Uint8Array.of(0x2f, 0x61, 0xe2, 0x82),
  Uint8Array.of(0xff),
];

const systemPaths = ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config', '/zookeeper/none'];

/** Longer ones are only asked for, not made: the tree stays small enough to be hit. */
const depthMax = 6;
const nodesWanted = 350;

export class Paths {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** A node there should be. */
  existing(): string {
    return this.#world.anyPath();
  }

  /** Anything a request may name. */
  any(): Path {
    const { prng } = this.#world;
    const die = prng.below(100);
    if (die < 62) return this.existing();
    if (die < 76) return this.fresh();
    if (die < 82) return this.deleted();
    if (die < 88) return prng.pick(systemPaths);
    if (die < 97) return this.odd();
    return `${this.existing()}/none/${prng.pick(names)}`;
  }

  /** Like `any`, but one a server would take. */
  legal(): string {
    const { prng } = this.#world;
    const die = prng.below(100);
    if (die < 70) return this.existing();
    if (die < 85) return this.fresh();
    return die < 95 ? this.deleted() : prng.pick(systemPaths);
  }

  /** A name below a node there should be; it may exist. */
  fresh(): string {
    const { prng } = this.#world;
    let parent = prng.chance(0.2) ? '/' : this.existing();
    while (parent.split('/').length > depthMax || parent.startsWith('/zookeeper/')) {
      parent = this.existing();
    }
    const name = prng.chance(0.6) ? prng.pick(names) : `n${prng.below(4 * nodesWanted)}`;
    return `${parent === '/' ? '' : parent}/${name}`;
  }

  deleted(): string {
    const { prng, deleted } = this.#world;
    return deleted.length === 0 ? this.fresh() : prng.pick(deleted);
  }

  odd(): Path {
    const { prng } = this.#world;
    const die = prng.below(40);
    if (die === 0) return `/${'x'.repeat(10_000)}`;
    if (die === 1) return '/deep'.repeat(5000);
    if (die < 6) return `${this.existing()}/`;
    if (die < 9)
      return `${this.existing()}/${prng.pick(['.', '..', '', '\u0000', '\ud83d\ude00'])}`;
    return prng.pick(oddPaths);
  }

  get areMany(): boolean {
    return this.#world.nodeCount > nodesWanted;
  }
}
