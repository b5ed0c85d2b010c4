/**
 * What comes back on one connection, cut at the replies: which events came before which reply, when
 * the connection is to end, and how Java is helped to end it. In: frames as they came. Out: parts
 * that can be laid beside those of the other server.
 */
import { Xid } from '../../src/proto/client.ts';
import { ErrorCode } from '../../src/proto/errors.ts';
import { OpCode } from '../../src/proto/opcodes.ts';
import type { RawClient } from '../support/raw-client.ts';
import { requestPayload } from '../support/raw-client.ts';
import type { Request } from './differential-requests.ts';
import type { EventShape, FrameShape, ReplyShape } from './differential-shapes.ts';

/**
 * The next frame, or undefined at the end. Java's selector can miss that it is to close a connection
 * it has nothing more to write to, and input wakes it: so if the end is due, it is helped.
 */
export async function frameOrEnd(
  client: RawClient,
  isEndOfJavas: boolean,
): Promise<Uint8Array | undefined> {
  if (!isEndOfJavas) return client.frame();
  const ping = requestPayload(Xid.PING, OpCode.ping);
  const nudge = setTimeout(() => client.send(ping), 1000);
  try {
    return await client.frame();
  } finally {
    clearTimeout(nudge);
  }
}

/** The events before a reply, and the reply; or the end. */
export interface Part {
  readonly events: EventShape[];
  readonly end: FrameShape;
}

export function partsOf(frames: readonly FrameShape[]): Part[] {
  const parts: Part[] = [];
  let events: EventShape[] = [];
  for (const frame of frames) {
    if (frame.kind === 'event') events.push(frame);
    else {
      parts.push({ events, end: frame });
      events = [];
    }
  }
  return parts;
}

/** Whether the server is to end the connection behind this reply. */
export function closes(request: Request, reply: ReplyShape): boolean {
  if (request.type === OpCode.closeSession) return true;
  if (request.type === OpCode.auth) return reply.err !== ErrorCode.Ok;
  // Both servers have TTL nodes enabled: nothing else is unimplemented.
  return reply.err === ErrorCode.Unimplemented;
}

export function isPong(frame: FrameShape): boolean {
  return frame.kind === 'reply' && frame.xid === Xid.PING;
}
