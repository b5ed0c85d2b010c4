// Sessions: buckets and their rounding, clocks that jump either way, ids that never
// repeat, and long random runs against a model that knows of each session only when it
// falls due.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Session } from '../../../src/core/session/session-tracker.ts';
import { SessionTracker } from '../../../src/core/session/session-tracker.ts';

const tick = 2000;
const year = 365 * 86_400_000;

function newTracker(now = 0, wallTime = 1_700_000_000_000, serverId = 1): SessionTracker {
  return new SessionTracker({ tickTimeMs: tick, serverId, wallTime, now });
}

const ids = (sessions: readonly Session[]) => sessions.map(({ id }) => id);

test('a session expires at the tick after its timeout, once', () => {
  const tracker = newTracker(100);
  assert.equal(tracker.deadline, undefined);
  const session = tracker.create(5000, 100);
  assert.equal(tracker.deadline, 6000);
  assert.deepEqual(tracker.expireDue(5999), []);
  assert.equal(tracker.touch(session, 1000), true);
  assert.equal(tracker.deadline, 8000);
  assert.deepEqual(tracker.expireDue(8000), [session]);
  assert.equal(session.closing, true);
  assert.equal(tracker.touch(session, 8000), false);
  assert.deepEqual(tracker.expireDue(1e9), []);
  assert.equal(tracker.get(session.id), session);
  tracker.remove(session.id);
  assert.equal(tracker.get(session.id), undefined);
  assert.equal(tracker.count, 0);
  tracker.remove(session.id);
});

test('a timeout that ends exactly at a tick lasts until the next one', () => {
  const tracker = newTracker();
  tracker.create(4000, 0);
  assert.equal(tracker.deadline, 6000);
});

test('a session that is closing is not expired as well', () => {
  const tracker = newTracker();
  const session = tracker.create(4000, 0);
  session.closing = true;
  assert.deepEqual(tracker.expireDue(1e6), []);
  assert.equal(tracker.touch(session, 1e6), false);
});

test('a removed session stays removed, whoever still holds it', () => {
  const tracker = newTracker();
  const session = tracker.create(4000, 0);
  tracker.remove(session.id);
  assert.equal(tracker.touch(session, 10), false);
  assert.equal(tracker.deadline, undefined);
});

test('adding a known session renews it with the new timeout', () => {
  const tracker = newTracker();
  const session = tracker.add(77n, 4000, 0);
  session.owner = tracker;
  assert.equal(tracker.add(77n, 40_000, 1000), session);
  assert.equal(session.timeoutMs, 40_000);
  assert.equal(session.owner, tracker);
  assert.equal(tracker.deadline, 42_000);
  assert.equal(tracker.count, 1);
});

test('late calls catch up with every bucket, in order of time', () => {
  const tracker = newTracker();
  const sessions = [30_000, 4000, 12_000, 4000].map((timeout) => tracker.create(timeout, 0));
  const due = tracker.expireDue(20_000);
  assert.deepEqual(new Set(ids(due.slice(0, 2))), new Set(ids([sessions[1]!, sessions[3]!])));
  assert.equal(due[2], sessions[2]);
  assert.equal(due.length, 3);
  assert.deepEqual(tracker.expireDue(32_000), [sessions[0]]);
});

test('a clock that leaps ten years expires everybody, and goes on', () => {
  const tracker = newTracker();
  const old = tracker.create(30_000, 0);
  assert.deepEqual(tracker.expireDue(10 * year), [old]);
  const young = tracker.create(30_000, 10 * year);
  assert.deepEqual(tracker.expireDue(10 * year), []);
  assert.deepEqual(tracker.expireDue(10 * year + 40_000), [young]);
});

test('a clock that runs backwards hides nobody', () => {
  const tracker = newTracker(10 * year);
  const session = tracker.create(30_000, 10 * year);
  tracker.touch(session, 0);
  const other = tracker.create(4000, 5000);
  assert.ok((tracker.deadline ?? 0) > 10 * year);
  const due = tracker.expireDue(10 * year + 60_000);
  assert.deepEqual(new Set(due), new Set([session, other]));
});

