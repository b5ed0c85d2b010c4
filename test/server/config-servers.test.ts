// `server.N=` lines as Java's QuorumPeer.QuorumServer reads them: every optional part, IPv6 in brackets, several
// addresses, and each way to get one wrong.
// Names are not looked up, so none of these needs a network.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseServerLine } from '../../src/server/config-servers.ts';

test('every form', () => {
  const address = { host: 'h', quorumPort: 2888, electionPort: 3888 };
  const plain = { sid: 1, addresses: [address], role: 'participant' };
  const none = { clientAddress: undefined, clientPort: undefined };
  const parse = (value: string) => parseServerLine('server.1', value);
  assert.deepEqual(parse('h:2888:3888'), { ...plain, ...none });
  assert.deepEqual(parse('h:2888:3888;'), { ...plain, ...none });
  assert.deepEqual(parse('h:2888:3888:OBSERVER'), { ...plain, ...none, role: 'observer' });
  assert.deepEqual(parse('h:2888:3888:participant;2181'), { ...plain, ...none, clientPort: 2181 });
  assert.deepEqual(parse('h:2888:3888;[::1]:2181'), {
    ...plain,
    clientAddress: '::1',
    clientPort: 2181,
  });
  assert.deepEqual(parse('h:2888:3888|[fe80::2]:1:2;a.b:3'), {
    ...plain,
    addresses: [address, { host: 'fe80::2', quorumPort: 1, electionPort: 2 }],
    clientAddress: 'a.b',
    clientPort: 3,
  });
  assert.equal(parseServerLine('server.0', 'h:1:2').sid, 0);
});

test('each wrong form is named with its key', () => {
  for (const value of [
    '',
    'h',
    'h:2888',
    ':1:2',
    'h:1:2:participant:x',
    'h:1:2:leader',
    'h:1:1',
    'h:x:2',
    'h:1:70000',
    'h:1:2;1;2',
    'h:1:2;a:b:3',
    'h:1:2;port',
    'h:1:2|',
    'h:1:2:observer|g:1:2:participant',
    '[::1:2:3',
  ]) {
    assert.throws(
      () => parseServerLine('server.1', value),
      { name: 'ConfigError', key: 'server.1' },
      value,
    );
  }
  assert.throws(() => parseServerLine('server.one', 'h:1:2'), { key: 'server.one' });
  assert.throws(() => parseServerLine('server.', 'h:1:2'), { name: 'ConfigError' });
});
