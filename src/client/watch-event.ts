// What a watcher is told: the wire's WatcherEvent with its numbers as ZooKeeper's names (Watcher.Event). In: numbers, a
// path as the client knows it. Out: WatchEvents. Numbers that a newer server may invent come out as 'None', which asks
// the watcher to read again.

import { EventType, KeeperState } from '../proto/opcodes.ts';
import type { Zxid } from '../proto/zxid.ts';

export type EventName = keyof typeof EventType;
export type KeeperStateName = keyof typeof KeeperState;

export interface WatchEvent {
  /**
   * 'NodeCreated', 'NodeDeleted', 'NodeDataChanged', 'NodeChildrenChanged'; 'DataWatchRemoved', 'ChildWatchRemoved',
   * 'PersistentWatchRemoved' after removeWatches; 'None' to persistent watchers only: events may have been missed,
   * read again.
   */
  readonly type: EventName;
  readonly state: KeeperStateName;
  readonly path: string;
  /** Of the change; undefined from servers before 3.9 and for events made up at a reconnect. */
  readonly zxid: Zxid | undefined;
}

/** Called once for a one-shot watch, again and again for a persistent one. What it throws is not caught. */
export type Watcher = (event: WatchEvent) => void;

const eventNames = new Map<number, EventName>();
for (const [name, code] of Object.entries(EventType)) eventNames.set(code, name as EventName);
const stateNames = new Map<number, KeeperStateName>();
for (const [name, code] of Object.entries(KeeperState)) {
  stateNames.set(code, name as KeeperStateName);
}

export function watchEvent(
  type: number,
  state: number,
  path: string,
  zxid: Zxid | undefined,
): WatchEvent {
  return {
    type: eventNames.get(type) ?? 'None',
    state: stateNames.get(state) ?? 'SyncConnected',
    path,
    zxid,
  };
}
