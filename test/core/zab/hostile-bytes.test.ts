// What Java servers sent, spoiled: bytes flipped, left out, repeated, zxids changed, packets swapped or of another
// type. Whatever it is, it ends at most the connection it came by: a leader's other followers and its proposals go on,
// a learner leaves its term by name. No assertion of ours may be reached by what a peer sends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printQuorumConfig } from '../../../src/core/election/quorum-config.ts';
import { QuorumVerifier } from '../../../src/core/election/quorum-verifier.ts';
import { Learner } from '../../../src/core/zab/learner.ts';
import type { LearnerEvent } from '../../../src/core/zab/learner-events.ts';
import { snapSignature } from '../../../src/core/zab/learner-feed.ts';
import { Link } from '../../../src/core/zab/link.ts';
import { Reader } from '../../../src/jute/reader.ts';
import { Writer } from '../../../src/jute/writer.ts';
import { PacketType } from '../../../src/proto/quorum.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { epochOf } from '../../../src/proto/zxid.ts';
import { concatBytes, copyBytes } from '../../../src/util/bytes.ts';
import { Prng } from '../../../src/util/prng.ts';
import { configOf } from '../election/configs.ts';
import { historyOf, packet, range, term, tickTimeMs, z } from './hand-made-packets.ts';
import type { RecordedPacket, Recording } from './recordings.ts';
import { readRecordings } from './recordings.ts';
import { ScriptedLeader } from './scripted-leader.ts';

const spoilings = 250;
const { config, recordings } = readRecordings();
const signature = new Writer();
signature.ustring(snapSignature);
const types = Object.values(PacketType);

/** One side's bytes, spoiled once or more. */
function spoil(packets: readonly RecordedPacket[], chance: Prng): Uint8Array {
  const parts = packets.map(({ type, bytes, body }) => {
    const copy = copyBytes(bytes);
    return type === PacketType.SNAP ? concatBytes([copy, body, signature.copy()]) : copy;
  });
  for (let left = 1 + chance.below(3); left > 0; left--) {
    const at = chance.below(parts.length);
    const part = parts[at] ?? new Uint8Array(0);
    if (part.length < 20) continue;
    const view = new DataView(part.buffer, part.byteOffset, part.length);
    switch (chance.below(8)) {
      case 0:
        part[chance.below(part.length)] = chance.below(256);
        break;
      case 1:
        parts.splice(at, 1);
        break;
      case 2:
        parts.splice(at, 0, copyBytes(part));
        break;
      case 3:
        parts.splice(chance.below(parts.length), 0, copyBytes(part));
        break;
      case 4:
        view.setInt32(0, chance.pick(types));
        break;
      case 5:
        view.setBigInt64(4, view.getBigInt64(4) + BigInt(chance.pick([-1, 1, 2, 2 ** 32])));
        break;
      case 6:
        view.setInt32(12, chance.pick([-2, -1, 0, 1, 4, 0x7fffffff]));
        break;
      case 7:
        parts[at] = copyBytes(part, 0, chance.below(part.length + 1));
        break;
    }
  }
  return concatBytes(parts);
}

/** In pieces, from a buffer that does not last. */
function feed(bytes: Uint8Array, chance: Prng, take: (piece: Uint8Array) => void): void {
  for (let at = 0; at < bytes.length; ) {
    const piece = copyBytes(bytes, at, Math.min(bytes.length, at + 1 + chance.below(200)));
    at += piece.length;
    take(piece);
    piece.fill(0xee);
  }
}

