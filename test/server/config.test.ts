// zoo.cfg to ServerConfig, key by key: defaults, units, Java's order between file and command line, what is warned
// about, corrected or refused, and that each refusal is one line naming the key. The tables themselves are tested too:
// no name twice, every default is a value its own type takes, docs/CONFIGURATION.md shows them all.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServerConfig } from '../../src/server/config.ts';
import { readConfig } from '../../src/server/config.ts';
import { ConfigError } from '../../src/server/config-error.ts';
import { inactiveKey, inactiveKeys } from '../../src/server/config-inactive-keys.ts';
import type { UsedKey } from '../../src/server/config-key.ts';
import { usedKeys } from '../../src/server/config-keys.ts';
import { exitCodes } from '../../src/server/exit-codes.ts';

const base = 'dataDir=/var/zk\nclientPort=2181\n';

function read(text: string, properties: Readonly<Record<string, string>> = {}) {
  return readConfig({ text: base + text, properties: new Map(Object.entries(properties)) });
}

function refusal(text: string, properties?: Readonly<Record<string, string>>): ConfigError {
  try {
    read(text, properties);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  return assert.fail(`accepted: ${text}`);
}

test('the least configuration gives every default of Java 3.8', () => {
  const { config, warnings } = read('');
  const expected: ServerConfig = {
    clientPort: 2181,
    clientPortAddress: undefined,
    clientPortListenBacklog: undefined,
    dataDir: '/var/zk',
    dataLogDir: '/var/zk',
    datadirAutocreate: true,
    serverId: 1,
    ensemble: undefined,
    tickTimeMs: 3000,
    minSessionTimeoutMs: 6000,
    maxSessionTimeoutMs: 60_000,
    maxClientCnxns: 60,
    maxCnxns: 0,
    sessionlessCnxnTimeoutMs: 10_000,
    clientTcpKeepAlive: false,
    fourLetterWords: new Set(['srvr']),
    readOnlyMode: false,
    juteMaxBuffer: 1_048_575,
    juteMaxBufferExtraSize: 1_048_575,
    globalOutstandingLimit: 1000,
    largeRequestThreshold: undefined,
    largeRequestMaxBytes: 104_857_600,
    enforceQuota: false,
    extendedTypesEnabled: false,
    emulate353TtlNodes: false,
    containerCheckIntervalMs: 60_000,
    containerMaxPerMinute: 10_000,
    containerMaxNeverUsedIntervalMs: 0,
    snapCount: 100_000,
    snapSizeLimitKb: 4_194_304,
    snapshotCompression: 'none',
    preAllocSizeKb: 65_536,
    txnLogSizeLimitKb: 0,
    forceSync: true,
    fsyncWarningThresholdMs: 1000,
    flushDelayMs: 0,
    maxWriteQueuePollTimeMs: 0,
    maxBatchSize: 1000,
    dbAutocreate: true,
    trustEmptySnapshot: false,
    digestEnabled: true,
    closeSessionTxnEnabled: true,
    snapRetainCount: 3,
    purgeIntervalMs: 0,
    skipAcl: false,
    digestAuthEnabled: true,
    digestAlg: 'SHA1',
    superDigest: undefined,
  };
  assert.deepEqual(config, expected);
  assert.deepEqual(warnings, []);
});

test("Debian's zoo.cfg for one server, from Windows, says nothing", () => {
  const text =
    'tickTime=2000\r\ninitLimit=10\r\nsyncLimit=5 \r\ndataDir=/var/lib/zookeeper\t\r\nclientPort=2181\r\n';
  const { config, warnings } = readConfig({ text });
  assert.deepEqual(warnings, []);
  assert.equal(config.dataDir, '/var/lib/zookeeper');
  assert.equal(config.tickTimeMs, 2000);
  assert.equal(config.maxSessionTimeoutMs, 40_000);
});

describe('values', () => {
  const accepted: readonly (readonly [string, Partial<ServerConfig>])[] = [
    ['tickTime=+2000', { tickTimeMs: 2000, minSessionTimeoutMs: 4000 }],
    ['minSessionTimeout=100\nmaxSessionTimeout=200', { minSessionTimeoutMs: 100 }],
    ['minSessionTimeout=-1', { minSessionTimeoutMs: 6000 }],
    ['dataLogDir=/fast', { dataLogDir: '/fast', dataDir: '/var/zk' }],
    ['clientPort=0', { clientPort: 0 }],
    ['clientPortAddress=[::1]', { clientPortAddress: '::1' }],
    ['clientPortListenBacklog=128', { clientPortListenBacklog: 128 }],
    ['maxClientCnxns=-1', { maxClientCnxns: 0 }],
    ['maxClientCnxns=0', { maxClientCnxns: 0 }],
    ['maxCnxns=0x10', { maxCnxns: 16 }],
    ['maxCnxns=010', { maxCnxns: 8 }],
    ['maxCnxns=#fF', { maxCnxns: 255 }],
    ['maxCnxns=-0x1', { maxCnxns: 0 }],
    ['enforceQuota=TRUE', { enforceQuota: true }],
    ['forceSync=no', { forceSync: false }],
    ['skipACL=yes', { skipAcl: true }],
    ['snapshot.compression.method=GZ', { snapshotCompression: 'gz' }],
    ['snapshot.compression.method=', { snapshotCompression: 'none' }],
    ['snapSizeLimitInKb=0', { snapSizeLimitKb: 0 }],
    ['txnLogSizeLimitInKb=1024', { txnLogSizeLimitKb: 1024 }],
    ['flushDelay=10', { flushDelayMs: 10, maxWriteQueuePollTimeMs: 3 }],
    ['flushDelay=10\nmaxWriteQueuePollTime=5', { maxWriteQueuePollTimeMs: 5 }],
    ['autopurge.purgeInterval=24', { purgeIntervalMs: 86_400_000 }],
    ['autopurge.purgeInterval=-1', { purgeIntervalMs: 0 }],
    ['autopurge.purgeInterval=90s', { purgeIntervalMs: 90_000 }],
    ['autopurge.purgeInterval=250MS', { purgeIntervalMs: 250 }],
    ['autopurge.purgeInterval=30d', { purgeIntervalMs: 2_592_000_000 }],
    ['largeRequestThreshold=4096', { largeRequestThreshold: 4096 }],
    ['jute.maxbuffer.extrasize=7', { juteMaxBuffer: 1_048_575, juteMaxBufferExtraSize: 7 }],
    ['4lw.commands.whitelist=stat, ruok,,', { fourLetterWords: new Set(['srvr', 'stat', 'ruok']) }],
    ['4lw.commands.whitelist=stat, *', { fourLetterWords: 'all' }],
    ['4lw.commands.whitelist=', { fourLetterWords: new Set(['srvr']) }],
    ['4lw.commands.whitelist=elog', { fourLetterWords: new Set(['srvr', 'elog']) }],
    ['DigestAuthenticationProvider.superDigest=super:x=', { superDigest: 'super:x=' }],
    ['DigestAuthenticationProvider.superDigest=', { superDigest: undefined }],
  ];
  for (const [text, expected] of accepted) {
    test(text.replace('\n', ', '), () => {
      const { config, warnings } = read(text);
      assert.deepEqual({ ...config, ...expected }, config);
      assert.deepEqual(warnings, []);
    });
  }

  const refused: readonly (readonly [text: string, message: string])[] = [
    ['tickTime=0', 'tickTime=0: want a number of ms, 1 or more'],
    ['tickTime=2s', 'tickTime=2s: want a number of ms, 1 or more'],
    ['tickTime=0x10', 'tickTime=0x10: want a number of ms, 1 or more'],
    ['tickTime=', 'tickTime: want a number of ms, 1 or more'],
    ['tickTime=99999999999', 'tickTime=99999999999: want a number of ms, 1 or more'],
    ['clientPort=65536', 'clientPort=65536: want a number, 0 to 65535'],
    ['clientPort=-1', 'clientPort=-1: want a number, 0 to 65535'],
    ['clientPortAddress=', 'clientPortAddress: want an address or a host name'],
    ['dataLogDir=', 'dataLogDir: want a path'],
    ['maxCnxns=08', 'maxCnxns=08: want a number'],
    ['snapCount=many', 'snapCount=many: want a number'],
    ['snapCount=4294967296', 'snapCount=4294967296: want a number'],
    ['enforceQuota=1', 'enforceQuota=1: want true or false'],
    ['forceSync=false', 'forceSync=false: want yes or no'],
    ['skipACL=true', 'skipACL=true: want yes or no'],
    [
      'snapshot.compression.method=zip',
      'snapshot.compression.method=zip: want one of (empty), none, gz, snappy',
    ],
    [
      'autopurge.purgeInterval=1w',
      'autopurge.purgeInterval=1w: want a number of hours, or a number and ms, s, m, h or d',
    ],
    [
      'minSessionTimeout=200\nmaxSessionTimeout=100',
      'minSessionTimeout=200: more than maxSessionTimeout, 100',
    ],
    ['electionAlg=1', 'electionAlg=1: want a number, 3 only'],
    ['initLimit=ten', 'initLimit=ten: want a number of ticks, 0 or more'],
    ['peerType=leader', 'peerType=leader: want one of participant, observer'],
    ['a=\\u12', 'zoo.cfg: line 3: malformed \\u escape, want four hexadecimal digits'],
  ];
  for (const [text, message] of refused) {
    test(`refused: ${text.replace('\n', ', ')}`, () => {
      const error = refusal(text);
      assert.equal(error.message, message);
      assert.equal(error.exitCode, exitCodes.invalidInvocation);
      assert.equal(error.exitCode, 2);
    });
  }
});

test('what has to be there', () => {
  const message = (text: string): string => {
    try {
      readConfig({ text });
    } catch (error) {
      return error instanceof Error ? error.message : '';
    }
    return 'accepted';
  };
  assert.equal(message('clientPort=2181'), 'dataDir: is not set');
  assert.equal(message('dataDir=/d'), 'clientPort: is not set');
  assert.equal(
    message('dataDir=/d\nclientPortAddress=::1'),
    'clientPortAddress=::1: clientPort is not set',
  );
});

test('what is too small is raised, as in Java, and said', () => {
  const { config, warnings } = read(
    'snapCount=1\nautopurge.snapRetainCount=0\nlargeRequestThreshold=0\nlargeRequestMaxBytes=-5',
  );
  assert.equal(config.snapCount, 2);
  assert.equal(config.snapRetainCount, 3);
  assert.equal(config.largeRequestThreshold, undefined);
  assert.equal(config.largeRequestMaxBytes, 104_857_600);
  assert.deepEqual([...warnings].sort(), [
    'autopurge.snapRetainCount=0 -> 3, the least there is',
    'largeRequestMaxBytes=-5 -> 104857600, the default',
    'largeRequestThreshold=0 -> -1, off',
    'snapCount=1 -> 2, the least there is',
  ]);
});

describe('file and command line', () => {
  test('a property counts where the file is silent, with or without its prefix', () => {
    const properties = {
      'zookeeper.snapCount': '0x400',
      maxCnxns: ' 7 ',
      'zookeeper.jute.maxbuffer.extrasize': '9',
      'jute.maxbuffer': '4096',
      tickTime: '500',
    };
    const { config, warnings } = read('', properties);
    assert.equal(config.snapCount, 1024);
    assert.equal(config.maxCnxns, 7);
    assert.equal(config.juteMaxBuffer, 4096);
    assert.equal(config.juteMaxBufferExtraSize, 9);
    assert.equal(config.tickTimeMs, 500);
    assert.deepEqual(warnings, []);
  });

  test('the file wins', () => {
    const { config, warnings } = read('snapCount=5', { 'zookeeper.snapCount': '6' });
    assert.equal(config.snapCount, 5);
    assert.deepEqual(warnings, [
      'snapCount differs in the file and on the command line -> the file wins, as in Java',
    ]);
    assert.deepEqual(read('snapCount=5', { snapCount: '5' }).warnings, []);
  });

  test('the command line wins for what Java takes from nowhere else', () => {
    const { config, warnings } = read('jute.maxbuffer=2000', { 'jute.maxbuffer': '3000' });
    assert.equal(config.juteMaxBuffer, 3000);
    assert.deepEqual(warnings, [
      'jute.maxbuffer in the file -> used; Java takes it from its command line only',
      'jute.maxbuffer differs in the file and on the command line -> the command line wins, as in Java',
    ]);
  });

  test('readonlymode.enabled in the file works and is said', () => {
    const { config, warnings } = read('readonlymode.enabled=true');
    assert.deepEqual(config.fourLetterWords, new Set(['srvr', 'isro']));
    assert.equal(warnings.length, 1);
  });

  test('a prefix in the file is taken off and said', () => {
    const { config, warnings } = read('zookeeper.snapCount=77');
    assert.equal(config.snapCount, 77);
    assert.deepEqual(warnings, [
      'zookeeper.snapCount in the file -> taken as snapCount; Java adds the prefix by itself',
    ]);
  });

  test('the values of secrets are in no message', () => {
    const secret = 'super:c2VjcmV0';
    const name = 'DigestAuthenticationProvider.superDigest';
    const { warnings } = read(`${name}=${secret}`, { [`zookeeper.${name}`]: 'super:other' });
    assert.equal(warnings.length, 1);
    assert.doesNotMatch(warnings.join(), /super:/);
    assert.doesNotMatch(refusal('ssl.keyStore.password=hush').message, /hush/);
    assert.doesNotMatch(read('some.password=hush').warnings.join(), /hush/);
  });
});

describe('keys the server does not act on', () => {
  test('every security key ends the start', () => {
    for (const line of [
      'secureClientPort=2281',
      'secureClientPortAddress=0.0.0.0',
      'sslQuorum=true',
      'portUnification=true',
      'quorum.auth.enableSasl=true',
      'quorum.auth.kerberos.servicePrincipal=zk/_HOST',
      'enforce.auth.enabled=true',
      'enforce.auth.schemes=sasl',
      'sessionRequireClientSASLAuth=true',
      'ssl.keyStore.location=/k',
      'ssl.quorum.trustStore.location=/t',
      'authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider',
      'superUser.2=joe',
      'X509AuthenticationProvider.superUser=CN=joe',
      'audit.enable=true',
    ]) {
      const error = refusal(line);
      assert.equal(error.key, line.substring(0, line.indexOf('=')));
      assert.match(error.message, /^[\w.]+: .*not built -> refused/);
      const [name = '', value = ''] = line.split('=');
      assert.equal(refusal('', { [`zookeeper.${name}`]: value }).key, name);
    }
  });

  test('switched off they ask for nothing', () => {
    const off =
      'sslQuorum=false\nquorum.auth.enableSasl=False\nsecureClientPort=0\naudit.enable=false';
    assert.deepEqual(read(off).warnings, []);
  });

  test('the harmless ones are named, unknown ones too', () => {
    const { warnings } = read(
      'serverCnxnFactory=x.NettyServerCnxnFactory\nadmin.serverPort=8080\nTickTime=5\nwhat.is=this',
    );
    assert.deepEqual(warnings, [
      'serverCnxnFactory: a choice of transports, threads and buffers (one loop serves all) is not built -> ignored',
      'admin.serverPort: the HTTP admin server is not built -> ignored',
      'unknown key TickTime -> ignored; is tickTime meant?',
      'unknown key what.is -> ignored',
    ]);
  });
});

describe('servers', () => {
  test('one server runs alone; its line may give the client port', () => {
    const { config, warnings } = read('server.1=host:2888:3888');
    assert.equal(config.clientPort, 2181);
    assert.equal(config.serverId, 1);
    assert.match(warnings.join(), /server\.1 is the only server -> standalone/);
    const own = (text: string, myid: string | undefined) =>
      readConfig({ text: `dataDir=/d\n${text}`, readMyid: () => myid }).config;
    assert.equal(own('server.5=h:1:2;10.0.0.1:2182', '5\n').clientPort, 2182);
    assert.equal(own('server.5=h:1:2;10.0.0.1:2182', '5').clientPortAddress, '10.0.0.1');
    assert.equal(own('server.5=h:1:2;2182', '5').clientPortAddress, undefined);
    assert.throws(() => own('server.5=h:1:2;2182', '6'), /clientPort: is not set/);
    assert.throws(
      () => own('clientPort=1\nserver.5=h:1:2;2182', '5'),
      /clientPort=1: differs from the client address of our line, 0.0.0.0:2182/,
    );
    assert.throws(() => own('clientPort=1', 'five'), /myid=five: want a number on the first line/);
    assert.throws(() => own('clientPort=1', ''), /myid: want a number/);
  });
});

describe('the tables', () => {
  const used = Object.values(usedKeys).flatMap((section): UsedKey<unknown>[] =>
    Object.values(section),
  );

  test('no name twice, none both used and not', () => {
    const names = used.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    const inactive = inactiveKeys.map(({ name }) => name);
    assert.equal(new Set(inactive).size, inactive.length);
    for (const name of names) {
      const entry = inactiveKey(name);
      // `nio.*` and the like cover all of a family but for those that are used.
      assert.ok(entry === undefined || entry.name.endsWith('*'), name);
    }
  });

  test('every default can be written down', () => {
    for (const { name, type, default: value, defaultText } of used) {
      if (value === undefined || Array.isArray(value)) assert.ok(defaultText, name);
      else if (defaultText !== undefined) continue;
      else if (name === 'snapshot.compression.method') assert.equal(value, 'none');
      else assert.equal(type.read(String(value)), value, name);
    }
  });
});
