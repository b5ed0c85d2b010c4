/**
 * Faults in what clients ask and are told: requests, sessions, watches, access, quotas.
 */
import type { Mutant } from './mutant.ts';

export const requestMutants: readonly Mutant[] = [
  {
    name: 'reads do not wait for their session’s writes',
    file: 'core/request/requests',
    find: 'if (connection.pendingWrites > 0) {',
    replace: 'if (false) {',
    breaks: 'CL1',
    world: 'lone',
    quick: true,
  },
  {
    name: 'the watch event follows the reply',
    file: 'core/request/commits',
    find: '    commit(write, bytes) {',
    replace: `    commit(write, bytes) {
        const events = this.#watches;
        const late = [];
        this.#watches = {
            get isEmpty() { return events.isEmpty; },
            nodeCreated: (...all) => late.push(() => events.nodeCreated(...all)),
            nodeDeleted: (...all) => late.push(() => events.nodeDeleted(...all)),
            nodeDataChanged: (...all) => late.push(() => events.nodeDataChanged(...all)),
        };
        try { this.commitNow(write, bytes); }
        finally { this.#watches = events; for (const one of late) one(); }
    }
    commitNow(write, bytes) {`,
    breaks: 'WA1',
    world: 'lone',
  },
  {
    name: 'a one-shot watch stays',
    file: 'core/session/watch-table',
    find: `if ((watch.modes & WatchMode.STANDARD) !== 0)
                this.remove(watch, WatchMode.STANDARD);`,
    replace: '',
    breaks: 'WA4',
    world: 'lone',
  },
  {
    name: 'watches of children do not hear of children that go',
    file: 'core/session/watches',
    find: `this.#fire(this.#child, path, EventType.NodeDeleted, aclId, stamp);
        this.#childrenChanged(path, parentAclId);`,
    replace: 'this.#fire(this.#child, path, EventType.NodeDeleted, aclId, stamp);',
    breaks: 'WA3',
    world: 'lone',
  },
  {
    name: 'watches at a learner do not hear of others’ writes',
    file: 'core/request/commits',
    find: 'this.wantsResults = false;\n        this.zxidHigh = highOf(zxid);',
    replace: `this.watched = false;
        this.wantsResults = false;
        this.zxidHigh = highOf(zxid);`,
    breaks: 'WA3',
    world: 'ensemble',
  },
  {
    name: 'a watch set again after a reconnect misses what changed (1412)',
    file: 'core/request/reads',
    find: 'else if (tree.mzxid(slot) > since)',
    replace: 'else if (false)',
    breaks: 'WA3',
    world: 'lone',
  },
  {
    name: 'a watch for a node to appear is not set',
    file: 'core/request/reads',
    find: `if (watch)
            this.#watches.addData(decodeUtf8(bytes, pathEnd - length, pathEnd), connection);
        if (slot < 0)
            return ErrorCode.NoNode;`,
    replace: `if (slot < 0)
            return ErrorCode.NoNode;
        if (watch)
            this.#watches.addData(decodeUtf8(bytes, pathEnd - length, pathEnd), connection);`,
    breaks: 'WA3',
    world: 'lone',
  },
  {
    name: 'a failed multi is not rolled back',
    file: 'core/request/outstanding-changes',
    find: 'record.copyFrom(saved);\n            this.#release(saved);',
    replace: 'this.#release(saved);',
    breaks: 'ST3',
    world: 'lone',
    quick: true,
  },
  {
    name: 'a failed multi’s first operations are applied',
    file: 'core/tree/apply',
    find: 'if (reader.int() === OpCode.error)\n            failed = true;',
    replace: 'reader.int();',
    breaks: 'ST3',
    world: 'lone',
  },
  {
    name: 'a request does not see the writes on their way',
    file: 'core/request/outstanding-changes',
    find: `if (known !== undefined)
            return known.exists ? known : undefined;
        const tree = this.#tree;`,
    replace: `if (known !== undefined && known.exists)
            return known;
        const tree = this.#tree;`,
    breaks: 'ST3',
    world: 'lone',
  },
  {
    name: 'sequence numbers are the count of children (1046)',
    file: 'core/request/prep',
    find: 'path += sequenceDigits(cversion);',
    replace: 'path += sequenceDigits(parent.childCount);',
    breaks: 'SE3',
    world: 'lone',
    quick: true,
  },
  {
    name: 'a conditional write does not look at the version',
    file: 'core/request/prep',
    find: `if (expected !== -1 && expected !== node.version)
            return ErrorCode.BadVersion;
        const version = nextVersion(node.version);`,
    replace: 'const version = nextVersion(node.version);',
    breaks: 'CL5',
    world: 'lone',
    quick: true,
  },
  {
    name: 'a closed session keeps its ephemerals',
    file: 'core/tree/apply',
    find: 'if (left !== undefined) {\n        for (const slot of [...left]) {',
    replace: 'if (left !== undefined) {\n        for (const slot of []) {',
    breaks: 'SE2',
    world: 'lone',
  },
  {
    name: 'ephemerals on their way are forgotten when their session closes (1208)',
    file: 'core/request/prep',
    find: 'for (const [path, isOwn] of this.#changes.ephemeralsOf(requester.sessionId)) {',
    replace: 'for (const [path, isOwn] of []) {',
    breaks: 'ST1',
    world: 'lone',
  },
  {
    name: 'requests behind a closeSession are carried out (1496)',
    file: 'core/request/requests',
    find: 'connection.session.closing = true;\n        }\n        if (length',
    replace: '}\n        if (length',
    breaks: 'SE4',
    world: 'lone',
  },
  {
    name: 'sessions expire by the wall clock (1366)',
    file: 'core/replica',
    find: 'for (const session of this.sessions.expireDue(now)) {',
    replace: `this.wallAhead ??= wallTime - now;
            for (const session of this.sessions.expireDue(wallTime - this.wallAhead)) {`,
    breaks: 'SE5',
    world: 'lone',
  },
  {
    name: 'sessions expire a tick early',
    file: 'core/session/expiry-queue',
    find: 'const at = Math.max(this.#roundUp(now + timeoutMs), this.#nextAt);',
    replace:
      'const at = Math.max(this.#roundUp(now + timeoutMs) - 2 * this.#intervalMs, this.#nextAt);',
    breaks: 'SE5',
    world: 'lone',
  },
  {
    name: 'silent sessions never expire',
    file: 'core/session/session-tracker',
    find: 'for (const session of due)\n            session.closing = true;\n        return due;',
    replace: 'return [];',
    breaks: 'SE2',
    world: 'lone',
    quick: true,
  },
  {
    name: 'a learner’s clients are not reported alive',
    file: 'core/zab/learner-handler',
    find: 'this.#leadership.touch(this.link, sessionId, reader.int());',
    replace: 'reader.int();',
    breaks: 'SE5',
    world: 'ensemble',
  },
  {
    name: 'a new leader gives sessions no time',
    file: 'core/replica',
    find: 'sessions.add(id, timeoutMs, now);',
    replace: 'sessions.add(id, timeoutMs, now - timeoutMs);',
    breaks: 'SE5',
    world: 'ensemble',
  },
  {
    name: 'session ids begin anew at each start (1622)',
    file: 'core/session/session-tracker',
    find: 'this.#nextId = (BigInt(Math.floor(options.wallTime)) << 16n) & idMask;',
    replace: 'this.#nextId = 1n;',
    and: [
      {
        file: 'core/session/session-tracker',
        find: 'if (used >= this.#nextId)\n            this.#nextId = (used + 1n) & idMask;',
        replace: '',
      },
    ],
    breaks: 'SE3',
    world: 'lone',
  },
  {
    name: 'a client that has seen more is let in',
    file: 'core/request/admission',
    find: 'if (request.lastZxidSeen > lastProcessedZxid && request.lastZxidSeen > epochStart) {',
    replace: 'if (false) {',
    breaks: 'CL2',
    world: 'texts',
  },
  {
    name: 'a session that moved is not refused at its old server',
    file: 'core/request/learner-clients',
    find: 'return ErrorCode.SessionMoved;',
    replace: 'return Ok;',
    breaks: 'CL7',
    world: 'ensemble',
  },
  {
    name: 'every session is still valid for the leader',
    file: 'core/request/learner-clients',
    find: `if (session === undefined || session.isLocal || session.closing)
            return false;`,
    replace: 'if (session === undefined)\n            return true;',
    breaks: 'SE6',
    world: 'ensemble',
  },
  {
    name: 'requests of a session that has ended are carried out by the leader',
    file: 'core/request/learner-clients',
    find: `return isElsewhere ? Ok : SessionExpired;
        }
        if (session.closing)
            return SessionExpired;`,
    replace: 'return Ok;\n        }',
    breaks: 'SE4',
    world: 'ensemble',
  },
  {
    name: 'a learner takes another session’s commit for its own',
    file: 'core/request/learner-writes',
    find: 'if (view.getInt32(start) !== sessionHigh || view.getInt32(start + 4) !== sessionLow) {',
    replace: 'if (false) {',
    breaks: 'CL1',
    world: 'ensemble',
  },
  {
    name: 'deleting does not count at its parent (3125)',
    file: 'core/tree/data-tree',
    find: `addChildren(this.#rows, parent, -1);
        raisePzxid(this.#rows, parent, zxidHigh, zxidLow);`,
    replace: 'addChildren(this.#rows, parent, -1);',
    breaks: 'ST4',
    world: 'lone',
  },
  {
    name: 'writes need no permission',
    file: 'core/request/prep',
    find: 'return this.#options.skipAcl || allows(acl, perms, requester.authIds);',
    replace: 'return true;',
    breaks: 'SC5',
    world: 'texts',
    quick: true,
  },
  {
    name: 'reads need no permission',
    file: 'core/request/reads',
    find: 'return this.#options.skipAcl || allows(this.#database.tree.acl(slot), perms, authIds);',
    replace: 'return true;',
    breaks: 'SC5',
    world: 'texts',
  },
  {
    name: 'watchers are told what they may not read (2024-23944)',
    file: 'core/replica',
    find: `if (!this.#options.skipAcl && !allows(acl, Perms.READ, connection.authIds))
            return;`,
    replace: '',
    breaks: 'WA8',
    world: 'texts',
  },
  {
    name: 'getACL shows digests to anyone who may read (2019-0201)',
    file: 'core/request/reads',
    find: 'this.#may(slot, Perms.ADMIN, authIds) ? acl : maskDigestIds(acl)',
    replace: 'acl',
    breaks: 'SC5',
    world: 'texts',
  },
  {
    name: 'any password opens a session',
    file: 'core/session/password',
    find: 'return equalSecret(bytes, sessionPassword(id)) && id !== 0n;',
    replace: 'return id !== 0n;',
    breaks: 'SC2',
    world: 'texts',
  },
  {
    name: 'quotas are not enforced',
    file: 'core/request/prep',
    find: 'if (!this.#options.enforceQuota || this.#database.quotas.isEmpty)',
    replace: 'if (true)',
    breaks: 'ST1',
    world: 'texts',
  },
  {
    name: 'TTL nodes go before their time',
    file: 'core/request/container-sweep',
    find: 'return age > ttlOf(tree.owner(slot));',
    replace: 'return age >= 0;',
    breaks: 'ST4',
    world: 'texts',
  },
];
