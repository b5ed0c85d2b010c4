// One client that wants one write acknowledged, whoever serves it: it dials, opens a session and sets a node's data, on
// a socket of its own, in a tight loop over all addresses until one attempt succeeds. In: addresses. Out: when.
// No client library stands between, so that no back-off of a library is measured.

import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { Writer } from '../src/jute/writer.ts';
import {
  ConnectRequest,
  CreateRequest,
  RequestHeader,
  SetDataRequest,
} from '../src/proto/client.ts';
import { OpCode } from '../src/proto/opcodes.ts';

/** Between a refused attempt and the next at the same server. */
const againMs = 2;
/** A server that accepts and says nothing costs so much. */
const silentMs = 1_000;
const sessionTimeoutMs = 10_000;
const worldAnyone = { perms: 31, id: { scheme: 'world', id: 'anyone' } };

/** Creates `path` (or finds it there) and resolves when that is acknowledged. */
export function createNode(ports: readonly number[], path: string): Promise<number> {
  const request = { path, data: new Uint8Array(16), acl: [worldAnyone], flags: 0 };
  const nodeExists = -110;
  return firstAcknowledged(ports, OpCode.create, nodeExists, (out) =>
    CreateRequest.write(out, request),
  );
}

/** Sets the data of `path` through whichever server lets us first; resolves with `performance.now()` of the answer. */
export function firstWrite(ports: readonly number[], path: string): Promise<number> {
  const request = { path, data: new Uint8Array(16), version: -1 };
  return firstAcknowledged(ports, OpCode.setData, 0, (out) => SetDataRequest.write(out, request));
}

function firstAcknowledged(
  ports: readonly number[],
  type: number,
  alsoFine: number,
  body: (out: Writer) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const sockets = new Set<Socket>();
    let isOver = false;
    const end = (act: () => void): void => {
      if (isOver) return;
      isOver = true;
      for (const socket of sockets) socket.destroy();
      clearTimeout(limit);
      act();
    };
    const limit = setTimeout(() => end(() => reject(new Error('no write for 60 s'))), 60_000);
    const attempt = (port: number): void => {
      if (isOver) return;
      let taken = Buffer.alloc(0);
      let hasSession = false;
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
        socket.write(connectFrame());
      });
      sockets.add(socket);
      socket.setTimeout(silentMs, () => socket.destroy());
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        setTimeout(() => attempt(port), againMs);
      });
      socket.on('data', (data) => {
        taken = Buffer.concat([taken, data]);
        while (taken.length >= 4 && taken.length >= 4 + taken.readInt32BE(0)) {
          const frame = taken.subarray(4, 4 + taken.readInt32BE(0));
          taken = taken.subarray(4 + frame.length);
          if (!hasSession) {
            hasSession = true;
            // Protocol version, timeout: 0 refuses.
            if (frame.readInt32BE(4) <= 0) socket.destroy();
            else socket.write(requestFrame(type, body));
          } else {
            const at = performance.now();
            const err = frame.readInt32BE(12);
            if (err === 0 || err === alsoFine) end(() => resolve(at));
            else end(() => reject(new Error(`the write failed: ${err}`)));
          }
        }
      });
    };
    for (const port of ports) attempt(port);
  });
}

export function connectFrame(): Uint8Array {
  return framed((out) => {
    ConnectRequest.write(out, {
      protocolVersion: 0,
      lastZxidSeen: 0n,
      timeOut: sessionTimeoutMs,
      sessionId: 0n,
      passwd: new Uint8Array(16),
    });
    out.boolean(false);
  });
}

export function requestFrame(type: number, body: (out: Writer) => void, xid = 1): Uint8Array {
  return framed((out) => {
    RequestHeader.write(out, { xid, type });
    body(out);
  });
}

function framed(write: (out: Writer) => void): Uint8Array {
  const out = new Writer();
  out.int(0);
  write(out);
  out.view.setInt32(0, out.at - 4);
  return out.copy();
}
