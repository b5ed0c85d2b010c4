// Connect strings, taken apart or refused by name; and the order in which servers are tried. The tables hold one line
// for each form: what Java's ConnectStringParser takes is taken, but a bare IPv6 address, whose last group could be a
// port, must stand in brackets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseConnectString,
  ServerList,
  serverText,
} from '../../../src/core/client/server-list.ts';

const good: [text: string, servers: string, chroot: string][] = [
  ['localhost', 'localhost:2181', ''],
  ['127.0.0.1:3000', '127.0.0.1:3000', ''],
  ['a:1,b:2,c', 'a:1 b:2 c:2181', ''],
  [' a:1 , b:2 ', 'a:1 b:2', ''],
  ['a:1,', 'a:1', ''],
  ['[::1]', '[::1]:2181', ''],
  ['[2001:db8::1]:2182,a', '[2001:db8::1]:2182 a:2181', ''],
  ['a:1/app/one', 'a:1', '/app/one'],
  ['a/', 'a:2181', ''],
  ['a,b/app', 'a:2181 b:2181', '/app'],
];

for (const [text, servers, chroot] of good) {
  test(`"${text}" is ${servers} ${chroot}`, () => {
    const parsed = parseConnectString(text);
    assert.ok(typeof parsed !== 'string', String(parsed));
    assert.equal(parsed.servers.map(serverText).join(' '), servers);
    assert.equal(parsed.chroot, chroot);
  });
}

const bad: [text: string, reason: RegExp][] = [
  ['', /no server/],
  [',', /no server/],
  ['/app', /no server/],
  ['a:b', /"a:b"/],
  ['a:', /"a:"/],
  [':1', /":1"/],
  ['::1', /brackets|IPv6/],
  ['a:0', /port 0/],
  ['a:65536', /port 65536/],
  ['a:1:2', /"a:1:2"/],
  ['[::1', /"\[::1"/],
];

for (const [text, reason] of bad) {
  test(`"${text}" is refused`, () => {
    const parsed = parseConnectString(text);
    assert.ok(typeof parsed === 'string');
    assert.match(parsed, reason);
  });
}

test('the shuffle is by the chance given and keeps everybody', () => {
  const servers = Array.from({ length: 5 }, (_, i) => ({ host: `h${i}`, port: 1 }));
  const lap = (below: (limit: number) => number) => {
    const list = new ServerList(servers, below);
    return servers.map(() => list.next().host).join(' ');
  };
  assert.equal(
    lap((limit) => limit - 1),
    'h0 h1 h2 h3 h4',
  );
  assert.equal(
    lap(() => 0),
    'h1 h2 h3 h4 h0',
  );
  const list = new ServerList(servers, () => 0);
  list.next();
  list.prefer({ host: 'first', port: 9 });
  assert.deepEqual([list.next().host, list.next().host], ['first', 'h2']);
});
