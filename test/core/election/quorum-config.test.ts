// The configuration's text. The expected texts are those Java 3.8.0 prints for the same input
// (QuorumPeerConfig.parseDynamicConfig, then toString); the refused ones it refuses too, or fails on later. Whatever
// comes in is a configuration or a fault.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { QuorumConfig } from '../../../src/core/election/quorum-config.ts';
import {
  isConfigFault,
  isSameConfig,
  parseQuorumConfig,
  printQuorumConfig,
} from '../../../src/core/election/quorum-config.ts';
import { configOf } from './configs.ts';

function reprint(...lines: readonly string[]): string[] {
  return printQuorumConfig(configOf(lines.join('\n'))).split('\n');
}

test('numeric addresses in their long form, roles and client hosts filled in, several addresses by host', () => {
  const printed = reprint(
    'server.1=[::1]:2281:2381;[::1]:2181',
    'server.2=127.1:1:2:observer;5',
    'server.3=ABC.example.org:1:2',
    'server.4=[::ffff:1.2.3.4]:1:2',
    'server.5=fe80:1:2',
    'server.6=b:1:2:participant|a:3:4:participant;[2001:DB8::]:7',
    'version=a0F',
  );
  assert.deepEqual(printed, [
    'server.1=[0:0:0:0:0:0:0:1]:2281:2381:participant;[0:0:0:0:0:0:0:1]:2181',
    'server.2=127.0.0.1:1:2:observer;0.0.0.0:5',
    'server.3=ABC.example.org:1:2:participant',
    'server.4=1.2.3.4:1:2:participant',
    'server.5=fe80:1:2:participant',
    'server.6=a:3:4|b:1:2:participant;[2001:db8:0:0:0:0:0:0]:7',
    'version=a0f',
  ]);
});

test('groups, weights (1 where none is given) and members in the order of Java’s maps', () => {
  const printed = reprint(
    'group.1=1:2',
    'group.2=3:4',
    'weight.3=0',
    'server.1=a:1:2',
    'server.2=a:3:4',
    'server.3=b:1:2',
    'server.4=b:3:4',
    'server.5=b:3:4:observer',
    'server.17=z:1:2:observer',
    'server.16=z:1:2:observer',
  );
  assert.deepEqual(printed, [
    'server.16=z:1:2:observer',
    'server.1=a:1:2:participant',
    'server.17=z:1:2:observer',
    'server.2=a:3:4:participant',
    'server.3=b:1:2:participant',
    'server.4=b:3:4:participant',
    'server.5=b:3:4:observer',
    'group.1=1:2',
    'group.2=3:4',
    'weight.1=1',
    'weight.2=1',
    'weight.3=0',
    'weight.4=1',
    'version=0',
  ]);
});

test('B.2 row 37, ZOOKEEPER-4787: names outside ASCII, spaces, comments and other separators', () => {
  assert.deepEqual(
    reprint('# ours', '', 'server.1 = é.example:1:2', '  server.2: [2001:db8::1%eth0]:1:2'),
    [
      'server.1=é.example:1:2:participant',
      'server.2=[2001:db8:0:0:0:0:0:1%eth0]:1:2:participant',
      'version=0',
    ],
  );
});

test('a secure client address, as 3.10 writes it, is kept', () => {
  const lines = ['server.1=a:1:2:participant;0.0.0.0:3;0.0.0.0:4', 'server.2=b:1:2:observer;;h:4'];
  assert.deepEqual(reprint(...lines), [...lines, 'version=0']);
});

