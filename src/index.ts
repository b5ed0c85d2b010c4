// The package's front door: the client, wired to Node's sockets, clock and randomness. `connect` opens a session and
// gives the ZooKeeper object; everything else here is a type, an error or a constant used with it (docs/CLIENT.md).
// Servers are started through './server'; nothing else is public.

import type { ConnectOptions } from './client/client-options.ts';
import { ZooKeeper } from './client/zookeeper.ts';
import { nodeClock } from './node/node-clock.ts';
import { nodeNet } from './node/node-net.ts';
import { nodeRandom } from './node/node-random.ts';

export type { CallOptions } from './client/call-options.ts';
export type {
  ACLResult,
  ChildrenResult,
  WatcherTypeName,
  WatchMode,
} from './client/calls.ts';
export type {
  AuthOption,
  ClientEvents,
  ConnectOptions,
  RemoveWatchesOptions,
  WatchIteratorOptions,
} from './client/client-options.ts';
export { KeeperError } from './client/keeper-error.ts';
export type { MultiOp, MultiReadOp } from './client/multi.ts';
export type {
  Created,
  CreateMode,
  CreateOptions,
  Data,
  ErrorResult,
  MultiReadResult,
  MultiResult,
  NodeData,
  VersionOptions,
  WatchOptions,
} from './client/operations.ts';
export type { Transaction } from './client/transaction.ts';
export type {
  ACL,
  ClientInfo,
  ClientState,
  ErrorName,
  Id,
  SessionKey,
  Stat,
} from './client/vocabulary.ts';
export { creatorAllAcl, ErrorCode, openAcl, Perms, readAcl } from './client/vocabulary.ts';
export type { Watch } from './client/watch.ts';
export type { EventName, KeeperStateName, WatchEvent, Watcher } from './client/watch-event.ts';
export type { ZooKeeper } from './client/zookeeper.ts';

/**
 * Opens a session with the first server of the list that takes one. `connectString`: `host:port,host:port/chroot`;
 * the port defaults to 2181, IPv6 addresses stand in brackets. Close the result, or hold it with `await using`.
 * Throws KeeperError: BadArguments, ConnectionLoss (nobody within connectTimeoutMs), SessionExpired, AuthFailed.
 */
export function connect(connectString: string, options: ConnectOptions = {}): Promise<ZooKeeper> {
  const ports = { net: nodeNet, clock: nodeClock, random: nodeRandom };
  return ZooKeeper.connect(ports, connectString, options);
}
