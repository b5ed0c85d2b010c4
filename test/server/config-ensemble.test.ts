// Ensembles in the configuration: which files make one and which a lone server, whose line is ours, what every key
// becomes, and each refusal as one line that names key, value and limit, with exit code 2. Where Java warns, its words
// are compared. In: texts of zoo.cfg, `myid` and dynamic files; no file is read.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServerConfig } from '../../src/server/config.ts';
import { readConfig } from '../../src/server/config.ts';
import type { EnsembleConfig } from '../../src/server/config-ensemble.ts';
import { ConfigError } from '../../src/server/config-error.ts';
import { exitCodes } from '../../src/server/exit-codes.ts';

const base = 'dataDir=/d\nclientPort=2181\ntickTime=2000\ninitLimit=10\nsyncLimit=5\n';
const three = 'server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n';

interface Files {
  /** undefined: there is none. */
  readonly myid?: string | undefined;
  readonly dynamic?: string;
}

function readWhole(text: string, files: Files) {
  return readConfig({
    text,
    readMyid: (dataDir) => (dataDir === '/d' ? files.myid : undefined),
    readDynamicConfig: (path) =>
      path.startsWith('/etc/zoo.cfg.dynamic') ? files.dynamic : undefined,
  });
}

function read(text: string, files: Files = { myid: '1\n' }) {
  return readWhole(base + text, files);
}

function ensembleOf(text: string, files?: Files): EnsembleConfig {
  const { ensemble } = read(text, files).config;
  assert.ok(ensemble !== undefined, 'a lone server');
  return ensemble;
}

