// Requests and replies of the client protocol, in wire order (package org.apache.zookeeper.proto of
// zookeeper.jute). Which record belongs to which op code is said in opcodes.ts.

import type { TypeOf } from '../jute/record.ts';
import {
  boolean,
  buffer,
  int,
  long,
  nullableString,
  record,
  ustring,
  vector,
} from '../jute/record.ts';
import { ACL, ClientInfo, Stat } from './data.ts';

/** The first frame from a client. A trailing `readOnly` byte follows unless the client is older than 3.4. */
export const ConnectRequest = record('ConnectRequest', {
  protocolVersion: int,
  lastZxidSeen: long,
  timeOut: int,
  sessionId: long,
  passwd: buffer,
});
export type ConnectRequest = TypeOf<typeof ConnectRequest>;

/**
 * The first frame to a client; `timeOut` 0 says the session is gone. A `readOnly` byte follows if
 * the request had one.
 */
export const ConnectResponse = record('ConnectResponse', {
  protocolVersion: int,
  timeOut: int,
  sessionId: long,
  passwd: buffer,
});
export type ConnectResponse = TypeOf<typeof ConnectResponse>;

export const RequestHeader = record('RequestHeader', { xid: int, type: int });
export const ReplyHeader = record('ReplyHeader', { xid: int, zxid: long, err: int });
export const MultiHeader = record('MultiHeader', { type: int, done: boolean, err: int });
export const AuthPacket = record('AuthPacket', { type: int, scheme: ustring, auth: buffer });
export const SetSASLRequest = record('SetSASLRequest', { token: buffer });

export const CreateRequest = record('CreateRequest', {
  path: ustring,
  data: buffer,
  acl: vector(ACL),
  flags: int,
});
export type CreateRequest = TypeOf<typeof CreateRequest>;
export const CreateTTLRequest = record('CreateTTLRequest', {
  path: ustring,
  data: buffer,
  acl: vector(ACL),
  flags: int,
  ttl: long,
});
export type CreateTTLRequest = TypeOf<typeof CreateTTLRequest>;
export const DeleteRequest = record('DeleteRequest', { path: ustring, version: int });
export const SetDataRequest = record('SetDataRequest', {
  path: ustring,
  data: buffer,
  version: int,
});
export const SetACLRequest = record('SetACLRequest', {
  path: ustring,
  acl: vector(ACL),
  version: int,
});
export const CheckVersionRequest = record('CheckVersionRequest', { path: ustring, version: int });
/** exists, getData, getChildren and getChildren2 all carry this. */
export const PathWatchRequest = record('PathWatchRequest', { path: ustring, watch: boolean });
/** getACL, sync, getAllChildrenNumber; getEphemerals carries its prefix so. */
export const PathRequest = record('PathRequest', { path: ustring });
export const ReconfigRequest = record('ReconfigRequest', {
  joiningServers: nullableString,
  leavingServers: nullableString,
  newMembers: nullableString,
  curConfigId: long,
});
export const WatchTypeRequest = record('WatchTypeRequest', { path: ustring, type: int });
export const AddWatchRequest = record('AddWatchRequest', { path: ustring, mode: int });
export const SetWatches = record('SetWatches', {
  relativeZxid: long,
  dataWatches: vector(ustring),
  existWatches: vector(ustring),
  childWatches: vector(ustring),
});
export const SetWatches2 = record('SetWatches2', {
  relativeZxid: long,
  dataWatches: vector(ustring),
  existWatches: vector(ustring),
  childWatches: vector(ustring),
  persistentWatches: vector(ustring),
  persistentRecursiveWatches: vector(ustring),
});
export type SetWatches2 = TypeOf<typeof SetWatches2>;

export const PathResponse = record('PathResponse', { path: ustring });
export const Create2Response = record('Create2Response', { path: ustring, stat: Stat });
export const StatResponse = record('StatResponse', { stat: Stat });
export const GetDataResponse = record('GetDataResponse', { data: buffer, stat: Stat });
export const GetACLResponse = record('GetACLResponse', { acl: vector(ACL), stat: Stat });
export const GetChildrenResponse = record('GetChildrenResponse', { children: vector(ustring) });
export const GetChildren2Response = record('GetChildren2Response', {
  children: vector(ustring),
  stat: Stat,
});
export const GetEphemeralsResponse = record('GetEphemeralsResponse', {
  ephemerals: vector(ustring),
});
export const GetAllChildrenNumberResponse = record('GetAllChildrenNumberResponse', {
  totalNumber: int,
});
export const WhoAmIResponse = record('WhoAmIResponse', { clientInfo: vector(ClientInfo) });
/** The body of an error result inside a multi, and of addWatch's success (err 0). */
export const ErrorResponse = record('ErrorResponse', { err: int });
/** Body of a notification (xid −1). */
export const WatcherEvent = record('WatcherEvent', { type: int, state: int, path: ustring });
export type WatcherEvent = TypeOf<typeof WatcherEvent>;

/** Reserved xids (ClientCnxn). */
export const Xid = { NOTIFICATION: -1, PING: -2, AUTH: -4, SET_WATCHES: -8 } as const;

/** The length of the password of a session, in bytes. */
export const passwordLength = 16;