test('ids begin with the server and the wall clock, and count up', () => {
  const tracker = newTracker(0, 0x123456789a, 5);
  assert.equal(tracker.create(4000, 0).id, 0x05123456789a0000n);
  assert.equal(tracker.create(4000, 0).id, 0x05123456789a0001n);
  const high = newTracker(0, 0x123456789a, 200);
  assert.equal(high.create(4000, 0).id, BigInt.asIntN(64, 0xc8123456789a0000n));
});

test('ids seen on disk or in the log are not given again', () => {
  const tracker = newTracker(0, 1000, 1);
  const first = (1n << 56n) | (1000n << 16n);
  tracker.add(first, 4000, 0);
  assert.equal(tracker.create(4000, 0).id, first + 1n);
  tracker.noteUsedId(first + 50n);
  assert.equal(tracker.create(4000, 0).id, first + 51n);
  tracker.noteUsedId(first + 10n);
  tracker.noteUsedId((2n << 56n) | (5000n << 16n));
  assert.equal(tracker.create(4000, 0).id, first + 52n);
});

test('ids at the end of the range begin again, and avoid the forbidden and the taken', () => {
  const zero = newTracker(0, 0, 0);
  assert.equal(zero.create(4000, 0).id, 1n);
  assert.equal(newTracker(0, 0, 128).create(4000, 0).id, -0x7fffffffffffffffn);
  const tracker = newTracker(0, 1000, 0);
  tracker.add(1n, 4000, 0);
  tracker.noteUsedId((1n << 56n) - 1n);
  assert.equal(tracker.create(4000, 0).id, 2n);
});

test('ids never repeat over restarts, for any server and any date, as long as the log is read', () => {
  const run = fc.record({ wallTime: fc.nat(5 * 1e12), creations: fc.integer({ min: 1, max: 40 }) });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 255 }),
      fc.array(run, { maxLength: 8 }),
      (serverId, runs) => {
        const seen = new Set<bigint>();
        for (const { wallTime, creations } of runs) {
          const tracker = newTracker(0, wallTime, serverId);
          for (const id of seen) tracker.noteUsedId(id);
          for (let i = 0; i < creations; i++) {
            const { id } = tracker.create(4000, 0);
            assert.equal(seen.has(id), false);
            assert.equal(BigInt.asUintN(64, id) >> 56n, BigInt(serverId));
            assert.equal(BigInt.asIntN(64, id), id);
            seen.add(id);
          }
        }
      },
    ),
    { seed: 6, numRuns: 500 },
  );
});

test('against a model: who is touched lives, who is not expires in its bucket', () => {
  const bucketOf = (at: number) => (Math.floor(at / tick) + 1) * tick;
  const step = fc.record({
    do: fc.constantFrom('create', 'touch', 'touch', 'touch', 'remove', 'pass', 'pass'),
    which: fc.nat(),
    ms: fc.integer({ min: 1, max: 9000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      let now = 12_345.5;
      const tracker = newTracker(now);
      const due = new Map<Session, number>();
      for (const { do: what, which, ms } of steps) {
        const known = [...due.keys()];
        const session = known[which % Math.max(1, known.length)];
        if (what === 'create') {
          due.set(tracker.create(ms, now), bucketOf(now + ms));
        } else if (what === 'pass') {
          now += ms;
          const expired = new Set(tracker.expireDue(now));
          for (const [one, at] of due) {
            assert.equal(expired.has(one), at <= now);
            if (at <= now) tracker.remove(one.id);
            if (at <= now) due.delete(one);
          }
        } else if (session !== undefined && what === 'touch') {
          assert.equal(tracker.touch(session, now), true);
          due.set(session, bucketOf(now + session.timeoutMs));
        } else if (session !== undefined) {
          tracker.remove(session.id);
          due.delete(session);
        }
        assert.equal(tracker.deadline, due.size === 0 ? undefined : Math.min(...due.values()));
        assert.equal(tracker.count, due.size);
        assert.deepEqual(new Set(tracker), new Set(due.keys()));
      }
    }),
    { seed: 7, numRuns: 300 },
  );
});
