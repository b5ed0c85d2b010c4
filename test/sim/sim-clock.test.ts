// The event queue of a simulated world: time order, ties, cancelled events, and what ends a run. Everything else in the
// simulator rests on these orders being the same in every run: so ties are tried with and without a seed, and a run
// that never ends must be told from one that is long.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimClock } from '../../src/sim/sim-clock.ts';
import { Prng } from '../../src/util/prng.ts';

test('events run by time, equal times in the order they were asked for', () => {
  const clock = new SimClock();
  const ran: string[] = [];
  const note = (name: string) => () => ran.push(`${name} at ${clock.now}`);
  clock.at(5, note('b'));
  clock.at(1, note('a'));
  clock.after(5, note('c'));
  clock.at(-3, note('past'));
  assert.deepEqual(ran, [], 'nothing runs inside the call');
  assert.equal(clock.run({}), 'idle');
  assert.deepEqual(ran, ['past at 0', 'a at 1', 'b at 5', 'c at 5']);
  assert.equal(clock.events, 4);
});

test('ties are drawn from the seed: another seed another order, the same seed the same', () => {
  const order = (seed: number): string => {
    const clock = new SimClock(new Prng(seed));
    const ran: number[] = [];
    for (let i = 0; i < 8; i++) clock.at(1, () => ran.push(i));
    clock.run({});
    assert.equal(ran.length, 8);
    return ran.join();
  };
  assert.equal(order(1), order(1));
  assert.ok(new Set([1, 2, 3, 4, 5].map(order)).size > 1);
});

test('a cancelled event does not run, also when its time has come', () => {
  const clock = new SimClock();
  const ran: string[] = [];
  const second = clock.at(1, () => ran.push('second'));
  clock.at(0.5, () => {
    second.cancelled = true;
  });
  clock.run({});
  assert.deepEqual(ran, []);
  assert.equal(clock.now, 0.5);
});

test('a run ends at a time, at a condition, or by its limit', () => {
  const clock = new SimClock();
  let ticks = 0;
  const tick = (): void => {
    ticks++;
    clock.after(10, tick);
  };
  clock.after(10, tick);
  assert.equal(clock.run({ time: 35 }), 'time');
  assert.deepEqual([ticks, clock.now], [3, 35]);
  assert.equal(clock.run({ until: () => ticks === 5 }), 'reached');
  assert.equal(clock.now, 50);
  assert.throws(() => clock.run({ eventsMax: 100 }), /still busy after 100 events/);
});
