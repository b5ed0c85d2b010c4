// One election machine whose peers are played by the test: `hear` feeds it a notification, and what it wants done comes
// back as short lines (`3,2 < LOOKING vote 1 (…)`, `decide LEADING 1 early`). Time stands still until the test moves
// it. The bytes of a message are spoiled after the step, so that nothing can have kept them.
import assert from 'node:assert/strict';
import type {
  Decision,
  ElectionEffect,
  ElectionEvent,
  ElectionNote,
  ElectionOptions,
} from '../../../src/core/election/election-events.ts';
import { voteText } from '../../../src/core/election/election-notes.ts';
import { FastLeaderElection } from '../../../src/core/election/fast-leader-election.ts';
import { printQuorumConfig } from '../../../src/core/election/quorum-config.ts';
import { encodeUtf8 } from '../../../src/jute/utf8.ts';
import type { ServerState } from '../../../src/proto/notification.ts';
import { decodeNotification, encodeNotification } from '../../../src/proto/notification.ts';
import type { Sid } from '../../../src/proto/sid.ts';

export interface Said {
  readonly state?: ServerState;
  readonly leader?: Sid;
  readonly zxid?: bigint;
  readonly epoch?: bigint;
  readonly round?: bigint;
  readonly config?: string;
}

export class ScriptedElection {
  readonly machine: FastLeaderElection;
  readonly notes: ElectionNote[] = [];
  readonly decisions: Decision[] = [];
  now = 1000;
  readonly #configText: string;

  constructor(options: ElectionOptions) {
    this.machine = new FastLeaderElection(options);
    this.#configText = printQuorumConfig(options.committed.config);
  }

  step(event: ElectionEvent): string[] {
    const lines: string[] = [];
    for (const effect of this.machine.step(event, this.now)) this.#put(effect, lines);
    return lines;
  }

  start(zxid = 0n, currentEpoch = 0n): string[] {
    return this.step({ kind: 'started', zxid, currentEpoch });
  }

  /** By default: LOOKING, round 1, voting for itself with zxid 0 and epoch 0. */
  hear(from: Sid, said: Said = {}): string[] {
    const { state = 'LOOKING', leader = from, zxid = 0n, epoch = 0n, round = 1n } = said;
    const config = encodeUtf8(said.config ?? this.#configText);
    const vote = { leader, zxid, peerEpoch: epoch, electionEpoch: round };
    return this.hearBytes(from, encodeNotification(vote, state, config));
  }

  hearBytes(from: Sid, bytes: Uint8Array): string[] {
    const lines = this.step({ kind: 'received', from, bytes });
    // Whoever keeps the bytes of an event has copied them.
    bytes.fill(0xee);
    return lines;
  }

  /** Goes to the deadline and says so. */
  timeout(): string[] {
    const { at } = this.machine.deadline;
    assert(Number.isFinite(at), 'nothing to wait for');
    this.now = Math.max(this.now, at);
    return this.step({ kind: 'timeout' });
  }

  /** Timeouts until a decision, or until so much time has passed. */
  run(ms: number): void {
    const end = this.now + ms;
    while (this.machine.deadline.at <= end) this.timeout();
    this.now = end;
  }

  lastNote(): string {
    return this.notes.at(-1)?.line ?? '';
  }

  #put(effect: ElectionEffect, lines: string[]): void {
    switch (effect.kind) {
      case 'send': {
        const said = decodeNotification(effect.bytes);
        assert(!('bad' in said));
        assert.equal(said.config, this.#configText);
        const text = `${said.state} ${voteText(said)}`;
        const last = lines.at(-1);
        if (last?.endsWith(` < ${text}`)) lines[lines.length - 1] = `${effect.to},${last}`;
        else lines.push(`${effect.to} < ${text}`);
        break;
      }
      case 'connect':
        lines.push(`connect ${effect.sid}`);
        break;
      case 'connectAll':
        lines.push('connectAll');
        break;
      case 'decide': {
        const { state, leader, early } = effect.decision;
        this.decisions.push(effect.decision);
        lines.push(`decide ${state} ${leader}${early ? ' early' : ''}`);
        break;
      }
      case 'reportLookingSid':
        lines.push(`reportLookingSid ${effect.sid}`);
        break;
      case 'reconsider':
        lines.push(`reconsider: ${effect.reason}`);
        break;
      case 'adoptConfig':
        lines.push(`adoptConfig ${effect.config.version} differs ${effect.differs}`);
        break;
      case 'note':
        this.notes.push(effect.note);
        break;
    }
  }
}
