// The queue behind a watch iterator: order, waiting consumers, a full queue, and how it ends. Also the two small things
// it stands on: events with their numbers as names, and the emitter whose listeners run as microtasks. No session here:
// events are pushed by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Emitter } from '../../src/client/emitter.ts';
import { Watch } from '../../src/client/watch.ts';
import type { WatchEvent } from '../../src/client/watch-event.ts';
import { watchEvent } from '../../src/client/watch-event.ts';

function event(path: string, type: WatchEvent['type'] = 'NodeDataChanged'): WatchEvent {
  return { type, state: 'SyncConnected', path, zxid: undefined };
}

const over = { done: true, value: undefined };

test('events come in order, whether they or the consumer were first', async () => {
  const watch = new Watch('/', 10);
  const [first, second] = [watch.next(), watch.next()];
  for (const path of ['/1', '/2', '/3']) watch.push(event(path));
  assert.equal((await first).value?.path, '/1');
  assert.equal((await second).value?.path, '/2');
  assert.equal((await watch.next()).value?.path, '/3');
});

test('a queue that overflows becomes the order to read again', async () => {
  const watch = new Watch('/', 3);
  for (let i = 0; i < 4; i++) watch.push(event(`/${i}`));
  watch.push(event('/after'));
  assert.equal((await watch.next()).value?.type, 'None');
  assert.equal((await watch.next()).value?.path, '/after');
});

test('it ends after the events that wait already', async () => {
  let ended = 0;
  const watch = new Watch('/', 3);
  watch.start(
    Promise.resolve(),
    () => assert.fail('the session is over'),
    () => ended++,
  );
  watch.push(event('/1'));
  watch.finish(new Error('lost'), true);
  watch.push(event('/2'));
  assert.equal((await watch.next()).value?.path, '/1');
  await assert.rejects(watch.next(), /lost/);
  assert.deepEqual(await watch.next(), over);
  assert.deepEqual(await watch.return(), over);
  assert.equal(ended, 1);
});

test('of several consumers that wait, the first learns the reason', async () => {
  const watch = new Watch('/', 3);
  const waiting = [watch.next(), watch.next()] as const;
  watch.finish(new Error('lost'), true);
  await assert.rejects(waiting[0], /lost/);
  assert.deepEqual(await waiting[1], over);
});

test('return drops what waits and takes the watch away once', async () => {
  let unwatched = 0;
  const watch = new Watch('/', 3);
  const unwatch = async () => {
    unwatched++;
  };
  watch.start(Promise.resolve(), unwatch, () => undefined);
  watch.push(event('/1'));
  await watch.return();
  await watch[Symbol.asyncDispose]();
  assert.deepEqual(await watch.next(), over);
  assert.equal(unwatched, 1);
});

test('a watch removed by the program ends without an error', async () => {
  const watch = new Watch('/', 3);
  const next = watch.next();
  watch.push(event('/', 'PersistentWatchRemoved'));
  assert.deepEqual(await next, over);
});

test('numbers nobody knows become None', () => {
  assert.deepEqual(watchEvent(99, 99, '/a', 5n), {
    type: 'None',
    state: 'SyncConnected',
    path: '/a',
    zxid: 5n,
  });
  assert.equal(watchEvent(2, -112, '/a', undefined).state, 'Expired');
});

test('listeners run later, in order, and not after they were taken off', async () => {
  const emitter = new Emitter<{ one: number; two: number }>();
  const seen: string[] = [];
  emitter.on('one', (value) => seen.push(`a${value}`));
  const off = emitter.on('one', (value) => seen.push(`b${value}`));
  emitter.on('two', (value) => seen.push(`c${value}`));
  const once = emitter.once('two');
  emitter.emit('one', 1);
  emitter.emit('two', 2);
  off();
  assert.deepEqual(seen, []);
  assert.equal(await once, 2);
  emitter.emit('two', 3);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(seen, ['a1', 'c2', 'c3']);
});
