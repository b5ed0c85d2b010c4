// The words of ZooKeeper that a program using the client needs besides operations: permission bits, the usual ACLs,
// stats, error names, states. They live in proto/ and core/; here they are passed on, so that the package's front
// door, which may not look in there, can offer them.

export type { ClientState, SessionKey } from '../core/client/session-events.ts';
export type { ACL, ClientInfo, Id, Stat } from '../proto/data.ts';
export { creatorAllAcl, openAcl, Perms, readAcl } from '../proto/data.ts';
export type { ErrorName } from '../proto/errors.ts';
export { ErrorCode } from '../proto/errors.ts';
