// How the process ends, by ZooKeeper's numbers (org.apache.zookeeper.server.ExitCode), so that the scripts and service
// managers around a server need no change. One table; nothing else may write such a number.
// The second signal's 128 + n (node/node-process.ts) is the shell's convention, not ZooKeeper's.

export const exitCodes = {
  /** Stopped as asked. */
  finished: 0,
  /** A broken invariant, an error nobody caught, a port that cannot be bound. */
  unexpectedError: 1,
  /** The command line or the configuration. */
  invalidInvocation: 2,
  /** The data directory is missing, not ours to write, locked or damaged. */
  dataDirInaccessible: 3,
  adminServerFailed: 4,
  /** A snapshot or the transaction log could not be written: the disk is full or failing. */
  txnLogFailed: 10,
  /** A leader's COMMIT is not for the next txn. */
  unmatchedTxnCommit: 12,
  /** A packet of the leader makes no sense, or its TRUNC cannot be done. */
  quorumPacketError: 13,
  electionPortUnavailable: 14,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
