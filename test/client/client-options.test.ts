// The options of connecting, checked before anything is dialled: what is wrong is named, what is left out has its
// default. In: a connect string and options. Out: settings or BadArguments.
// Connect strings themselves: core/client/server-list.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectOptions } from '../../src/client/client-options.ts';
import { clientSettings } from '../../src/client/client-options.ts';
import { KeeperError } from '../../src/client/keeper-error.ts';

test('defaults', () => {
  const { chroot, ...rest } = clientSettings('a,b:2182,[::1]:2183/x', {});
  assert.equal(chroot.path, '/x');
  assert.deepEqual(rest, {
    servers: [
      { host: 'a', port: 2181 },
      { host: 'b', port: 2182 },
      { host: '::1', port: 2183 },
    ],
    sessionTimeoutMs: 30_000,
    connectTimeoutMs: 30_000,
    requestTimeoutMs: 0,
    auth: [],
    readOnly: false,
    session: undefined,
    lastZxid: 0n,
    juteMaxBuffer: 1_048_575,
    requestsMax: 1_000_000,
  });
});

const refused: readonly (readonly [string, ConnectOptions, RegExp])[] = [
  ['', {}, /no server in connect string/],
  ['a/x//y', {}, /chroot \/x\/\/y:/],
  ['a', { sessionTimeoutMs: 0 }, /sessionTimeoutMs 0 is not an integer from 1/],
  ['a', { connectTimeoutMs: -1 }, /connectTimeoutMs -1 is not an integer from 0/],
  ['a', { requestTimeoutMs: 1.5 }, /requestTimeoutMs 1\.5 is not an integer/],
  ['a', { requestsMax: 2 ** 31 }, /requestsMax 2147483648 is not an integer/],
  ['a', { lastZxid: -1n }, /lastZxid -1 is not a zxid/],
  ['a', { lastZxid: 2n ** 63n }, /lastZxid 9223372036854775808 is not a zxid/],
  ['a', { session: { id: 1n, password: new Uint8Array(15) } }, /password has 16 bytes, not 15/],
];
for (const [connectString, options, expected] of refused) {
  test(`refused: ${expected.source}`, () => {
    assert.throws(
      () => clientSettings(connectString, options),
      (error) =>
        error instanceof KeeperError &&
        error.code === 'BadArguments' &&
        expected.test(error.message),
    );
  });
}
