// Who may do what: the permission check over schemes, the cleaning of new lists, what
// auth packets prove, and the addresses of the ip scheme. The digests are those that
// Java's own tool prints.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { AuthOptions } from '../../../src/core/tree/acl.ts';
import {
  allows,
  authenticate,
  digestIdOf,
  fixupAcl,
  maskDigestIds,
  normalizeAddress,
} from '../../../src/core/tree/acl.ts';
import { isIpAcl, matchesIpAcl } from '../../../src/core/tree/ip-address.ts';
import { encodeUtf8 } from '../../../src/jute/utf8.ts';
import type { ACL, Id } from '../../../src/proto/data.ts';
import { creatorAllAcl, openAcl, Perms, readAcl } from '../../../src/proto/data.ts';

const id = (scheme: string, text: string): Id => ({ scheme, id: text });
const entry = (perms: number, scheme: string, text: string): ACL => ({
  perms,
  id: id(scheme, text),
});

const user1 = 'user1:+owfoSBn/am19roBPzR1/MfCblE=';
const superAdmin = 'super:xQJmxLMiHGwaqBvst5y6rkB6HQs=';
const local = id('ip', '127.0.0.1');
const on = { digestEnabled: true };
const options: AuthOptions = {
  digestEnabled: true,
  digestAlg: 'SHA1',
  superDigest: superAdmin,
  hash: (algorithm, bytes) =>
    algorithm === 'SHA1' ? new Uint8Array(createHash('sha1').update(bytes).digest()) : undefined,
};

test('the permission check', () => {
  const rows: ReadonlyArray<readonly [readonly ACL[], number, readonly Id[], boolean]> = [
    [[], Perms.READ, [], true],
    [openAcl, Perms.ADMIN, [], true],
    [readAcl, Perms.READ, [local], true],
    [readAcl, Perms.WRITE, [local], false],
    [readAcl, Perms.READ | Perms.WRITE, [local], true],
    [[entry(31, 'world', 'someone')], Perms.READ, [local], false],
    [[entry(31, 'digest', user1)], Perms.READ, [local], false],
    [[entry(31, 'digest', user1)], Perms.READ, [local, id('digest', user1)], true],
    [[entry(31, 'digest', user1)], Perms.READ, [id('digest', superAdmin)], false],
    [[entry(31, 'digest', user1)], Perms.READ, [id('super', '')], true],
    [[entry(0, 'digest', user1)], Perms.READ, [id('super', 'x')], true],
    [[entry(31, 'ip', '127.0.0.0/8')], Perms.READ, [local], true],
    [[entry(31, 'ip', '128.0.0.0/8')], Perms.READ, [local], false],
    [[entry(31, 'sasl', 'bob')], Perms.READ, [id('sasl', 'bob')], false],
    [[entry(31, 'auth', '')], Perms.READ, [id('digest', user1)], false],
    [[entry(1, 'world', 'anyone'), entry(2, 'digest', user1)], Perms.WRITE, [local], false],
    [[entry(1, 'world', 'anyone'), entry(2, 'ip', '127.0.0.1')], Perms.WRITE, [local], true],
  ];
  for (const [acl, perms, ids, expected] of rows) {
    assert.equal(allows(acl, perms, ids), expected, JSON.stringify({ acl, perms, ids }));
  }
});

test('new lists: what is kept, what is refused', () => {
  const digest = id('digest', user1);
  const rows: ReadonlyArray<
    readonly [readonly ACL[] | null, readonly Id[], readonly ACL[] | undefined]
  > = [
    [null, [digest], undefined],
    [[], [digest], undefined],
    [openAcl, [], openAcl],
    [[...openAcl, ...readAcl, ...openAcl], [], [...openAcl, ...readAcl]],
    [creatorAllAcl, [local], undefined],
    [creatorAllAcl, [local, digest, id('super', '')], [entry(31, 'digest', user1)]],
    [
      [entry(3, 'auth', 'ignored')],
      [digest, id('digest', superAdmin)],
      [entry(3, 'digest', user1), entry(3, 'digest', superAdmin)],
    ],
    [
      [entry(31, 'auth', ''), entry(31, 'digest', user1)],
      [digest],
      [entry(31, 'digest', user1), entry(31, 'digest', user1)],
    ],
    [[entry(31, 'world', 'someone')], [], undefined],
    [[entry(31, 'sasl', 'bob')], [id('sasl', 'bob')], undefined],
    [[entry(31, 'x509', 'CN=bob')], [], undefined],
    [[entry(31, 'super', '')], [id('super', '')], undefined],
    [[entry(31, '', '')], [], undefined],
    [[entry(31, 'ip', '10.0.0.0/8')], [], [entry(31, 'ip', '10.0.0.0/8')]],
    [[entry(31, 'ip', '10.0.0.0/33')], [], undefined],
    [[...openAcl, entry(31, 'digest', 'nocolon')], [], undefined],
    [[entry(31, 'digest', 'a:b:c')], [], undefined],
    [[entry(31, 'digest', 'a:')], [], undefined],
    [[entry(31, 'digest', ':')], [], undefined],
    [[entry(31, 'digest', '')], [], undefined],
    [[entry(31, 'digest', ':b')], [], [entry(31, 'digest', ':b')]],
    [[entry(31, 'digest', 'a:b::')], [], [entry(31, 'digest', 'a:b::')]],
  ];
  for (const [acl, ids, expected] of rows) {
    assert.deepEqual(fixupAcl(acl, ids, on), expected, JSON.stringify({ acl, ids }));
  }
});

