/**
 * Faults in elections, discovery, synchronization and broadcast. The numbers in the names are those
 * of ZooKeeper's own bugs (ZOOKEEPER-n) the fault brings back, where there is one.
 */
import type { Mutant } from './mutant.ts';

export const electionMutants: readonly Mutant[] = [
  {
    name: 'a quorum is one server short',
    file: 'core/election/quorum-verifier',
    find: 'return voters.size > this.voters.size / 2;',
    replace: 'return voters.size > this.voters.size / 2 - 1;',
    breaks: 'LD1',
    world: 'ensemble',
    quick: true,
  },
  {
    name: 'half of an even ensemble is a quorum',
    file: 'core/election/quorum-verifier',
    find: 'return voters.size > this.voters.size / 2;',
    replace: 'return voters.size >= this.voters.size / 2;',
    breaks: 'LD1',
    world: 'ensemble',
  },
  {
    name: 'weights are ignored',
    file: 'core/election/quorum-verifier',
    find: 'return this.#hierarchy.weights.get(sid) ?? 0;',
    replace: 'return this.#hierarchy.weights.has(sid) ? 1 : 0;',
    breaks: 'LD4',
    world: 'ensemble',
  },
  {
    name: 'votes go by zxid before epoch',
    file: 'core/election/vote',
    find: `if (a.peerEpoch !== b.peerEpoch)
        return a.peerEpoch > b.peerEpoch;
    if (a.zxid !== b.zxid)
        return a.zxid > b.zxid;`,
    replace: `if (a.zxid !== b.zxid)
        return a.zxid > b.zxid;
    if (a.peerEpoch !== b.peerEpoch)
        return a.peerEpoch > b.peerEpoch;`,
    breaks: 'LD5',
    world: 'election',
  },
  {
    name: 'the lower zxid wins the vote',
    file: 'core/election/vote',
    find: 'return a.zxid > b.zxid;',
    replace: 'return a.zxid < b.zxid;',
    breaks: 'LD5',
    world: 'election',
    quick: true,
  },
  {
    name: 'an election ends before a quorum votes so',
    file: 'core/election/vote-tracker',
    find: 'return this.#sets.every(({ verifier, acks }) => verifier.containsQuorum(acks));',
    replace: 'return this.#sets.every(({ acks }) => acks.size > 0);',
    breaks: 'LD4',
    world: 'election',
  },
];

