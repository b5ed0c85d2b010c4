// A production learner and everything around it by hand: the leader's packets as the
// test sends them, effects in a list, the disk answered at once unless it is said to be
// slow. Lines are what the learner said.

import assert from 'node:assert/strict';
import { printQuorumConfig } from '../../../src/core/election/quorum-config.ts';
import type { CommittedLog } from '../../../src/core/zab/committed-log.ts';
import type { EpochName } from '../../../src/core/zab/leader-events.ts';
import { Learner } from '../../../src/core/zab/learner.ts';
import type {
  LearnerEffect,
  LearnerEvent,
  LearnerOptions,
} from '../../../src/core/zab/learner-events.ts';
import { Link } from '../../../src/core/zab/link.ts';
import type { HistoryTxn } from '../../../src/core/zab/txn-arena.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { decodeTxn } from '../../support/zab-host.ts';
import { ensemble } from '../election/configs.ts';
import {
  historyOf,
  initLimit,
  int,
  leaderInfo,
  lengthMax,
  newLeader,
  packet,
  syncLimit,
  Tap,
  term,
  tickTimeMs,
  upToDate,
  z,
} from './hand-made-packets.ts';

export interface LearnerScript {
  readonly options?: Partial<LearnerOptions>;
  readonly slowDisk?: boolean;
}

export class ScriptedLearner {
  readonly learner: Learner;
  readonly link = new Link('10.0.0.1', lengthMax);
  readonly committedLog: CommittedLog;
  effects: LearnerEffect[] = [];
  readonly lines: string[] = [];
  readonly appended: Zxid[] = [];
  readonly delivered: Zxid[] = [];
  readonly calls: string[] = [];
  /** So many bytes make a snapshot's body. */
  snapshotLength = 100;
  snapshotBytes = 0;
  now = 0;
  readonly #tap = new Tap(this.link);
  readonly #slowDisk: boolean;

  constructor({ options, slowDisk = false }: LearnerScript = {}) {
    this.#slowDisk = slowDisk;
    this.committedLog = options?.committedLog ?? historyOf();
    const all: LearnerOptions = {
      ...{ mySid: 2n, role: 'follower', leader: 1n, term, tickTimeMs, initLimit, syncLimit },
      ...{ acceptedEpoch: 0, currentEpoch: 0, lastZxid: this.committedLog.max ?? 0n },
      ...{ configVersion: 0n, configText: printQuorumConfig(ensemble(3).config) },
      committedLog: this.committedLog,
      ...options,
    };
    this.learner = new Learner(all, this.link, {
      append: (txn: HistoryTxn) => {
        assert.equal(decodeTxn(txn).zxid, txn.zxid);
        this.appended.push(txn.zxid);
      },
      deliver: (txn) => this.delivered.push(txn.zxid),
      touchedSessions: () => [[5n, 4000]],
      revalidated: (sessionId, isValid) => this.calls.push(`revalidated ${sessionId} ${isValid}`),
      syncReleased: (waiter) => this.calls.push(`sync ${JSON.stringify(waiter)}`),
      beginSnapshot: () => {
        const intake = {
          complete: false,
          push: (bytes: Uint8Array): number => {
            const taken = Math.min(bytes.length, this.snapshotLength - this.snapshotBytes);
            this.snapshotBytes += taken;
            intake.complete = this.snapshotBytes === this.snapshotLength;
            return taken;
          },
        };
        return intake;
      },
    });
    this.step({ kind: 'connected' });
  }

  step(event: LearnerEvent): void {
    for (const effect of this.learner.step(event, this.now)) {
      if (effect.kind === 'note') this.lines.push(effect.note.line);
      else this.effects.push(effect);
      if (effect.kind === 'saveEpoch' && !this.#slowDisk) this.saved(effect.name, effect.epoch);
    }
  }

  saved(name: EpochName, epoch: number): void {
    this.step({ kind: 'epochSaved', term, name, epoch });
  }

  synced(zxid: Zxid): void {
    this.step({ kind: 'synced', term, zxid });
  }

  send(...packets: Uint8Array[]): this {
    for (const bytes of packets)
      this.step({ kind: 'received', bytes, start: 0, end: bytes.length });
    return this;
  }

  sent(): string[] {
    return this.#tap.packets();
  }

  get data(): Uint8Array[] {
    return this.#tap.data;
  }

  wanted(): string[] {
    const words = this.effects.map((effect) => {
      if (effect.kind === 'saveEpoch') return `${effect.name} ${effect.epoch}`;
      if (effect.kind === 'abandon') return `abandon: ${effect.reason}`;
      if (effect.kind === 'truncate' || effect.kind === 'saveSnapshot') {
        return `${effect.kind} 0x${effect.zxid.toString(16)}`;
      }
      return effect.kind === 'serve' ? `serve ${effect.epoch}` : effect.kind;
    });
    this.effects = [];
    return words;
  }

  /** LEADERINFO came and was answered. */
  promise(epoch: number): this {
    this.send(packet('LEADERINFO', z(epoch, 0), int(0x10000)));
    this.sent();
    this.wanted();
    return this;
  }

  /** In step with the leader, by an empty DIFF. */
  serve(epoch: number): this {
    this.promise(epoch);
    this.send(packet('DIFF', this.committedLog.max ?? 0n), packet('NEWLEADER', z(epoch, 0)));
    this.send(packet('UPTODATE', -1n));
    assert.ok(this.learner.isServing);
    this.sent();
    this.wanted();
    return this;
  }

  pass(ms: number): void {
    this.now += ms;
    this.step({ kind: 'timeout' });
  }
}

/** In epoch 2 with 1.1 to 1.3, epoch 3 promised. */
export function promised(options: Partial<LearnerOptions> = {}, slowDisk = true): ScriptedLearner {
  const script = new ScriptedLearner({
    options: {
      ...{ acceptedEpoch: 2, currentEpoch: 2, committedLog: historyOf(z(1, 1), z(1, 2), z(1, 3)) },
      ...options,
    },
    slowDisk,
  });
  script.sent();
  script.send(leaderInfo(3));
  if (slowDisk) script.saved('acceptedEpoch', 3);
  script.sent();
  script.wanted();
  return script;
}

export function serving(options: Partial<LearnerOptions> = {}): ScriptedLearner {
  const script = promised(options, false);
  script.send(packet('DIFF', z(1, 3)), newLeader(3), upToDate);
  assert.ok(script.learner.isServing);
  script.sent();
  script.wanted();
  return script;
}
