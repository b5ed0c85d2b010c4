/**
 * Client frames without their length words, as a client that is neither ours nor Java's would
 * build them: what the script of the four-letter words sends to a live server and to the machine
 * alike.
 */
import { Writer } from '../../../src/jute/writer.ts';
import {
  AddWatchRequest,
  AuthPacket,
  ConnectRequest,
  CreateRequest,
  DeleteRequest,
  PathWatchRequest,
  SetDataRequest,
  Xid,
} from '../../../src/proto/client.ts';
import { openAcl } from '../../../src/proto/data.ts';
import { OpCode } from '../../../src/proto/opcodes.ts';

function framed(write: (out: Writer) => void): Uint8Array {
  const out = new Writer();
  write(out);
  return Uint8Array.from(out.written());
}

function request(xid: number, type: number, body?: (out: Writer) => void): Uint8Array {
  return framed((out) => {
    out.int(xid);
    out.int(type);
    body?.(out);
  });
}

export function connect(timeOut: number): Uint8Array {
  return framed((out) => {
    const passwd = new Uint8Array(16);
    const value = { protocolVersion: 0, lastZxidSeen: 0n, timeOut, sessionId: 0n, passwd };
    ConnectRequest.write(out, value);
    out.boolean(false);
  });
}

export function create(xid: number, path: string, data: string, flags = 0): Uint8Array {
  const value = { path, data: bytesOf(data), acl: [...openAcl], flags };
  return request(xid, OpCode.create, (out) => CreateRequest.write(out, value));
}

export function setData(xid: number, path: string, data: string): Uint8Array {
  const value = { path, data: bytesOf(data), version: -1 };
  return request(xid, OpCode.setData, (out) => SetDataRequest.write(out, value));
}

export function remove(xid: number, path: string): Uint8Array {
  return request(xid, OpCode.delete, (out) => DeleteRequest.write(out, { path, version: -1 }));
}

/** exists, getData, getChildren and getChildren2. */
export function read(xid: number, type: OpCode, path: string, watch: boolean): Uint8Array {
  return request(xid, type, (out) => PathWatchRequest.write(out, { path, watch }));
}

export function addWatch(xid: number, path: string, mode: number): Uint8Array {
  return request(xid, OpCode.addWatch, (out) => AddWatchRequest.write(out, { path, mode }));
}

export function auth(scheme: string, credentials: string): Uint8Array {
  const value = { type: 0, scheme, auth: bytesOf(credentials) };
  return request(Xid.AUTH, OpCode.auth, (out) => AuthPacket.write(out, value));
}

export function ping(): Uint8Array {
  return request(Xid.PING, OpCode.ping);
}

export function closeSession(xid: number): Uint8Array {
  return request(xid, OpCode.closeSession);
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(new TextEncoder().encode(text));
}