export const zabMutants: readonly Mutant[] = [
  {
    name: 'observers count for the epoch (2959)',
    file: 'core/zab/learners',
    find: `const counts = handler.role === 'follower' && handler.isIntroduced;
            if (counts && verifier.voters.has(handler.sid) && fits(handler))`,
    replace: 'const counts = handler.isIntroduced;\n            if (counts && fits(handler))',
    and: [
      {
        file: 'core/election/quorum-verifier',
        find: 'if (this.voters.has(sid))\n                voters.add(sid);',
        replace: 'voters.add(sid);',
      },
    ],
    breaks: 'LD4',
    world: 'ensemble',
  },
  {
    name: 'the epoch is not above the quorum’s',
    file: 'core/zab/epoch-proposal',
    find: 'return Math.max(this.#highest, ...believed) + 1;',
    replace: 'return Math.max(this.#highest, ...believed);',
    breaks: 'LD1',
    world: 'zab',
    quick: true,
  },
  {
    name: 'followers’ accepted epochs are not heard (335)',
    file: 'core/zab/epoch-proposal',
    find: 'this.#highest = Math.max(this.#highest, acceptedEpoch);',
    replace: ';',
    and: [
      {
        file: 'core/zab/learner-handshake',
        find: 'if (epoch < acceptedEpoch) {',
        replace: 'if (epoch < 0) {',
      },
    ],
    breaks: 'EP4',
    world: 'zab',
  },
  {
    name: 'acceptedEpoch is not saved before ACKEPOCH',
    file: 'core/zab/learner-handshake',
    find: `this.#phase = { kind: 'savingAcceptedEpoch' };
        this.#term.want({ kind: 'saveEpoch', name: 'acceptedEpoch', epoch });`,
    replace: 'this.#sendAckEpoch(this.#options.currentEpoch, what);',
    breaks: 'EP4',
    world: 'zab',
    quick: true,
  },
  {
    name: 'an epoch is promised twice',
    file: 'core/zab/learner-handshake',
    find: 'this.#sendAckEpoch(-1, what);',
    replace: 'this.#sendAckEpoch(this.#options.currentEpoch, what);',
    and: [
      {
        file: 'core/zab/epoch-proposal',
        find: 'this.#highest = Math.max(this.#highest, acceptedEpoch);',
        replace: ';',
      },
    ],
    breaks: 'EP4',
    world: 'zab',
  },
  {
    name: 'a leader does not step back behind a follower that is ahead',
    file: 'core/zab/discovery',
    find: 'if (currentEpoch !== -1 && isMoreRecent(summary, this.#summary)) {',
    replace: 'if (false) {',
    breaks: 'LD3',
    world: 'zab',
  },
  {
    name: 'a promise of an earlier follower counts, whatever its epoch',
    file: 'core/zab/discovery',
    find: 'return summary.currentEpoch !== -1 && summary.lastZxid !== -1n;',
    replace: 'return true;',
    breaks: 'EP4',
    world: 'zab',
  },
  {
    name: 'currentEpoch is on disk before the history (4643)',
    file: 'core/zab/learner-handshake',
    find: "if (phase.kind !== 'savingHistory' || this.#history.lastDurable < phase.last)",
    replace: "if (phase.kind !== 'savingHistory')",
    breaks: 'PS2',
    world: 'zab',
  },
  {
    name: 'NEWLEADER is acknowledged before anything is on disk (4646)',
    file: 'core/zab/learner-handshake',
    find: "this.#phase = { kind: 'savingHistory', last };\n        this.#trySaveCurrentEpoch();",
    replace: `this.#phase = { kind: 'savingHistory', last };
        writeBarePacket(this.#link.out, PacketType.ACK, makeZxid(this.#epoch, 0));
        this.#trySaveCurrentEpoch();`,
    breaks: 'PS2',
    world: 'zab',
    quick: true,
  },
  {
    name: 'the leader counts itself before its currentEpoch is on disk',
    file: 'core/zab/leader',
    find: "if (phase.kind !== 'synchronizing' || !phase.isCurrentEpochSaved)",
    replace: "if (phase.kind !== 'synchronizing')",
    and: [
      {
        file: 'core/zab/leader',
        find: "const isSaved = phase.kind !== 'synchronizing' || phase.isCurrentEpochSaved;",
        replace: 'const isSaved = true;',
      },
    ],
    breaks: 'PS2',
    world: 'zab',
  },
  {
    name: 'the leader serves before a quorum of NEWLEADER',
    file: 'core/zab/leader',
    find: `if (!this.#verifiers.every((verifier) => verifier.containsQuorum(sids)))
            return;`,
    replace: '',
    breaks: 'HI13',
    world: 'zab',
    quick: true,
  },
  {
    name: 'UPTODATE is sent before a quorum has the history',
    file: 'core/zab/leader',
    find: `if (this.#phase.kind === 'broadcasting') {
            this.#note({ event: 'received', peer: sid, what, decision: 'send UPTODATE' });`,
    replace: `if (true) {
            this.#note({ event: 'received', peer: sid, what, decision: 'send UPTODATE' });`,
    breaks: 'HI13',
    world: 'zab',
  },
  {
    name: 'a leader that lost its quorum goes on',
    file: 'core/zab/leader',
    find: `if (verifier.containsQuorum(sids))
                continue;
            this.#abandon`,
    replace: 'continue;\n            this.#abandon',
    breaks: 'LV1',
    world: 'ensemble',
  },
  {
    name: 'a proposal is acknowledged before it is on disk',
    file: 'core/zab/learner-history',
    find: 'if (zxid > this.#lastDurable)\n                return;',
    replace: '',
    breaks: 'PS1',
    world: 'zab',
    quick: true,
  },
  {
    name: 'a proposal of a synchronization is acknowledged before NEWLEADER (4685)',
    file: 'core/zab/learner-history',
    find: 'if (!this.#mayAck)\n            return;',
    replace: '',
    breaks: 'LV1',
    world: 'zab',
  },
  {
    name: 'the leader commits what only it has',
    file: 'core/zab/proposals',
    find: 'if (this.#quorums.every((quorum) => quorum.containsQuorum(have)))',
    replace: 'if (have.length > 0)',
    breaks: 'HI13',
    world: 'zab',
    quick: true,
  },
  {
    name: 'the leader counts its own log before it is on disk (4882)',
    file: 'server/leading',
    find: `history.append(batch, () => {
                    done();
                    this.#done({`,
    replace: `this.#step({ kind: 'synced', term, zxid: lastZxid });
                history.append(batch, () => {
                    done();
                    this.#done({`,
    breaks: 'HI13',
    world: 'ensemble',
  },
  {
    name: 'acknowledgements of an earlier synchronization count',
    file: 'core/zab/proposals',
    find: 'this.#acked.delete(sid);',
    replace: '',
    breaks: 'HI13',
    world: 'zab',
  },
  {
    name: 'a disk completion of an earlier term counts at a learner (4712)',
    file: 'core/zab/learner',
    find: "if ('term' in event && event.term !== term)",
    replace: 'if (false)',
    breaks: 'PS1',
    world: 'zab',
  },
  {
    name: 'a disk completion of an earlier term counts at a leader (4712)',
    file: 'core/zab/leader',
    find: 'if (event.term === this.#options.term)\n                    this.#epochSaved(',
    replace: 'if (true)\n                    this.#epochSaved(',
    breaks: 'PS2',
    world: 'zab',
  },
  {
    name: 'COMMIT is applied out of order',
    file: 'core/zab/learner-history',
    find: 'const txn = this.#pending.shift();',
    replace: `const first = this.#pending.shift();
        const txn = this.#pending.shift() ?? first;
        if (txn !== first) this.#pending.push(first);`,
    breaks: 'HI4',
    world: 'zab',
  },
  {
    name: 'COMMIT is applied to the proposal behind, too',
    file: 'core/zab/learner-history',
    find: 'if (head?.zxid === zxid) {',
    replace: 'if (head?.zxid === zxid) {\n            this.#deliver();',
    breaks: 'HI1',
    world: 'zab',
  },
  {
    name: 'COMMITs held for a learner lose the first',
    file: 'core/zab/learner-handler',
    find: 'this.#heldFrom ??= zxid;',
    replace: 'this.#heldFrom = zxid;',
    and: [
      {
        file: 'core/zab/learner-history',
        find: 'if (head?.zxid === zxid) {',
        replace: 'if (head !== undefined) {',
      },
    ],
    breaks: 'HI14',
    world: 'zab',
  },
  {
    name: 'DIFF has a hole, and nobody sees it',
    file: 'core/zab/learner-history',
    find: 'if (follows(this.#lastReceived, zxid))\n            return undefined;',
    replace: 'return undefined;',
    and: [
      {
        file: 'core/zab/learner-sync',
        find: "return diff(max, learnerZxid, 'its last transaction is ours', logTo);",
        replace: "return diff(max, learnerZxid + 1n, 'its last transaction is ours', logTo);",
      },
    ],
    breaks: 'HI12',
    world: 'zab',
  },
  {
    name: 'DIFF leaves out its first transaction (2418)',
    file: 'core/zab/learner-sync',
    find: "return diff(max, learnerZxid, 'its last transaction is ours', logTo);",
    replace: "return diff(max, learnerZxid + 1n, 'its last transaction is ours', logTo);",
    breaks: 'HI12',
    world: 'zab',
    quick: true,
  },
  {
    name: 'a learner that is ahead keeps what nobody committed (2832)',
    file: 'core/zab/learner-sync',
    find: 'return trunc(max,',
    replace: 'return diff(max, learnerZxid,',
    breaks: 'HI1',
    world: 'zab',
  },
  {
    name: 'a history that is not ours gets a DIFF',
    file: 'core/zab/learner-sync',
    find: 'if (before === learnerZxid)\n        return diff(',
    replace: 'if (before !== undefined)\n        return diff(',
    breaks: 'HI1',
    world: 'zab',
  },
  {
    name: 'what is proposed during a synchronization is not sent on (3911)',
    file: 'core/zab/broadcast',
    find: `if (handler.role === 'follower')
            for (const txn of this.#proposals)
                handler.propose(txn);`,
    replace: '',
    breaks: 'HI12',
    world: 'zab',
  },
  {
    name: 'a learner does not keep what it applied for others (4925)',
    file: 'core/zab/learner-history',
    find: 'this.#committedLog.add(txn);\n        try {',
    replace: 'try {',
    breaks: 'HI12',
    world: 'ensemble',
  },
  {
    name: 'observers are informed of one transaction in two',
    file: 'core/zab/learner-handler',
    find: "if (this.role === 'observer') {",
    replace: `if (this.role === 'observer' && (zxid & 1n) === 0n) return;
        if (this.role === 'observer') {`,
    breaks: 'HI12',
    world: 'ensemble',
  },
  {
    name: 'a follower acknowledges one proposal in two',
    file: 'core/zab/learner-history',
    find: 'writeBarePacket(this.#link.out, PacketType.ACK, zxid);',
    replace: 'if ((zxid & 1n) === 0n) writeBarePacket(this.#link.out, PacketType.ACK, zxid);',
    breaks: 'LV1',
    world: 'ensemble',
  },
  {
    name: 'a follower acknowledges the proposal after',
    file: 'core/zab/learner-history',
    find: 'writeBarePacket(this.#link.out, PacketType.ACK, zxid);',
    replace: 'writeBarePacket(this.#link.out, PacketType.ACK, zxid + 1n);',
    breaks: 'PS1',
    world: 'zab',
  },
  {
    name: 'the counter of an epoch overflows (1277)',
    file: 'core/zab/broadcast',
    find: 'return this.#isEstablished && this.lastProposed < this.#last;',
    replace: 'return this.#isEstablished;',
    and: [
      {
        file: 'core/zab/broadcast',
        find: 'return this.lastCommitted >= this.#last;',
        replace: 'return false;',
      },
    ],
    breaks: 'HI4',
    world: 'zab',
  },
  {
    name: 'what a follower logged is not applied at the end of a term (2845)',
    file: 'server/following',
    find: `applyTxn(history.database, txn.bytes, txn.start, txn.end);
                history.committedLog.add(txn);`,
    replace: '',
    breaks: 'HI13',
    world: 'ensemble',
  },
  {
    name: 'what a leader logged is not applied at the end of a term (2845)',
    file: 'server/leading',
    find: `applyTxn(history.database, txn.bytes, txn.start, txn.end);
                history.committedLog.add(txn);`,
    replace: '',
    breaks: 'HI13',
    world: 'ensemble',
  },
  {
    name: 'a learner’s epoch is the one it had in memory',
    file: 'server/following',
    find: 'currentEpoch: history.epochs.currentEpoch,',
    replace: 'currentEpoch: history.epochs.acceptedEpoch,',
    breaks: 'LD3',
    world: 'ensemble',
  },
  {
    name: 'a leader’s snapshot leaves the old committed log (1549)',
    file: 'server/history',
    find: 'this.#database = database;\n                this.committedLog.clear();',
    replace: 'this.#database = database;',
    breaks: 'HI12',
    world: 'ensemble',
  },
  {
    name: 'the sessions of a leader’s snapshot are lost',
    file: 'server/history',
    find: 'database.lastProcessedZxid = zxid;',
    replace: 'database.lastProcessedZxid = zxid;\n        database.sessions.clear();',
    breaks: 'SE1',
    world: 'ensemble',
  },
  {
    name: 'SNAP says a later zxid than its tree has (3104)',
    file: 'core/zab/learner-feed',
    find: `this.#cursor = zxid;
        this.#pin.after = zxid;
        writeBarePacket(this.#link.out, PacketType.SNAP, zxid);`,
    replace: `this.#cursor = zxid + 1n;
        this.#pin.after = zxid + 1n;
        writeBarePacket(this.#link.out, PacketType.SNAP, zxid + 1n);`,
    breaks: 'PS7',
    world: 'ensemble',
  },
];
