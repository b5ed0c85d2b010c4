// The fixed parts of snapshot and log files (package org.apache.zookeeper.server.persistence of
// zookeeper.jute).

import type { TypeOf } from '../jute/record.ts';
import { int, long, record } from '../jute/record.ts';

export const FileHeader = record('FileHeader', { magic: int, version: int, dbid: long });
export type FileHeader = TypeOf<typeof FileHeader>;
export const fileHeaderLength = 16;

/** 'ZKSN' */
export const snapshotMagic = 0x5a4b534e;
/** 'ZKLG' */
export const logMagic = 0x5a4b4c47;
export const fileVersion = 2;
/** Java writes −1 into snapshots and 0 into logs. */
export const snapshotDbid = -1n;
export const logDbid = 0n;
/** 'B', behind every log entry. */
export const entryEnd = 0x42;