/** A learner with a disk that is done at once. Out: why it left. */
function follow(recording: Recording, chance: Prng): string | undefined {
  const { packets } = recording;
  const [info, , ackEpoch] = packets;
  assert.ok(info !== undefined && ackEpoch?.data !== undefined);
  const [link, accepted] = [new Link('java', 1 << 20), epochOf(info.zxid)];
  const current = new Reader(ackEpoch.data).int();
  const snapshotLength = packets.find(({ type }) => type === PacketType.SNAP)?.body.length ?? 9;
  let end: string | undefined;
  let appended: Zxid = ackEpoch.zxid;
  let left = 0;
  const learner = new Learner(
    {
      ...{ mySid: recording.learner, leader: recording.leader, term, tickTimeMs: 400 },
      role: info.type === PacketType.OBSERVERINFO ? 'observer' : 'follower',
      ...{ initLimit: 40, syncLimit: 40, acceptedEpoch: accepted, lastZxid: ackEpoch.zxid },
      ...{ currentEpoch: current === -1 ? accepted : current, configVersion: 0n },
      ...{ configText: printQuorumConfig(configOf(config)), committedLog: historyOf() },
    },
    link,
    {
      append: ({ zxid }) => {
        appended = zxid;
      },
      deliver: () => undefined,
      touchedSessions: () => [],
      revalidated: () => undefined,
      syncReleased: () => undefined,
      beginSnapshot: () => {
        left = snapshotLength;
        return {
          get complete() {
            return left === 0;
          },
          push: (bytes) => {
            const taken = Math.min(left, bytes.length);
            left -= taken;
            return taken;
          },
        };
      },
    },
  );
  const step = (event: LearnerEvent): void => {
    for (const effect of learner.step(event, 0)) {
      if (effect.kind === 'abandon') end = effect.reason;
      else if (effect.kind === 'saveEpoch') {
        step({ kind: 'epochSaved', term, name: effect.name, epoch: effect.epoch });
      } else if (effect.kind === 'saveSnapshot') {
        appended = effect.zxid;
        step({ kind: 'snapshotSaved', term });
      } else if (effect.kind === 'truncate') {
        appended = appended < effect.zxid ? appended : effect.zxid;
        step({ kind: 'truncated', term, lastZxid: appended, failure: undefined });
      }
    }
  };
  step({ kind: 'connected' });
  const mine = packets.filter(({ from }) => from === 'leader');
  feed(spoil(mine, chance), chance, (bytes) => {
    step({ kind: 'received', bytes, start: 0, end: bytes.length });
    if (end === undefined && chance.chance(0.5)) step({ kind: 'synced', term, zxid: appended });
  });
  return end;
}

/** A leader with a follower that is well, where the recorded one was. Out: whether it closed the spoiled connection. */
function lead(recording: Recording, chance: Prng): boolean {
  const mySid = recording.leader;
  const other = [1n, 2n, 3n].find((sid) => sid !== mySid && sid !== recording.learner) ?? 0n;
  const history = mySid === 3n ? [] : range(1, 1, 0x1a);
  const epoch = mySid === 3n ? 0 : 1;
  const script = new ScriptedLeader({
    verifier: new QuorumVerifier(configOf(config)),
    options: { mySid, committedLog: historyOf(...history) },
    start: { acceptedEpoch: epoch, currentEpoch: epoch },
  });
  const two = script
    .connect()
    .info(other, epoch)
    .ackEpoch(epoch, history.at(-1) ?? 0n);
  two.ack(z(epoch + 1, 0));
  if (mySid === 3n) {
    const zxids = script.propose(0x19);
    two.ack(z(1, 0x14));
    script.synced(zxids.at(-1) ?? 0n);
  }
  const link = new Link('java', 1 << 20);
  script.step({ kind: 'connected', link });
  const mine = recording.packets.filter(({ from }) => from === 'learner');
  feed(spoil(mine, chance), chance, (bytes) => {
    script.step({ kind: 'received', link, bytes, start: 0, end: bytes.length });
    if (chance.chance(0.3)) script.propose();
    if (chance.chance(0.3)) {
      two.send(packet('PING', 0n, new Uint8Array(0))).ack(script.leader.status().lastProposed);
      script.pass(tickTimeMs / 2);
    }
  });
  assert.equal(two.isClosed, false);
  const [zxid = 0n] = script.propose();
  two.ack(zxid);
  script.synced(zxid);
  assert.equal(script.delivered.at(-1), zxid, 'the others are not harmed');
  return link.isClosed;
}

for (const recording of recordings.values()) {
  test(`${recording.name}: what a leader sends, spoiled ${spoilings} times`, () => {
    let ended = 0;
    for (let seed = 1; seed <= spoilings; seed++) {
      try {
        if (follow(recording, new Prng(seed)) !== undefined) ended++;
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
    assert.ok(ended > spoilings / 10, `${ended} are noticed`);
  });

  test(`${recording.name}: what a learner sends, spoiled ${spoilings} times`, () => {
    let closed = 0;
    for (let seed = 1; seed <= spoilings; seed++) {
      try {
        if (lead(recording, new Prng(seed))) closed++;
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
    assert.ok(closed > spoilings / 20, `${closed} are noticed`);
  });
}
