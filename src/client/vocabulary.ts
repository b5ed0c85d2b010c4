// The words of ZooKeeper that a program using the client needs besides operations: permission bits, the usual ACLs,
// stats and error names. They live in proto/; here they are passed on, so that the package's front door, which may not
// look into proto/, can offer them.

export type { ACL, ClientInfo, Id, Stat } from '../proto/data.ts';
export { creatorAllAcl, openAcl, Perms, readAcl } from '../proto/data.ts';
export type { ErrorName } from '../proto/errors.ts';
export { ErrorCode } from '../proto/errors.ts';
