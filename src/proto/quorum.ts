// Packets between learner and leader (package org.apache.zookeeper.server.quorum of zookeeper.jute;
// Leader.java). They stand back to back on the stream, without framing.

import type { TypeOf } from '../jute/record.ts';
import { buffer, int, long, nullableVector, record } from '../jute/record.ts';
import { Id } from './data.ts';

export const AuthInfo = nullableVector(Id);

export const QuorumPacket = record('QuorumPacket', {
  type: int,
  zxid: long,
  data: buffer,
  authinfo: AuthInfo,
});
export type QuorumPacket = TypeOf<typeof QuorumPacket>;

export const LearnerInfo = record('LearnerInfo', {
  serverid: long,
  protocolVersion: int,
  configVersion: long,
});
export type LearnerInfo = TypeOf<typeof LearnerInfo>;

export const QuorumAuthPacket = record('QuorumAuthPacket', {
  magic: long,
  status: int,
  token: buffer,
});

/** Types of QuorumPacket, by their names in Leader.java. */
export const PacketType = {
  REQUEST: 1,
  PROPOSAL: 2,
  ACK: 3,
  COMMIT: 4,
  PING: 5,
  REVALIDATE: 6,
  SYNC: 7,
  INFORM: 8,
  COMMITANDACTIVATE: 9,
  NEWLEADER: 10,
  FOLLOWERINFO: 11,
  UPTODATE: 12,
  DIFF: 13,
  TRUNC: 14,
  SNAP: 15,
  OBSERVERINFO: 16,
  LEADERINFO: 17,
  ACKEPOCH: 18,
  INFORMANDACTIVATE: 19,
} as const;
export type PacketName = keyof typeof PacketType;

/** LearnerInfo's protocolVersion of every server since 3.4 (Zab 1.0). */
export const zabProtocolVersion = 0x10000;
