// The event loop of a simulated process against what Node promises: the input that is ready comes before the end of the
// turn, timers are never early, time goes by while it works; and what signals do to it. The server's driver relies on
// each of these (a paused process must read the pings that wait before it expires anybody).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimClock } from '../../src/sim/sim-clock.ts';
import { SimProcess, usualSpeed } from '../../src/sim/sim-process.ts';
import { Prng } from '../../src/util/prng.ts';

interface Loop {
  readonly world: SimClock;
  readonly process: SimProcess;
  readonly ran: string[];
}

function makeLoop(speed = {}): Loop {
  const world = new SimClock();
  const chance = new Prng(1);
  const process = new SimProcess(
    'p',
    world,
    chance,
    { ...usualSpeed, ...speed },
    (now) => 1e6 + now,
  );
  return { world, process, ran: [] };
}

test('a turn: timers that are due, then the input that waits, then the end of the turn', () => {
  const { world, process, ran } = makeLoop({ timerLateMs: 0 });
  process.clock.schedule(5, () => ran.push('timer'));
  process.spend(20);
  world.at(3, () => {
    process.post(() => {
      ran.push('input 1');
      process.clock.endOfTurn(() => ran.push('end of turn'));
    });
    process.post(() => ran.push('input 2'));
  });
  world.run({});
  assert.deepEqual(ran, ['timer', 'input 1', 'input 2', 'end of turn']);
});

test('what is asked for at the end of a turn runs in the next, behind its input', () => {
  const { world, process, ran } = makeLoop();
  process.post(() => {
    process.clock.endOfTurn(() => {
      ran.push('end 1');
      process.clock.endOfTurn(() => ran.push('end 2'));
      process.post(() => ran.push('input'));
    });
  });
  world.run({});
  assert.deepEqual(ran, ['end 1', 'input', 'end 2']);
});

test('timers are not early by the own clock, whether it runs fast or slow', () => {
  for (const rate of [0.9, 1, 1.1]) {
    const { world, process } = makeLoop({ rate });
    const late: number[] = [];
    for (const delay of [0, 0.5, 1, 7, 1000]) {
      const from = process.clock.now();
      process.clock.schedule(delay, () => late.push(process.clock.now() - from - delay));
    }
    world.run({});
    assert.equal(late.length, 5);
    assert.ok(
      late.every((ms) => ms >= 0),
      `rate ${rate}: ${late.join(' ')}`,
    );
  }
});

test('a cancelled timer does not run, even when it is due in this turn', () => {
  const { world, process, ran } = makeLoop({ timerLateMs: 0 });
  const second = process.clock.schedule(5, () => ran.push('second'));
  process.clock.schedule(4, () => second.cancel());
  process.spend(10);
  world.run({});
  assert.deepEqual(ran, []);
});

test('time goes by while it works, and never back', () => {
  const { world, process } = makeLoop({ callbackMs: 1, lookMs: 0.5 });
  const times: number[] = [];
  const look = (): void => {
    times.push(process.clock.now(), process.clock.now());
    if (times.length < 10) process.clock.endOfTurn(look);
  };
  process.post(look);
  process.post(() => process.spend(20));
  world.run({});
  times.push(process.clock.now());
  for (let i = 1; i < times.length; i++)
    assert.ok(times[i]! > times[i - 1]! - 1e-9, times.join(' '));
  assert.ok(times.at(-1)! > 20);
});

test('paused it runs nothing; resumed it finds all that came, timers first', () => {
  const { world, process, ran } = makeLoop();
  process.clock.schedule(5, () => ran.push('timer'));
  process.pause();
  world.at(3, () => process.post(() => ran.push('input')));
  world.run({ time: 100 });
  assert.deepEqual(ran, []);
  process.resume();
  world.run({});
  assert.deepEqual(ran, ['timer', 'input']);
});

test('killed it runs nothing more, not even the rest of its turn', () => {
  const { world, process, ran } = makeLoop();
  process.clock.schedule(1, () => ran.push('timer'));
  process.post(() => {
    ran.push('input');
    process.clock.endOfTurn(() => ran.push('end'));
    process.kill();
  });
  process.post(() => ran.push('more input'));
  world.run({});
  assert.deepEqual(ran, ['input']);
});

test('what it throws ends it and is told', () => {
  const { world, process, ran } = makeLoop();
  process.onThrown = (error) => ran.push(String(error));
  process.post(() => {
    throw new Error('thrown');
  });
  process.post(() => ran.push('more'));
  world.run({});
  assert.deepEqual(ran, ['Error: thrown']);
  assert.equal(process.isAlive, false);
});
