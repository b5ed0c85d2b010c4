// Clock, Random, Dns, Hash, Codec and Environment: each promise of src/ports.ts that Node itself does not already
// keep. Digests and formats are compared with known answers.
// Gunzip meets every cut and some flipped bytes, because fflate alone notices few of them.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { nodeClock } from '../../src/node/node-clock.ts';
import { nodeCodec } from '../../src/node/node-codec.ts';
import { nodeDns, parseHosts } from '../../src/node/node-dns.ts';
import { nodeEnvironment } from '../../src/node/node-environment.ts';
import { nodeHash } from '../../src/node/node-hash.ts';
import { nodeRandom } from '../../src/node/node-random.ts';

describe('clock', () => {
  test('calls back not inside the call and not early', { timeout: 60_000 }, async () => {
    for (const delayMs of [-5, 0, 0.2, 1, 3.7, 12]) {
      const start = nodeClock.now();
      let inside = true;
      const elapsed = await new Promise<number>((resolve) => {
        nodeClock.schedule(delayMs, () => {
          assert.equal(inside, false);
          resolve(nodeClock.now() - start);
        });
        inside = false;
      });
      assert.ok(elapsed >= delayMs, `${elapsed} after ${delayMs}`);
    }
  });

  test('a delay beyond 32 bits waits, and can be cancelled', { timeout: 60_000 }, async () => {
    let fired = false;
    const timer = nodeClock.schedule(2 ** 40, () => {
      fired = true;
    });
    await new Promise<void>((resolve) => nodeClock.schedule(20, resolve));
    timer.cancel();
    timer.cancel();
    assert.equal(fired, false);
  });

  test('the end of the turn comes before a timer set in it', { timeout: 60_000 }, async () => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      nodeClock.schedule(50, () => {
        order.push('timer');
        resolve();
      });
      nodeClock.endOfTurn(() => order.push('end of turn'));
      order.push('call');
    });
    assert.deepEqual(order, ['call', 'end of turn', 'timer']);
  });
});

test('random stays in its ranges', () => {
  for (let i = 0; i < 1000; i++) {
    const chance = nodeRandom.next();
    assert.ok(chance >= 0 && chance < 1);
    const below = nodeRandom.below(3);
    assert.ok(below === 0 || below === 1 || below === 2);
  }
  assert.equal(nodeRandom.bytes(16).length, 16);
  assert.equal(Object.getPrototypeOf(nodeRandom.bytes(1)), Uint8Array.prototype);
  assert.notDeepEqual(nodeRandom.bytes(16), nodeRandom.bytes(16));
});

describe('dns', () => {
  const resolve = (host: string) =>
    new Promise<readonly string[]>((done) => {
      let inside = true;
      nodeDns.resolve(host, (addresses) => {
        assert.equal(inside, false, 'answered inside the call');
        done(addresses);
      });
      inside = false;
    });

  test('numeric addresses answer themselves', async () => {
    assert.deepEqual(await resolve('10.1.2.3'), ['10.1.2.3']);
    assert.deepEqual(await resolve('::1'), ['::1']);
    assert.deepEqual(await resolve('[2001:db8::7]'), ['2001:db8::7']);
  });

  test('localhost is known; a name nobody knows is empty, asked alone or together', async () => {
    const local = await resolve('LocalHost');
    assert.ok(local.includes('127.0.0.1') || local.includes('::1'), local.join());
    const unknown = ['no-such-host.invalid', 'no-such-host.invalid', 'nor-this.invalid'];
    assert.deepEqual(await Promise.all(unknown.map(resolve)), [[], [], []]);
  });

  test('a hosts file: comments, aliases, several addresses, any case', () => {
    const hosts = parseHosts(
      '# comment\n127.0.0.1\tlocalhost  Loop # x\r\n::1 localhost\n::1 localhost\nbad name\n\n10.0.0.1 zk1',
    );
    assert.deepEqual(hosts.get('localhost'), ['127.0.0.1', '::1']);
    assert.deepEqual(hosts.get('loop'), ['127.0.0.1']);
    assert.deepEqual(hosts.get('zk1'), ['10.0.0.1']);
    assert.equal(hosts.has('name'), false);
  });
});

describe('hash', () => {
  const abc = new TextEncoder().encode('abc');
  const hex = (algorithm: string) => {
    const bytes = nodeHash.digest(algorithm, abc);
    return bytes && Buffer.from(bytes).toString('hex');
  };

  test("Java's names give the digests of FIPS 180 and 202", () => {
    assert.equal(hex('SHA1'), 'a9993e364706816aba3e25717850c26c9cd0d89d');
    for (const name of ['SHA', 'sha-1', 'Sha1']) assert.equal(hex(name), hex('SHA1'));
    for (const [java, openSsl] of [
      ['MD5', 'md5'],
      ['SHA-224', 'sha224'],
      ['SHA256', 'sha256'],
      ['SHA-384', 'sha384'],
      ['SHA-512', 'sha512'],
      ['SHA-512/256', 'sha512-256'],
      ['SHA3-256', 'sha3-256'],
    ] as const) {
      assert.equal(hex(java), createHash(openSsl).update(abc).digest('hex'), java);
    }
    assert.equal(Object.getPrototypeOf(nodeHash.digest('SHA1', abc)), Uint8Array.prototype);
  });

  test('an algorithm that is not there is undefined', () => {
    for (const name of ['MD2', 'CRC32', '', '__proto__']) assert.equal(hex(name), undefined);
  });
});