test('without the digest provider its scheme is unknown', () => {
  const off = { ...options, digestEnabled: false };
  assert.equal(fixupAcl([entry(31, 'digest', user1)], [], off), undefined);
  assert.equal(fixupAcl(creatorAllAcl, [id('digest', user1)], off), undefined);
  assert.equal(authenticate('digest', encodeUtf8('user1:12345'), off), undefined);
});

test('`auth` cannot multiply a list without bound, and long lists are cleaned in linear time', () => {
  const many = Array.from({ length: 80_000 }, (_, i) => entry(i, 'auth', ''));
  const ids = Array.from({ length: 1000 }, (_, i) => id('digest', `u${i}:x`));
  assert.equal(fixupAcl(many, ids, on), undefined);
  assert.equal(fixupAcl(many, ids.slice(0, 1), on)?.length, 80_000);
});

test('what an auth packet proves', () => {
  const said = (scheme: string, text: string, with_ = options) =>
    authenticate(scheme, encodeUtf8(text), with_);
  assert.deepEqual(said('digest', 'user1:12345'), [id('digest', user1)]);
  assert.deepEqual(said('digest', 'super:admin'), [id('super', ''), id('digest', superAdmin)]);
  assert.deepEqual(said('digest', 'super:admin', { ...options, superDigest: undefined }), [
    id('digest', superAdmin),
  ]);
  assert.deepEqual(said('ip', 'anything'), []);
  for (const scheme of ['world', 'super', 'auth', 'sasl', 'x509', '', 'constructor']) {
    assert.equal(said(scheme, 'user1:12345'), undefined);
  }
  assert.equal(said('digest', 'a:b', { ...options, digestAlg: 'none' }), undefined);
});

test('digest ids', () => {
  assert.equal(digestIdOf('user1:12345', options), user1);
  for (const text of ['', 'a', 'a:b:c', ':', 'ü:ß']) {
    const sha = createHash('sha1').update(text).digest('base64');
    assert.equal(digestIdOf(text, options), `${text.split(':')[0]}:${sha}`);
  }
  for (const length of [0, 1, 2, 3, 4, 31, 32, 64]) {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 37);
    const shown = digestIdOf('u', { digestAlg: '', hash: () => bytes });
    assert.equal(shown, `u:${Buffer.from(bytes).toString('base64')}`);
  }
});

test('digests are hidden, other ids are not', () => {
  const acl = [
    entry(1, 'digest', user1),
    entry(2, 'ip', '::1'),
    entry(3, 'digest', 'odd'),
    ...openAcl,
  ];
  assert.deepEqual(maskDigestIds(acl), [
    entry(1, 'digest', 'user1:x'),
    entry(2, 'ip', '::1'),
    entry(3, 'digest', 'odd'),
    ...openAcl,
  ]);
});

test('well-formed ids of the ip scheme', () => {
  const good = [
    '1.2.3.4',
    '0.0.0.0/0',
    '1.2.3.4/32',
    '+1.02.3.-0',
    '::',
    '::1',
    '1::',
    'fe80::1/10',
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:8/128',
    'ABCD::ef01',
    '1:2:3:4:5:6:7::',
  ];
  const bad = [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1.2.3.-1',
    '1.2.3.',
    '1.2.3.4/',
    '1.2.3.4/33',
    '1.2.3.4/-1',
    '1.2.3.4/8/9',
    'a.b.c.d',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'g::',
    '::/129',
    '::ffff:1.2.3.4',
    'fe80::1%eth0',
    '::+1',
    '1.2.3.99999999999',
  ];
  for (const text of good) assert.equal(isIpAcl(text), true, text);
  for (const text of bad) assert.equal(isIpAcl(text), false, text);
});

test('addresses in networks', () => {
  const rows: ReadonlyArray<readonly [address: string, acl: string, expected: boolean]> = [
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.4', false],
    ['10.1.2.3', '10.1.2.4/31', false],
    ['10.1.2.5', '10.1.2.4/31', true],
    ['10.1.2.3', '10.255.0.0/8', true],
    ['10.1.2.3', '0.0.0.0/0', true],
    ['10.127.0.0', '10.0.0.0/9', true],
    ['10.128.0.0', '10.0.0.0/9', false],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['0:0:0:0:0:0:0:1', '::/0', true],
    ['fe80:0:0:0:1:2:3:4%eth0', 'fe80::/10', true],
    ['fec0:0:0:0:1:2:3:4', 'fe80::/10', false],
    ['10.1.2.3', '::/0', false],
    ['::1', '0.0.0.0/0', false],
    ['10.1.2.3', 'nonsense', false],
    ['nonsense', '0.0.0.0/0', false],
    ['nonsense', 'nonsense', false],
  ];
  for (const [address, acl, expected] of rows) {
    assert.equal(matchesIpAcl(address, acl), expected, `${address} ${acl}`);
  }
});

test('addresses as Java names them', () => {
  const rows: ReadonlyArray<readonly [string, string]> = [
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::FFFF:10.0.0.1', '10.0.0.1'],
    ['::ffff:7f00:1', '127.0.0.1'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['2001:DB8::ff', '2001:db8:0:0:0:0:0:ff'],
    ['fe80::1%eth0', 'fe80:0:0:0:0:0:0:1%eth0'],
    ['', ''],
    ['nonsense', 'nonsense'],
    [':::', ':::'],
  ];
  for (const [text, expected] of rows) assert.equal(normalizeAddress(text), expected);
});
