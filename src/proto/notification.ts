// The message of leader election (FastLeaderElection.Notification): its bytes and what they say, no behaviour.
// Layouts that were ever sent: 28 bytes; 40 bytes (3.4, whose last word is ignored); and since 3.5 44 + n bytes, where
// n bytes are the sender's committed configuration as text. We send only the last.
//
// Decoding never throws: bad bytes are a verdict, so that no sender can stop the receiver (ZOOKEEPER-3769, 4247). The
// text is UTF-8 on both sides, whatever the platform's charset (ZOOKEEPER-4787).

import { decodeUtf8 } from '../jute/utf8.ts';
import { Writer } from '../jute/writer.ts';
import type { Sid } from './sid.ts';

/** In the order of their numbers on the wire (QuorumPeer.ServerState). */
export const serverStates = ['LOOKING', 'FOLLOWING', 'LEADING', 'OBSERVING'] as const;
export type ServerState = (typeof serverStates)[number];

/** Since 3.5 (CURRENTVERSION): a configuration follows. */
export const notificationVersion = 2;

export interface Notification {
  /** undefined: a number that names no state. A voter's is dropped, a non-voter is answered whatever it says. */
  readonly state: ServerState | undefined;
  /** The server voted for. */
  readonly leader: Sid;
  readonly zxid: bigint;
  /** The round of voting, the sender's logical clock. */
  readonly electionEpoch: bigint;
  /** The epoch of the server voted for, as it was when the vote was made. */
  readonly peerEpoch: bigint;
  readonly version: number;
  /** The configuration's text; undefined below version 2. */
  readonly config: string | undefined;
}

/** Why bytes are no notification. */
export interface BadNotification {
  readonly bad: string;
}

const oldLength = 28;
const withEpochLength = 40;
const headLength = 44;

/** The form of 44 + n bytes, which every server since 3.4.6 reads. */
export function encodeNotification(
  vote: Pick<Notification, 'leader' | 'zxid' | 'electionEpoch' | 'peerEpoch'>,
  state: ServerState,
  config: Uint8Array,
): Uint8Array {
  const writer = new Writer(headLength + config.length);
  writer.int(serverStates.indexOf(state));
  writer.long(vote.leader);
  writer.long(vote.zxid);
  writer.long(vote.electionEpoch);
  writer.long(vote.peerEpoch);
  writer.int(notificationVersion);
  writer.buffer(config);
  return writer.bytes;
}

/** Bytes behind the configuration are ignored, as Java does. */
export function decodeNotification(bytes: Uint8Array): Notification | BadNotification {
  const { length } = bytes;
  if (length < oldLength) return { bad: `${length} bytes, at least ${oldLength} wanted` };
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const zxid = view.getBigInt64(12);
  const head = {
    state: serverStates[view.getInt32(0)],
    leader: view.getBigInt64(4),
    zxid,
    electionEpoch: view.getBigInt64(20),
  };
  if (length === oldLength) {
    return { ...head, peerEpoch: zxid >> 32n, version: 0, config: undefined };
  }
  if (length < withEpochLength) return { bad: `${length} bytes: cut before the version` };
  const peerEpoch = view.getBigInt64(28);
  // At exactly 40 bytes the last word was never a version.
  const version = length === withEpochLength ? 0 : view.getInt32(36);
  if (version < notificationVersion) return { ...head, peerEpoch, version, config: undefined };
  if (length < headLength) return { bad: `${length} bytes: cut before the configuration` };
  const configLength = view.getInt32(40);
  if (configLength < 0 || configLength > length - headLength) {
    return { bad: `configuration of ${configLength} bytes where ${length - headLength} are left` };
  }
  const config = decodeUtf8(bytes, headLength, headLength + configLength);
  return { ...head, peerEpoch, version, config };
}
