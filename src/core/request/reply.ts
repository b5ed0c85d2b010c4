// Frames to clients: where a reply begins and ends, and notifications. A reply is written straight
// into the connection's output: length, xid, zxid, error, body. A body that turns out to be
// impossible is cut off again.

import type { Writer } from '../../jute/writer.ts';
import { Xid } from '../../proto/client.ts';
import { ErrorCode } from '../../proto/errors.ts';
import { KeeperState } from '../../proto/opcodes.ts';

/** Length word and reply header. */
export const headerReplyLength = 20;

/** Opens a reply; the body goes to `out` next. Returns where the frame starts. */
export function beginReply(out: Writer, xid: number): number {
  out.ensure(headerReplyLength);
  const start = out.at;
  out.view.setInt32(start + 4, xid);
  out.at = start + headerReplyLength;
  return start;
}

/** Closes it. An error reply has no body, except for multi and multiRead, whose error here is Ok. */
export function endReply(
  out: Writer,
  start: number,
  zxidHigh: number,
  zxidLow: number,
  err: number,
): void {
  if (err !== ErrorCode.Ok) out.at = start + headerReplyLength;
  const view = out.view;
  view.setInt32(start, out.at - start - 4);
  view.setInt32(start + 8, zxidHigh);
  view.setInt32(start + 12, zxidLow);
  view.setInt32(start + 16, err);
}

/** A reply that is only a header. */
export function writeHeaderReply(
  out: Writer,
  xid: number,
  zxidHigh: number,
  zxidLow: number,
  err: number,
): void {
  endReply(out, beginReply(out, xid), zxidHigh, zxidLow, err);
}

/** A watch event. The zxid is that of the transaction, as since 3.9 (3.8 said −1); −1 when setWatches found it. */
export function writeNotification(
  out: Writer,
  type: number,
  path: string,
  zxidHigh: number,
  zxidLow: number,
): void {
  const start = beginReply(out, Xid.NOTIFICATION);
  out.int(type);
  out.int(KeeperState.SyncConnected);
  out.ustring(path);
  endReply(out, start, zxidHigh, zxidLow, ErrorCode.Ok);
}
