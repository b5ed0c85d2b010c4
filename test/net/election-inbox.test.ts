// The election inbox: order is kept, messages are copies, and what overflows is the oldest of whoever has most waiting.
// Link events are never dropped: a lost "link broke" would leave a dead server counted, a lost "came up" a living one
// absent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InboxItem } from '../../src/net/election-inbox.ts';
import { ElectionInbox } from '../../src/net/election-inbox.ts';
import type { Sid } from '../../src/proto/sid.ts';

function message(from: Sid, length: number, first = 0): InboxItem {
  return { kind: 'received', from, bytes: new Uint8Array(length).fill(first, 0, 1) };
}

function senders(items: readonly InboxItem[]): Sid[] {
  return items.map((item) => (item.kind === 'received' ? item.from : item.sid));
}

test('everything comes out once, in order, as a copy', () => {
  const inbox = new ElectionInbox();
  const bytes = Uint8Array.of(1, 2, 3);
  inbox.put({ kind: 'linkEstablished', sid: 2n });
  inbox.put({ kind: 'received', from: 2n, bytes });
  inbox.put({ kind: 'linkBroken', sid: 2n, reason: 'end' });
  inbox.put({ kind: 'dialRefused', sid: 2n, code: 'ECONNREFUSED' });
  bytes.fill(9);
  const items = inbox.take();
  assert.deepEqual(
    items.map(({ kind }) => kind),
    ['linkEstablished', 'received', 'linkBroken', 'dialRefused'],
  );
  assert.deepEqual(items[1], { kind: 'received', from: 2n, bytes: Uint8Array.of(1, 2, 3) });
  assert.deepEqual(inbox.take(), []);
});

test('more than a hundred messages: the talker loses its oldest, the others nothing', () => {
  const inbox = new ElectionInbox();
  inbox.put(message(1n, 4));
  for (let i = 0; i < 200; i++) inbox.put(message(2n, 4, i));
  inbox.put({ kind: 'linkBroken', sid: 2n, reason: 'end' });
  inbox.put(message(3n, 4));
  const items = inbox.take();
  assert.equal(items.length, 101);
  assert.deepEqual(senders(items).splice(0, 2), [1n, 2n]);
  assert.equal(items.at(-1)?.kind, 'received');
  const [, oldest] = items;
  assert(oldest?.kind === 'received');
  assert.equal(oldest.bytes[0], 102);
  assert.equal(inbox.dropped, 102);
});

test('more than 4 MiB: whoever takes most of the room loses its oldest', () => {
  const inbox = new ElectionInbox();
  for (let i = 0; i < 30; i++) inbox.put(message(1n, 100));
  for (let i = 0; i < 20; i++) inbox.put(message(2n, 512 * 1024, i));
  const kept = inbox.take();
  assert.equal(senders(kept).filter((sid) => sid === 1n).length, 30);
  assert.equal(senders(kept).filter((sid) => sid === 2n).length, 7);
  const newest = kept.at(-1);
  assert(newest?.kind === 'received');
  assert.equal(newest.bytes[0], 19);
});
