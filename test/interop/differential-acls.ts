/**
 * ACL lists for the differential test: open ones mostly, then every scheme and combination of
 * permissions, repeated and mixed, and lists that no server should take. In: chance. Out: lists as
 * the wire has them, null, empty and senseless counts among them.
 */
import type { Prng } from '../../src/util/prng.ts';
import type { AclEntry, Acls as AclList } from './differential-requests.ts';

/** user:password of the identities; the last is the superuser the servers are started with. */
export const users = { alice: 'alice:wonder', bob: 'bob:builder', super: 'super:admin' } as const;
/** DigestAuthenticationProvider.generateDigest('super:admin'). */
export const superDigest = 'super:xQJmxLMiHGwaqBvst5y6rkB6HQs=';

const digests = [
  'alice:8y0lhh/7xkdEiwhX7vo9i+/Nmzc=',
  'bob:4rsXV9JgUbFl9ZE40xENilxlRV8=',
  'carol:nothing',
  ':x',
  'dave:x::',
];

const good: ReadonlyArray<AclEntry['id']> = [
  { scheme: 'world', id: 'anyone' },
  { scheme: 'world', id: 'anyone' },
  ...digests.map((id) => ({ scheme: 'digest', id })),
  { scheme: 'ip', id: '127.0.0.1' },
  { scheme: 'ip', id: '127.0.0.0/8' },
  { scheme: 'ip', id: '0.0.0.0/0' },
  { scheme: 'ip', id: '10.1.2.3' },
  { scheme: 'ip', id: '127.0.0.2/31' },
  { scheme: 'ip', id: '10.0.0.0/7' },
];

const bad: ReadonlyArray<AclEntry['id']> = [
  { scheme: 'world', id: 'someone' },
  { scheme: 'world', id: '' },
  { scheme: '', id: 'anyone' },
  { scheme: 'nosuch', id: 'x' },
  { scheme: 'super', id: '' },
  { scheme: 'sasl', id: 'x' },
  { scheme: 'x509', id: 'CN=x' },
  { scheme: 'digest', id: 'nocolon' },
  { scheme: 'digest', id: 'a:' },
  { scheme: 'digest', id: 'a:b:c' },
  { scheme: 'digest', id: '' },
  { scheme: 'ip', id: '' },
  { scheme: 'ip', id: '127.0.0' },
  { scheme: 'ip', id: '127.0.0.256' },
  { scheme: 'ip', id: '127.0.0.1/33' },
  { scheme: 'ip', id: '127.0.0.1/-1' },
  { scheme: 'ip', id: '127.0.0.1/' },
  { scheme: 'ip', id: '127.0.0.1/x' },
  { scheme: 'ip', id: 'localhost' },
  { scheme: null, id: 'anyone' },
  { scheme: 'world', id: null },
  { scheme: 'digest', id: null },
  { scheme: 'ip', id: null },
];

/** Alone in a list they keep others out. */
const owners: ReadonlyArray<AclEntry['id']> = [
  { scheme: 'digest', id: digests[0] ?? null },
  { scheme: 'digest', id: digests[1] ?? null },
  { scheme: 'auth', id: '' },
  { scheme: 'ip', id: '10.1.2.3' },
  { scheme: 'world', id: 'anyone' },
];

const odd: ReadonlyArray<AclEntry['id']> = [
  { scheme: 'digest', id: 'j\u00f8rgen:\u65e5\u672c' },
  { scheme: 'digest', id: 'smile\u{1f600}:x' },
  { scheme: 'digest', id: 'new\nline:x' },
];

export class Acls {
  readonly #prng: Prng;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  open(): AclList {
    return [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];
  }

  any(): AclList {
    const die = this.#prng.below(1000);
    if (die < 700) return this.open();
    if (die < 720) return null;
    if (die < 730) return [];
    if (die < 740) return -2;
    if (die < 820) return [{ perms: this.#perms(), id: this.#prng.pick(owners) }];
    const entries = Array.from({ length: 1 + this.#prng.below(4) }, () => this.#entry());
    if (this.#prng.chance(0.1)) entries.push(this.#prng.pick(entries));
    return entries;
  }

  #entry(): AclEntry {
    const die = this.#prng.below(100);
    const id =
      die < 75
        ? this.#prng.pick(good)
        : die < 87
          ? { scheme: 'auth', id: '' }
          : die < 90
            ? this.#prng.pick(odd)
            : this.#prng.pick(bad);
    return { perms: this.#perms(), id };
  }

  #perms(): number {
    const die = this.#prng.below(20);
    if (die < 6) return 31;
    // All but reading.
    if (die < 9) return 30;
    if (die < 18) return this.#prng.below(32);
    return this.#prng.pick([0, -1, 32, 255, 0x7fffffff, -0x80000000]);
  }
}