describe('codec', () => {
  /** Compressible, but not by much: the window has to work. */
  const sample = (length: number) =>
    Uint8Array.from({ length }, (_, i) => (((i * 2654435761) >>> 24) ^ (i >> 6)) & 0xff);

  function inflate(bytes: Uint8Array, piece: number): Uint8Array {
    const inflater = nodeCodec.gunzip();
    const out: number[] = [];
    for (let at = 0; at < bytes.length; at += piece) {
      const fed = Uint8Array.from(bytes.subarray(at, at + piece));
      for (const byte of inflater.push(fed)) out.push(byte);
      fed.fill(0xee);
    }
    for (const byte of inflater.finish()) out.push(byte);
    return Uint8Array.from(out);
  }

  test('gzip members, ours and zlib’s, joined and fed in pieces', () => {
    const parts = [sample(70_000), new Uint8Array(0), sample(9), sample(40_000)];
    const joined = new Uint8Array(Buffer.concat(parts));
    const members = [
      nodeCodec.gzip(parts[0] ?? joined),
      gzipSync(parts[1] ?? joined),
      nodeCodec.gzip(parts[2] ?? joined),
      gzipSync(parts[3] ?? joined, { level: 9 }),
    ];
    const file = new Uint8Array(Buffer.concat(members));
    assert.deepEqual(new Uint8Array(gunzipSync(file)), joined);
    for (const piece of [97, 1000, 16_384, 65_536, file.length]) {
      assert.deepEqual(inflate(file, piece), joined, `pieces of ${piece}`);
    }
    const short = Buffer.concat([nodeCodec.gzip(sample(300)), nodeCodec.gzip(sample(20))]);
    assert.equal(inflate(new Uint8Array(short), 1).length, 320);
    assert.equal(Object.getPrototypeOf(members[0]), Uint8Array.prototype);
  });

  test('gunzip refuses what is cut short or is not gzip', () => {
    const member = nodeCodec.gzip(sample(5_000));
    const two = new Uint8Array(Buffer.concat([member, member]));
    for (const length of [...Array(40).keys(), 100, member.length - 9, member.length - 1]) {
      assert.throws(() => inflate(member.subarray(0, length), 64), Error, `${length} bytes`);
      if (length === 0) continue;
      const second = two.subarray(0, member.length + length);
      assert.throws(() => inflate(second, 64), Error, `a member and ${length} bytes`);
    }
    for (const at of [member.length - 1, member.length - 8, member.length >> 1]) {
      for (const flip of [at, member.length + at]) {
        const wrong = Uint8Array.from(two);
        wrong[flip] = (wrong[flip] ?? 0) ^ 0x10;
        assert.throws(() => inflate(wrong, 64), Error, `flipped at ${flip}`);
      }
    }
    assert.throws(() => inflate(sample(100), 64), Error);
    assert.throws(() => inflate(new Uint8Array(Buffer.concat([member, sample(50)])), 64), Error);
  });

  test('snappy blocks round-trip; a claim beyond the limit is refused unread', () => {
    for (const length of [0, 1, 100, 32_768, 200_000]) {
      const bytes = sample(length);
      assert.deepEqual(nodeCodec.unsnappy(nodeCodec.snappy(bytes), length), bytes);
    }
    const block = nodeCodec.snappy(sample(1000));
    assert.throws(() => nodeCodec.unsnappy(block, 999), /1000 bytes, at most 999/);
    assert.throws(() =>
      nodeCodec.unsnappy(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0), 1 << 30),
    );
    assert.throws(() => nodeCodec.unsnappy(new Uint8Array(0), 10), Error);
    assert.throws(() => nodeCodec.unsnappy(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 1), 10));
    assert.throws(() => nodeCodec.unsnappy(block.subarray(0, block.length - 1), 5000), Error);
  });
});

test('the environment names what Java names, in its order', () => {
  const names = nodeEnvironment.properties().map(([name]) => name);
  assert.deepEqual(names.slice(0, 2), ['host.name', 'java.version']);
  assert.ok(names.indexOf('os.name') < names.indexOf('user.dir'));
  for (const [name, value] of nodeEnvironment.properties()) assert.notEqual(value, '', name);
  assert.ok(nodeEnvironment.processors() >= 1);
  assert.ok(nodeEnvironment.residentMemory() > 1_000_000);
  assert.ok(nodeEnvironment.openFileDescriptors() !== 0);
  assert.ok(nodeEnvironment.maxFileDescriptors() !== 0);
  assert.notEqual(nodeEnvironment.hostName(), '');
});
