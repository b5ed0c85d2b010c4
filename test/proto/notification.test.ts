// The layouts of a notification, byte by byte, and every way in which one can be malformed: cut anywhere, with a length
// that cannot be, with a state that does not exist. Decoding gives a message or a verdict and never throws, because a
// receiver that throws is deaf.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeUtf8, encodeUtf8 } from '../../src/jute/utf8.ts';
import type { BadNotification, Notification } from '../../src/proto/notification.ts';
import {
  decodeNotification,
  encodeNotification,
  serverStates,
} from '../../src/proto/notification.ts';
import { copyBytes, hexOf } from '../../src/util/bytes.ts';

const vote = { leader: 3n, zxid: 0x200000005n, electionEpoch: 7n, peerEpoch: 2n };

function good(bytes: Uint8Array): Notification {
  const result = decodeNotification(bytes);
  if ('bad' in result) assert.fail(result.bad);
  return result;
}

function isBad(bytes: Uint8Array): boolean {
  const result: Notification | BadNotification = decodeNotification(bytes);
  return 'bad' in result;
}

test('encoded: 44 bytes and the configuration', () => {
  const bytes = encodeNotification(vote, 'LEADING', encodeUtf8('version=0'));
  assert.equal(
    hexOf(bytes),
    '000000020000000000000003000000020000000500000000000000070000000000000002' +
      '000000020000000976657273696f6e3d30',
  );
  assert.deepEqual(good(bytes), { ...vote, state: 'LEADING', version: 2, config: 'version=0' });
});

test('28 bytes: the epoch is that of the zxid', () => {
  const bytes = encodeNotification(vote, 'LOOKING', new Uint8Array(0)).subarray(0, 28);
  const expected = { ...vote, state: 'LOOKING', peerEpoch: 2n, version: 0, config: undefined };
  assert.deepEqual(good(bytes), expected);
});

test('40 bytes: the last word is ignored, whatever it is', () => {
  const bytes = copyBytes(encodeNotification(vote, 'FOLLOWING', new Uint8Array(0)), 0, 40);
  assert.deepEqual(good(bytes), {
    ...vote,
    state: 'FOLLOWING',
    version: 0,
    config: undefined,
  });
});

test('more than 40 bytes: versions 0 and 1 carry no configuration, 2 and above do', () => {
  const bytes = encodeNotification(vote, 'FOLLOWING', encodeUtf8('abc'));
  const view = new DataView(bytes.buffer);
  for (const version of [-1, 0, 1, 2, 3, 0x7fffffff]) {
    view.setInt32(36, version);
    const said = good(bytes);
    assert.equal(said.version, version);
    assert.equal(said.config, version >= 2 ? 'abc' : undefined);
  }
});

test('bytes behind the configuration are ignored', () => {
  const bytes = new Uint8Array(60);
  bytes.set(encodeNotification(vote, 'LOOKING', encodeUtf8('abc')));
  assert.equal(good(bytes).config, 'abc');
});

test('B.2 row 37, ZOOKEEPER-4787: a configuration is UTF-8 whatever the platform', () => {
  const text = 'server.1=bücher.example:2888:3888:participant\nversion=0';
  assert.equal(good(encodeNotification(vote, 'LOOKING', encodeUtf8(text))).config, text);
});

test('states beyond the four are no state', () => {
  const bytes = encodeNotification(vote, 'LOOKING', new Uint8Array(0));
  const view = new DataView(bytes.buffer);
  for (const [number, state] of serverStates.entries()) {
    view.setInt32(0, number);
    assert.equal(good(bytes).state, state);
  }
  for (const number of [-1, 4, 0x7fffffff, -0x80000000]) {
    view.setInt32(0, number);
    assert.equal(good(bytes).state, undefined);
  }
});

test('B.2 row 35, ZOOKEEPER-3769: cut at any length, the verdict is right and nothing throws', () => {
  const bytes = encodeNotification(vote, 'LOOKING', encodeUtf8('version=0'));
  for (let length = 0; length <= bytes.length; length++) {
    const whole = length === 28 || length === 40 || length === bytes.length;
    assert.equal(isBad(bytes.subarray(0, length)), !whole, `${length} bytes`);
  }
});

test('B.2 row 35, ZOOKEEPER-4247: a configuration of impossible length is refused', () => {
  const bytes = encodeNotification(vote, 'LOOKING', encodeUtf8('version=0'));
  const view = new DataView(bytes.buffer);
  for (const length of [-1, -0x80000000, 10, bytes.length, 0x7fffffff]) {
    view.setInt32(40, length);
    assert.equal(isBad(bytes), true, `${length}`);
  }
});

test('random bytes never throw, and what is decoded encodes to the same message', () => {
  const bytes = fc.uint8Array({ maxLength: 120 });
  const nearlyRight = fc
    .tuple(fc.uint8Array({ minLength: 60, maxLength: 60 }), fc.nat(3), fc.nat(20))
    .map(([random, version, configLength]) => {
      const view = new DataView(random.buffer);
      view.setInt32(36, version);
      view.setInt32(40, configLength);
      return random;
    });
  fc.assert(
    fc.property(fc.oneof(bytes, nearlyRight), (input) => {
      const result = decodeNotification(input);
      if ('bad' in result || result.state === undefined) return;
      const config = encodeUtf8(result.config ?? '');
      const again = good(encodeNotification(result, result.state, config));
      const text = decodeUtf8(config, 0, config.length);
      assert.deepEqual(again, { ...result, version: 2, config: text });
    }),
    { seed: 14, numRuns: 5000 },
  );
});
