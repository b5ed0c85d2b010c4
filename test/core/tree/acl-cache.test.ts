// Ids of ACL lists: one for equal lists, never a second list for an id,
// gone with the last use; the encoded way in gives the same ids as the
// decoded one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AclCache } from '../../../src/core/tree/acl-cache.ts';
import { DecodeError } from '../../../src/jute/reader.ts';
import { Writer } from '../../../src/jute/writer.ts';
import type { ACL } from '../../../src/proto/data.ts';
import { AclList, openAcl, readAcl } from '../../../src/proto/data.ts';
import { AssertionError } from '../../../src/util/assert.ts';

const entry = (perms: number, scheme: string, id: string): ACL => ({ perms, id: { scheme, id } });
const a = [entry(31, 'digest', 'u:x')];
const b = [entry(1, 'world', 'anyone'), ...a];

function encoded(acl: readonly ACL[]): Uint8Array {
  const writer = new Writer();
  AclList.write(writer, [...acl]);
  return writer.copy();
}

test('ids count up from 1, equal lists share one, order matters', () => {
  const cache = new AclCache();
  assert.equal(cache.idOf(null), -1);
  assert.equal(cache.idOf(a), 1);
  assert.equal(cache.idOf(b), 2);
  assert.equal(cache.idOf(structuredClone(a)), 1);
  assert.equal(cache.idOf([...b].reverse()), 3);
  assert.equal(cache.size, 3);
  assert.deepEqual(cache.listOf(2), b);
  assert.deepEqual(cache.listOf(-1), openAcl);
  assert.throws(() => cache.listOf(4), AssertionError);
});

test('the last release takes the list away, and its id with it', () => {
  const cache = new AclCache();
  assert.equal(cache.use(a), 1);
  cache.use(1);
  cache.release(1);
  assert.equal(cache.has(1), true);
  cache.release(1);
  assert.equal(cache.has(1), false);
  assert.equal(cache.idOf(a), 2);
  cache.release(1);
  cache.release(-1);
  assert.equal(cache.use(-1), -1);
  cache.purgeUnused();
  assert.equal(cache.size, 0);
});

test('an encoded list has the id of the decoded one', () => {
  const cache = new AclCache();
  const padded = (bytes: Uint8Array) => Uint8Array.of(7, ...bytes, 7);
  const bytes = encoded(a);
  const input = padded(bytes);
  assert.equal(cache.idOfEncoded(input, 1, input.length - 1), 1);
  input.fill(0);
  assert.equal(cache.idOfEncoded(bytes, 0, bytes.length), 1);
  assert.equal(cache.idOf(a), 1);
  assert.equal(cache.idOf(b), 2);
  assert.equal(cache.idOfEncoded(encoded(b), 0, encoded(b).length), 2);
  assert.equal(cache.idOfEncoded(Uint8Array.of(255, 255, 255, 255), 0, 4), -1);
  assert.deepEqual(cache.listOf(1), a);
});

test('the remembered list does not outlive its entry', () => {
  const cache = new AclCache();
  const bytes = encoded(a);
  cache.use(cache.idOfEncoded(bytes, 0, bytes.length));
  cache.release(1);
  assert.equal(cache.idOfEncoded(bytes, 0, bytes.length), 2);
  assert.deepEqual(cache.listOf(2), a);
});

test('an unusual encoding of a known list gets the known id', () => {
  const cache = new AclCache();
  assert.equal(cache.idOf([entry(5, '', '')]), 1);
  const nulls = Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 5, 255, 255, 255, 255, 255, 255, 255, 255);
  assert.equal(cache.idOfEncoded(nulls, 0, nulls.length), 1);
  assert.equal(cache.idOfEncoded(nulls, 0, nulls.length), 1);
});

test('bytes that are no list are refused', () => {
  const cache = new AclCache();
  const bytes = encoded(b);
  assert.throws(() => cache.idOfEncoded(bytes, 0, bytes.length - 1), DecodeError);
  const longer = Uint8Array.of(...bytes, 0);
  assert.throws(() => cache.idOfEncoded(longer, 0, longer.length), DecodeError);
  assert.equal(cache.size, 0);
});

test('restored ids stay, new ones come behind them, unused ones can be purged', () => {
  const cache = new AclCache();
  cache.restore(5, a);
  cache.restore(3, b);
  assert.deepEqual(
    [...cache.entries()],
    [
      [5, a],
      [3, b],
    ],
  );
  cache.use(5);
  cache.purgeUnused();
  assert.equal(cache.has(3), false);
  assert.equal(cache.idOf(a), 5);
  assert.equal(cache.idOf(readAcl), 6);
  assert.throws(() => cache.restore(0, a), AssertionError);
  assert.throws(() => cache.restore(5, b), AssertionError);
});

test('an id that only a node of a fuzzy snapshot names is never given away', () => {
  const cache = new AclCache();
  cache.restore(1, a);
  cache.use(2);
  assert.equal(cache.has(2), false);
  assert.equal(cache.use(b), 3);
  cache.release(2);
  assert.deepEqual(cache.listOf(3), b);
});

test('a list that a snapshot holds twice survives the removal of one', () => {
  const cache = new AclCache();
  cache.restore(1, a);
  cache.restore(2, a);
  cache.use(1);
  cache.use(2);
  cache.release(2);
  assert.equal(cache.idOf(a), 1);
  cache.release(1);
  assert.equal(cache.size, 0);
});

test('against a model: every list in use is there under its id, and no id comes twice', () => {
  const lists = [openAcl, readAcl, a, b, [...b, ...a]];
  const step = fc.record({ list: fc.nat(lists.length - 1), take: fc.boolean(), raw: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const cache = new AclCache();
      const held: { id: number; list: readonly ACL[] }[] = [];
      const lastList = new Map<number, readonly ACL[]>();
      for (const { list, take, raw } of steps) {
        const acl = lists[list]!;
        if (take) {
          const bytes = encoded(acl);
          const id = cache.use(raw ? cache.idOfEncoded(bytes, 0, bytes.length) : acl);
          assert.deepEqual(lastList.get(id) ?? acl, acl);
          lastList.set(id, acl);
          held.push({ id, list: acl });
        } else if (held.length > 0) {
          cache.release(held.splice(list % held.length, 1)[0]!.id);
        }
        for (const one of held) assert.deepEqual(cache.listOf(one.id), one.list);
        assert.equal(cache.size, new Set(held.map(({ id }) => id)).size);
      }
    }),
    { seed: 2, numRuns: 500 },
  );
});
