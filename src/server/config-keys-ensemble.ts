// The configuration keys of ensembles the server acts on: two sections of the table in config-keys.ts, whose entries
// config-ensemble.ts reads. `server.N`, `group.N`, `weight.N` and `version` are no entries: they are a configuration of
// their own (core/election/quorum-config.ts), and config-members.ts reads them.
//
// Keys that begin with `quoll.` are this server's own. Java takes them for system properties nobody reads, so a zoo.cfg
// that has them still starts Java.
import { key, optional } from './config-key.ts';
import { boolean, decimal, integer, oneOf, path, yesOrNo } from './config-values.ts';

const role = oneOf<'participant' | 'observer'>({
  participant: 'participant',
  observer: 'observer',
});

export const ensembleKeys = {
  Ensembles: {
    initLimit: key(
      'file',
      'initLimit',
      integer({ min: 0, unit: 'ticks' }),
      0,
      'how long a server may take to connect to the leader and to be brought up to date',
      { defaultText: 'required' },
    ),
    syncLimit: key(
      'file',
      'syncLimit',
      integer({ min: 0, unit: 'ticks' }),
      0,
      'how long leader and learner may hear nothing of each other',
      { defaultText: 'required' },
    ),
    connectToLearnerMasterLimit: key(
      'file',
      'connectToLearnerMasterLimit',
      integer({ unit: 'ticks' }),
      0,
      'how long a server may take to connect to the leader',
      { defaultText: '0: initLimit' },
    ),
    dynamicConfigFile: optional(
      'file',
      'dynamicConfigFile',
      path,
      'none',
      'the file with the lines of the servers; then none may be in zoo.cfg',
    ),
    standaloneEnabled: key(
      'file',
      'standaloneEnabled',
      boolean,
      true,
      'one server line is a lone server; false: an ensemble of one',
    ),
    peerType: optional(
      'file',
      'peerType',
      role,
      'as the server line says',
      'checked against the server line, which wins',
    ),
    electionAlg: key('file', 'electionAlg', integer({ min: 3, max: 3 }), 3, 'there is no other'),
    quorumListenOnAllIPs: key(
      'file',
      'quorumListenOnAllIPs',
      boolean,
      false,
      'quorum and election ports on every address, not on those of the server line',
    ),
    multiAddressEnabled: key(
      'file',
      'multiAddress.enabled',
      boolean,
      false,
      'server lines may have several addresses; all servers of 3.6 or later',
    ),
    syncEnabled: key('file', 'syncEnabled', boolean, true, 'observers keep logs and snapshots'),
    observerSyncEnabled: optional(
      'property',
      'observer.syncEnabled',
      boolean,
      'syncEnabled',
      'the same, and wins',
    ),
    localSessionsEnabled: key(
      'file',
      'localSessionsEnabled',
      boolean,
      false,
      'sessions begin as local ones, known to their server only, and have no ephemerals',
    ),
    localSessionsUpgradingEnabled: key(
      'file',
      'localSessionsUpgradingEnabled',
      boolean,
      false,
      'a local session that creates an ephemeral becomes a global one',
    ),
    leaderServes: key(
      'property',
      'leaderServes',
      yesOrNo,
      true,
      '`no`: a leader takes no clients',
      {
        defaultText: 'yes',
      },
    ),
  },
  'Elections and synchronization': {
    connectTimeout: key(
      'property',
      'cnxTimeout',
      integer({ min: 1, unit: 'ms' }),
      5000,
      'how long a connection to an election port may take',
    ),
    handshakeTimeout: key(
      'property',
      'quorumCnxnTimeoutMs',
      integer({ unit: 'ms', decoded: true }),
      -1,
      'until a server that connects to the election port must have said who it is',
      { defaultText: '-1: syncLimit × tickTime' },
    ),
    electionPortBindRetry: key(
      'property',
      'electionPortBindRetry',
      integer({ decoded: true }),
      3,
      'tries to bind the election port, a second apart; 0: for ever; less is taken for 3',
    ),
    tcpKeepAlive: key(
      'property',
      'tcpKeepAlive',
      boolean,
      false,
      'TCP keep-alive on election connections',
    ),
    minNotificationInterval: key(
      'property',
      'fastleader.minNotificationInterval',
      integer({ min: 1, unit: 'ms', decoded: true }),
      200,
      'the first pause before an unanswered vote is sent again; it doubles …',
    ),
    maxNotificationInterval: key(
      'property',
      'fastleader.maxNotificationInterval',
      integer({ min: 1, unit: 'ms', decoded: true }),
      60_000,
      '… up to this one',
    ),
    maxTimeToWaitForEpoch: key(
      'property',
      'leader.maxTimeToWaitForEpoch',
      integer({ unit: 'ms', decoded: true }),
      -1,
      'an elected leader gives up sooner when its voters look again; less than 0: off',
    ),
    maxConcurrentSnapSyncs: key(
      'property',
      'leader.maxConcurrentSnapSyncs',
      integer({ min: 1, decoded: true }),
      10,
      'observers that a leader sends a snapshot at the same time',
    ),
    maxConcurrentDiffSyncs: key(
      'property',
      'leader.maxConcurrentDiffSyncs',
      integer({ min: 1, decoded: true }),
      100,
      'observers that a leader sends transactions to catch up at the same time',
    ),
    commitLogCount: key(
      'property',
      'commitLogCount',
      integer({}),
      500,
      'transactions kept in memory to bring learners up to date; less than 500 is taken for 500',
    ),
    snapshotSizeFactor: optional(
      'property',
      'snapshotSizeFactor',
      decimal,
      'what costs less',
      'learners get logs from the disk up to this part of a snapshot’s length; less than 0: never',
    ),
    forceSnapshotSync: key(
      'property',
      'forceSnapshotSync',
      boolean,
      false,
      'learners always get a snapshot',
    ),
    refuseStrangers: key(
      'property',
      'quoll.refuseStrangers',
      boolean,
      false,
      'neither election nor quorum connections from servers that are not in the configuration',
    ),
    decidesEarly: key(
      'property',
      'quoll.decidesEarly',
      boolean,
      true,
      'an election ends as soon as no better vote can come; false: after 200 ms, as Java’s',
    ),
  },
} as const;