test('what is no configuration is refused by the key that is wrong', () => {
  const good = 'server.1=a:1:2';
  const table: readonly (readonly [lines: readonly string[], key: string])[] = [
    [['server.1=a:1:1'], 'server.1'],
    [['server.1=a:1'], 'server.1'],
    [['server.1=:1:2'], 'server.1'],
    [['server.1=a:1:70000'], 'server.1'],
    [['server.1=a:1:2:leader'], 'server.1'],
    [['server.1=a:1:2:participant|b:1:2:observer'], 'server.1'],
    [['server.1=a:1:2;b:3:4'], 'server.1'],
    [['server.1=a:1:2;x'], 'server.1'],
    [['server.1=a:1:2;1;2;3'], 'server.1'],
    [['server.1=[::1:2281:2381'], 'server.1'],
    [['server.1=[1:2:3]:2281:2381'], 'server.1'],
    [['server.1=[::1::]:2281:2381'], 'server.1'],
    [['server.1=[1:2:3:4:5:6:7:8:9]:1:2'], 'server.1'],
    [['server.1=[::1.2.3.999]:1:2'], 'server.1'],
    [['server.1=a:1:2:observer'], 'server'],
    [['version=0'], 'server'],
    [[good, 'server.x=a:1:2'], 'server.x'],
    [[good, 'server.9223372036854775807=a:1:2'], 'server.9223372036854775807'],
    [[good, 'version=ffffffffffffffff'], 'version'],
    [[good, 'version=x'], 'version'],
    [[good, 'dataDir=/tmp'], 'dataDir'],
    [[good, 'weight.1=1'], 'server.1'],
    [[good, 'group.1=1', 'weight.1=-1'], 'weight.1'],
    [[good, 'group.1=1', 'weight.1=2147483648'], 'weight.1'],
    [[good, 'group.1=1:1'], 'group.1'],
    [[good, 'group.1=1:2'], 'group.1'],
    [[good, 'group.1=a'], 'group.1'],
    [[good, 'group.1=1', 'server.2=a:1:2'], 'server.2'],
    [['server.1=a\\u0041:1:2'], 'server.1'],
    [['nothing'], 'nothing'],
  ];
  for (const [lines, key] of table) {
    const result = parseQuorumConfig(lines.join('\n'));
    assert(isConfigFault(result), `${lines.join(' ')} must be refused`);
    assert.equal(result.key, key);
  }
});

test('any text is a configuration or a fault, and what is printed reads back the same', () => {
  const piece = fc.constantFrom(
    ...['server.', 'group.', 'weight.', 'version=', '1', '22', '=', ':', '|', ';', '\n', '[', ']'],
    ...['::1', 'a', '127.1', 'observer', ':1:2', ' ', '\\', '#', '\u0000', 'é', '%'],
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
    fc.array(piece, { maxLength: 12 }).map((pieces) => `server.1=a:1:2\n${pieces.join('')}`),
  );
  fc.assert(
    fc.property(text, (input) => {
      const config = parseQuorumConfig(input);
      if (isConfigFault(config)) return;
      const printed = printQuorumConfig(config);
      assert.equal(printQuorumConfig(configOf(printed)), printed);
    }),
    { seed: 3, numRuns: 3000 },
  );
});

test('configurations are the same by version alone, else by members, groups and weights', () => {
  const parse = (version: number, ...lines: readonly string[]): QuorumConfig => {
    return configOf([...lines, `version=${version}`].join('\n'));
  };
  const base = ['server.1=a:1:2', 'server.2=B:1:2|c:3:4'];
  const same = (...lines: readonly string[]): boolean => {
    return isSameConfig(parse(1, ...base), parse(2, ...lines));
  };
  assert.equal(isSameConfig(parse(1, ...base), parse(1, 'server.9=x:1:2')), true);
  assert.equal(same('server.2=c:3:4|b:1:2:participant', 'server.1=a:1:2'), true);
  assert.equal(same('server.2=b:1:4|c:3:2', 'server.1=a:1:2'), false);
  assert.equal(same('server.1=a:1:2'), false);
  assert.equal(same('server.1=a:1:2', 'server.3=B:1:2|c:3:4'), false);
  assert.equal(same('server.1=a:1:2;2181', 'server.2=B:1:2|c:3:4'), false);
  assert.equal(same('server.1=a:1:2:observer', 'server.2=B:1:2|c:3:4'), false);
  assert.equal(same(...base, 'group.1=1:2'), false);

  const grouped = (version: number, ...more: readonly string[]): QuorumConfig => {
    return parse(version, ...base, 'group.1=1', 'group.2=2', ...more);
  };
  assert.equal(isSameConfig(grouped(1), grouped(2, 'weight.1=1')), true);
  assert.equal(isSameConfig(grouped(1), grouped(2, 'weight.1=2')), false);
  assert.equal(isSameConfig(grouped(1), parse(2, ...base, 'group.1=1:2')), false);
});
