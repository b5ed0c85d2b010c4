// Collects what one step of an election wants done, in order: messages in their wire form, dials, notes, the decision.
// It knows our committed configuration, because every message carries its text; a message is encoded once for all who
// get it, so nobody may change its bytes.

import { encodeUtf8 } from '../../jute/utf8.ts';
import type { ServerState } from '../../proto/notification.ts';
import { encodeNotification } from '../../proto/notification.ts';
import type { Sid } from '../../proto/sid.ts';
import type { ElectionEffect } from './election-events.ts';
import type { NoteFacts } from './election-notes.ts';
import { noteOf } from './election-notes.ts';
import type { QuorumConfig } from './quorum-config.ts';
import { printQuorumConfig } from './quorum-config.ts';
import type { Vote } from './vote.ts';

export class ElectionOutbox {
  #effects: ElectionEffect[] = [];
  #configText = '';
  #configBytes = new Uint8Array(0);

  constructor(config: QuorumConfig) {
    this.configure(config);
  }

  /** The text of our committed configuration. */
  get configText(): string {
    return this.#configText;
  }

  configure(config: QuorumConfig): void {
    this.#configText = printQuorumConfig(config);
    this.#configBytes = new Uint8Array(encodeUtf8(this.#configText));
  }

  push(effect: ElectionEffect): void {
    this.#effects.push(effect);
  }

  send(sids: Iterable<Sid>, vote: Omit<Vote, 'state' | 'version'>, state: ServerState): void {
    const bytes = encodeNotification(vote, state, this.#configBytes);
    for (const to of sids) this.#effects.push({ kind: 'send', to, bytes });
  }

  note(facts: NoteFacts): void {
    this.#effects.push({ kind: 'note', note: noteOf(facts) });
  }

  /** Everything since the last call, in order. */
  take(): ElectionEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