function refusal(text: string, files?: Files): ConfigError {
  try {
    read(text, files);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  return assert.fail(`accepted: ${text}`);
}

test('three servers with Java’s defaults', () => {
  const { config, warnings } = read(three, { myid: '2' });
  const { ensemble } = config;
  assert.ok(ensemble !== undefined);
  assert.deepEqual(warnings, []);
  assert.equal(config.serverId, 2);
  const { verifier, servers, ...rest } = ensemble;
  assert.deepEqual([...verifier.voters], [1n, 2n, 3n]);
  assert.equal(verifier.version, 0n);
  assert.deepEqual(
    servers.map(({ sid }) => sid),
    [1n, 2n, 3n],
  );
  const expected: Omit<EnsembleConfig, 'verifier' | 'servers'> = {
    mySid: 2n,
    role: 'participant',
    configText: [
      'server.1=a:2888:3888:participant',
      'server.2=b:2888:3888:participant',
      'server.3=c:2888:3888:participant',
      'version=0',
    ].join('\n'),
    quorumAddresses: [{ host: 'b', port: 2888 }],
    electionAddresses: [{ host: 'b', port: 3888 }],
    quorumListenOnAllIps: false,
    multiAddress: false,
    initLimit: 10,
    syncLimit: 5,
    connectToLearnerMasterLimitMs: 20_000,
    maxTimeToWaitForEpochMs: -1,
    maxConcurrentSnapSyncs: 10,
    maxConcurrentDiffSyncs: 100,
    commitLogCount: 500,
    snapshotSizeFactor: undefined,
    forceSnapshotSync: false,
    syncEnabled: true,
    leaderServes: true,
    localSessions: false,
    localSessionsUpgrading: false,
    election: {
      minNotificationIntervalMs: 200,
      maxNotificationIntervalMs: 60_000,
      decidesEarly: true,
      connectTimeoutMs: 5000,
      handshakeTimeoutMs: 10_000,
      bindTries: 3,
      keepAlive: false,
      refuseStrangers: false,
    },
  };
  assert.deepEqual(rest, expected);
});

test('an observer, several addresses, IPv6 and the client port of the own line', () => {
  const text = `${three}server.200=[::1]:1:2|d:3:4:observer;[::1]:2182\nmultiAddress.enabled=true`;
  const { config } = readWhole(`${base.replace('clientPort=2181\n', '')}${text}`, { myid: '200' });
  const { ensemble } = config;
  assert.equal(ensemble?.role, 'observer');
  assert.equal(config.serverId, 200);
  assert.equal(config.clientPort, 2182);
  assert.equal(config.clientPortAddress, '0:0:0:0:0:0:0:1');
  assert.deepEqual(ensemble?.quorumAddresses, [
    { host: '0:0:0:0:0:0:0:1', port: 1 },
    { host: 'd', port: 3 },
  ]);
  assert.deepEqual(ensemble?.electionAddresses[1], { host: 'd', port: 4 });
  assert.match(ensemble?.configText ?? '', /^server\.200=.*:observer;\[0:0:0:0:0:0:0:1\]:2182$/m);
});

test('a client port from the static key is in no line of the text', () => {
  assert.doesNotMatch(ensembleOf(three).configText, /2181/);
});

test('groups and weights', () => {
  const groups = 'server.4=d:1:2\ngroup.1=1:2\ngroup.2=3:4\nweight.4=0\n';
  const { verifier, configText } = ensembleOf(three + groups);
  assert.equal(verifier.weight(4n), 0);
  assert.ok(verifier.containsQuorum([1n, 2n, 3n]));
  assert.ok(!verifier.containsQuorum([1n, 2n, 4n]));
  assert.match(configText, /^group\.2=3:4$/m);
});

describe('alone or an ensemble', () => {
  const one = 'server.1=a:1:2\n';

  test('one server is alone, unless standaloneEnabled=false', () => {
    const { config, warnings } = read(one, { myid: undefined });
    assert.equal(config.ensemble, undefined);
    assert.equal(config.serverId, 1);
    assert.deepEqual(warnings, [
      'server.1 is the only server -> standalone, its quorum ports are not used',
    ]);
    assert.deepEqual([...ensembleOf(`${one}standaloneEnabled=false`).verifier.voters], [1n]);
    const withObserver = `${one}server.2=b:1:2:observer\nstandaloneEnabled=false`;
    assert.equal(ensembleOf(withObserver, { myid: '2' }).role, 'observer');
  });

  test('no server is alone, whatever the limits say', () => {
    assert.equal(readWhole('dataDir=/d\nclientPort=1', {}).config.ensemble, undefined);
    assert.equal(readWhole('dataDir=/d\nclientPort=1\nversion=0', {}).config.ensemble, undefined);
  });
});

describe('a dynamic file', () => {
  const key = 'dynamicConfigFile=/etc/zoo.cfg.dynamic';

  test('has the servers', () => {
    const { verifier, mySid } = ensembleOf(key, { myid: '3', dynamic: three });
    assert.equal(verifier.voters.size, 3);
    assert.equal(mySid, 3n);
    assert.equal(ensembleOf(`${key}.0`, { myid: '3', dynamic: three }).verifier.version, 0n);
  });

  const refused: readonly (readonly [name: string, text: string, files: Files, message: RegExp])[] =
    [
      ['missing', 'dynamicConfigFile=/x', { myid: '1' }, /^dynamicConfigFile=\/x: cannot be read$/],
      [
        'and servers in zoo.cfg',
        `${key}\n${three}`,
        { myid: '1', dynamic: three },
        /^server\.1=a:2888:3888: dynamicConfigFile is set, so it belongs there$/,
      ],
      [
        'with other keys',
        key,
        { myid: '1', dynamic: `${three}tickTime=5` },
        /^dynamicConfigFile=\S+: tickTime=5: want server\.N/,
      ],
      [
        'with a version in it',
        key,
        { myid: '1', dynamic: `${three}version=0` },
        /^dynamicConfigFile=\S+: version=0: the version is the end of the file’s name/,
      ],
      [
        'with a version in its name',
        `${key}.100000000`,
        { myid: '1', dynamic: three },
        /^dynamicConfigFile=\S+: version=100000000: a reconfiguration made it/,
      ],
      [
        'that is no properties file',
        key,
        { myid: '1', dynamic: 'a=\\u12' },
        /^dynamicConfigFile=\S+: line 1: malformed/,
      ],
      ['that is empty', key, { myid: '1', dynamic: '' }, /no participant among 0 servers$/],
    ];
  for (const [name, text, files, message] of refused) {
    test(`${name} is refused`, () => assert.match(refusal(text, files).message, message));
  }
});

describe('refused with code 2', () => {
  const observers = 'server.1=a:1:2\nserver.2=b:1:2:observer';
  const wantForm =
    'want host:quorumPort:electionPort[:participant|observer], several between |, ' +
    'then ;[host:]clientPort';
  const notBuilt = 'not built -> refused: a server without it would do less than was asked for';
  const reconfigured =
    'a reconfiguration made it, and those are not built -> refused; ' +
    'no server may have reconfigEnabled=true';
  const refused: readonly (readonly [text: string, message: string, myid?: string | undefined])[] =
    [
      [three, 'myid: the file is missing in dataDir, an ensemble needs it', undefined],
      [three, 'myid=4: not among the servers 1, 2, 3', '4'],
      [three, 'myid=one: want a number on the first line and nothing else', 'one'],
      [three, 'myid=-1: want a number on the first line and nothing else', '-1'],
      [three, 'myid=1 : want a number on the first line and nothing else', '1 \n'],
      [three, 'myid: want a number on the first line and nothing else', '\n1'],
      [`${three}initLimit=0`, 'initLimit: is not set, an ensemble needs it'],
      [`${three}syncLimit=0`, 'syncLimit: is not set, an ensemble needs it'],
      [`${three}syncLimit=-1`, 'syncLimit=-1: want a number of ticks, 0 or more'],
      [`${three}electionAlg=0`, 'electionAlg=0: want a number, 3 only'],
      [`${three}peerType=leader`, 'peerType=leader: want one of participant, observer'],
      [`${three}leaderServes=false`, 'leaderServes=false: want yes or no'],
      [`${three}snapshotSizeFactor=a third`, 'snapshotSizeFactor=a third: want a decimal number'],
      [
        `${three}leader.maxConcurrentSnapSyncs=0`,
        'leader.maxConcurrentSnapSyncs=0: want a number, 1 or more',
      ],
      [`${three}server.4=d:1`, `server.4=d:1: ${wantForm}`],
      [`${three}server.4=d:1:1`, 'server.4=d:1:1: quorum port and election port must be different'],
      [
        `${three}server.four=d:1:2`,
        'server.four=d:1:2: want server.N, group.N, weight.N or version',
      ],
      [`${three}group.1=1:2`, 'server.3=c:2888:3888: a participant without a group'],
      [`${three}group.1=1:2:3:4`, 'group.1=1:2:3:4: no server 4'],
      [`${three}server.4=d:1:2|e:1:2`, 'server.4: 2 addresses, and multiAddress.enabled is false'],
      [`${three}version=5`, `version=5: ${reconfigured}`],
      [`${three}oraclePath=/x`, `oraclePath: a quorum by an oracle: ${notBuilt}`],
      ['server.1=a:1:2:observer', 'server: no participant among 1 servers'],
      [observers, 'server.*: 1 observers of one participant: set standaloneEnabled=false'],
      ['standaloneEnabled=false', 'standaloneEnabled=false: there is no server line'],
      [
        'server.1=a:1:2;2182\nserver.2=b:1:2',
        'clientPort=2181: differs from the client address of our line, 0.0.0.0:2182',
      ],
      [
        'clientPortAddress=10.0.0.1\nserver.1=a:1:2;2181\nserver.2=b:1:2',
        'clientPortAddress=10.0.0.1:2181: differs from the client address of our line, 0.0.0.0:2181',
      ],
      [
        'extendedTypesEnabled=true\nserver.1=a:1:2\nserver.255=b:1:2',
        'myid=255: with extendedTypesEnabled the most is 254',
        '255',
      ],
    ];
  for (const [text, message, ...myid] of refused) {
    test(message, () => {
      const error = refusal(text, { myid: myid.length === 0 ? '1' : myid[0] });
      assert.equal(error.message, message);
      assert.equal(error.exitCode, exitCodes.invalidInvocation);
    });
  }
});

describe('warned about', () => {
  const warned: readonly (readonly [text: string, warning: string | undefined])[] = [
    [
      'server.1=a:1:2\nserver.2=b:1:2',
      'No server failure will be tolerated. You need at least 3 servers.',
    ],
    [`${three}server.4=d:1:2`, 'Non-optimal configuration, consider an odd number of servers.'],
    [`${three}server.4=d:1:2:observer`, undefined],
    [
      `${three}peerType=observer`,
      "Peer type from servers list (PARTICIPANT) doesn't match peerType (OBSERVER). Defaulting to servers list.",
    ],
    [`${three}peerType=participant`, undefined],
    [
      `${three}server.257=d:1:2:observer`,
      'servers 1 and 257 have the same low byte -> of their session ids too',
    ],
    [`${three}commitLogCount=10`, 'commitLogCount=10 -> 500, the least there is'],
    [`${three}snapshotSizeFactor=1.5`, 'snapshotSizeFactor=1.5 is more than 1 -> ignored'],
    [`${three}electionPortBindRetry=-2`, 'electionPortBindRetry=-2 -> 3, the default'],
    [`${three}reconfigEnabled=true`, 'reconfigEnabled: reconfiguration is not built -> ignored'],
    [`${three}reconfigEnabled=false`, undefined],
    [
      `${three}leader.nodelay=true`,
      'leader.nodelay: a choice of pauses, sockets and threads between servers is not built -> ignored',
    ],
  ];
  for (const [text, warning] of warned) {
    test(text.replace(three, ''), () => {
      assert.deepEqual(read(text).warnings, warning === undefined ? [] : [warning]);
    });
  }
});

describe('keys', () => {
  const accepted: readonly (readonly [string, Partial<EnsembleConfig>])[] = [
    ['connectToLearnerMasterLimit=2', { connectToLearnerMasterLimitMs: 4000 }],
    ['connectToLearnerMasterLimit=-1', { connectToLearnerMasterLimitMs: 20_000 }],
    ['quorumListenOnAllIPs=true', { quorumListenOnAllIps: true }],
    ['localSessionsEnabled=TRUE', { localSessions: true }],
    ['localSessionsUpgradingEnabled=true', { localSessionsUpgrading: true }],
    ['leaderServes=no', { leaderServes: false }],
    ['syncEnabled=false', { syncEnabled: false }],
    ['syncEnabled=false\nobserver.syncEnabled=true', { syncEnabled: true }],
    ['snapshotSizeFactor=-1', { snapshotSizeFactor: -1 }],
    ['snapshotSizeFactor=.5', { snapshotSizeFactor: 0.5 }],
    ['snapshotSizeFactor=5e-1', { snapshotSizeFactor: 0.5 }],
    ['snapshotSizeFactor=0', { snapshotSizeFactor: 0 }],
    ['commitLogCount=5000', { commitLogCount: 5000 }],
    ['forceSnapshotSync=true', { forceSnapshotSync: true }],
    ['leader.maxTimeToWaitForEpoch=3000', { maxTimeToWaitForEpochMs: 3000 }],
  ];
  for (const [text, expected] of accepted) {
    test(text.replace('\n', ', '), () => {
      const ensemble = ensembleOf(three + text);
      assert.deepEqual({ ...ensemble, ...expected }, ensemble);
    });
  }

  const ofElections: readonly (readonly [string, Partial<EnsembleConfig['election']>])[] = [
    ['cnxTimeout=100', { connectTimeoutMs: 100 }],
    ['quorumCnxnTimeoutMs=0x100', { handshakeTimeoutMs: 256 }],
    ['quorumCnxnTimeoutMs=0', { handshakeTimeoutMs: 10_000 }],
    ['electionPortBindRetry=0', { bindTries: 0 }],
    ['tcpKeepAlive=true', { keepAlive: true }],
    ['fastleader.minNotificationInterval=50', { minNotificationIntervalMs: 50 }],
    ['fastleader.maxNotificationInterval=500', { maxNotificationIntervalMs: 500 }],
    ['fastleader.maxNotificationInterval=100', { maxNotificationIntervalMs: 200 }],
    ['quoll.refuseStrangers=true', { refuseStrangers: true }],
    ['quoll.decidesEarly=false', { decidesEarly: false }],
  ];
  for (const [text, expected] of ofElections) {
    test(text, () => {
      const { election } = ensembleOf(three + text);
      assert.deepEqual({ ...election, ...expected }, election);
    });
  }

  test('of ensembles are checked on a lone server too', () => {
    const lone = (text: string): ServerConfig =>
      readWhole(`dataDir=/d\nclientPort=1\n${text}`, {}).config;
    assert.equal(lone('initLimit=0\nleaderServes=no').ensemble, undefined);
    assert.throws(() => lone('syncLimit=five'), /^ConfigError: syncLimit=five/);
    assert.throws(() => lone('electionAlg=1'), /^ConfigError: electionAlg=1/);
  });
});
