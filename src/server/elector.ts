// One server's part in elections, for as long as it runs: the machine (core/election) on the mesh that carries its
// votes (net/election-mesh.ts), with its one timer. Inputs: when to look and with what history, when a role ends, the
// ports. Outputs, through hooks: decisions, advice to look again, notes; log lines.
//
// Invariants: effects of one step are performed in order and before the next step, whatever a hook calls; nothing is
// voted before an election port is bound; nothing is reported after `stop`.

import type {
  Decision,
  ElectionEffect,
  ElectionEvent,
  ElectionNote,
  ElectionStatus,
} from '../core/election/election-events.ts';
import { FastLeaderElection } from '../core/election/fast-leader-election.ts';
import type { QuorumVerifier } from '../core/election/quorum-verifier.ts';
import type { NetPorts } from '../net/address-dial.ts';
import { ElectionMesh } from '../net/election-mesh.ts';
import { RareLog } from '../net/election-rare-log.ts';
import type { HostPort } from '../net/host-port.ts';
import type { Log } from '../ports.ts';
import type { Sid } from '../proto/sid.ts';
import type { Zxid } from '../proto/zxid.ts';
import { unreachable } from '../util/assert.ts';
import { Deque } from '../util/deque.ts';
import { DeadlineTimer } from './deadline-timer.ts';

export interface ElectorOptions {
  readonly mySid: Sid;
  /** The configuration: who votes, and where everybody's election port is. */
  readonly verifier: QuorumVerifier;
  /** Our own election addresses: where we listen, and what we tell others. */
  readonly addresses: readonly HostPort[];
  readonly listenOnAllIps: boolean;
  readonly multiAddress: boolean;
  /** zookeeper.cnxTimeout, in ms. */
  readonly connectTimeoutMs: number;
  /** Until a caller must have said who it is; Java: syncLimit ticks. */
  readonly handshakeTimeoutMs: number;
  /** zookeeper.electionPortBindRetry; 0: for ever. */
  readonly bindTries: number;
  readonly keepAlive: boolean;
  /** Refuse servers that are not in the configuration. */
  readonly refuseStrangers: boolean;
  /** As ElectionOptions (core/election/election-events.ts). */
  readonly decidesEarly?: boolean;
  readonly finalizeWaitMs?: number;
  readonly minNotificationIntervalMs?: number;
  readonly maxNotificationIntervalMs?: number;
}

export interface ElectorHooks {
  decided(decision: Decision): void;
  /** While LEADING: a voter of ours is LOOKING. */
  reportLookingSid(sid: Sid): void;
  /** The decision seems void: a peer whose epoch is not established had better look again. */
  reconsidered(reason: string): void;
  note(note: ElectionNote): void;
  /** No election address could be bound: exit code 14. */
  bindFailed(code: string): void;
  /**
   * Somebody's configuration is newer than ours and has other members, or cannot be read. It is ignored, as Java
   * ignores it while reconfiguration is off, and the round goes on: on this port anybody may claim to be a member.
   */
  refusedConfig(text: string): void;
}

export class Elector {
  readonly #ports: NetPorts;
  readonly #log: Log;
  readonly #rareLog: RareLog;
  readonly #hooks: ElectorHooks;
  readonly #machine: FastLeaderElection;
  readonly #mesh: ElectionMesh;
  readonly #timer: DeadlineTimer;
  readonly #events = new Deque<ElectionEvent>();
  /** Once the port is bound. */
  #started: (() => void) | undefined;
  #port: number | undefined;
  /** `look` was called before the port was bound. */
  #waitsToLook: ElectionEvent | undefined;
  #isStepping = false;
  #isStopped = false;

  constructor(ports: NetPorts, log: Log, options: ElectorOptions, hooks: ElectorHooks) {
    this.#ports = ports;
    this.#log = log;
    this.#rareLog = new RareLog(log, ports.clock);
    this.#hooks = hooks;
    const { verifier, ...meshOptions } = options;
    this.#timer = new DeadlineTimer(ports.clock, () => this.#step({ kind: 'timeout' }));
    this.#machine = new FastLeaderElection({ ...options, committed: verifier });
    const { members } = verifier.config;
    const addressesOf = (sid: Sid): HostPort[] | undefined =>
      members.get(sid)?.addresses.map(({ host, electionPort }) => ({ host, port: electionPort }));
    this.#mesh = new ElectionMesh(
      ports,
      log,
      { ...meshOptions, addressesOf },
      {
        happened: (item) => this.#step(item),
        bound: (_address, port) => this.#bound(port),
        bindFailed: (code) => {
          if (!this.#isStopped) hooks.bindFailed(code);
        },
      },
    );
  }

  /** Of the first election address that was bound. */
  get port(): number | undefined {
    return this.#port;
  }

  /** `ready`: an election port is bound. If none can be, `bindFailed` is called instead. */
  start(ready: () => void): void {
    this.#started = ready;
    this.#mesh.start();
  }

  /**
   * Looks for a leader, in a new round, until `decided`. `zxid`: the last of our history (−1: it must not count),
   * `currentEpoch`: the epoch it belongs to. Both go into our vote.
   */
  look(zxid: Zxid, currentEpoch: number): void {
    const event = { kind: 'started', zxid, currentEpoch: BigInt(currentEpoch) } as const;
    if (this.#port === undefined) this.#waitsToLook = event;
    else this.#step(event);
  }

  /** The role decided on is over, or a round is given up: who asks waits until `look`. */
  left(): void {
    this.#waitsToLook = undefined;
    this.#step({ kind: 'left' });
  }

  /** The leader's epoch is established: who asks is told it. */
  epochEstablished(epoch: number): void {
    this.#step({ kind: 'epochEstablished', epoch: BigInt(epoch) });
  }

  status(): ElectionStatus {
    return this.#machine.status();
  }

  isConnected(sid: Sid): boolean {
    return this.#mesh.isConnected(sid);
  }

  /** `done` is called when the port is free. */
  stop(done: () => void): void {
    this.#step({ kind: 'stopped' });
    this.#isStopped = true;
    this.#timer.cancel();
    this.#mesh.stop(done);
  }

  #bound(port: number): void {
    if (this.#isStopped || this.#port !== undefined) return;
    this.#port = port;
    const started = this.#started;
    this.#started = undefined;
    started?.();
    const look = this.#waitsToLook;
    this.#waitsToLook = undefined;
    if (look !== undefined) this.#step(look);
  }

  /** A hook may call back in: its event waits until the effects of this one are performed. */
  #step(event: ElectionEvent): void {
    if (this.#isStopped) return;
    this.#events.push(event);
    if (this.#isStepping) return;
    this.#isStepping = true;
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      const effects = this.#machine.step(next, this.#ports.clock.now());
      for (const effect of effects) if (!this.#isStopped) this.#perform(effect);
    }
    this.#isStepping = false;
    if (!this.#isStopped) this.#timer.arm(this.#machine.deadline.at);
  }

  #perform(effect: ElectionEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#mesh.send(effect.to, effect.bytes);
        return;
      case 'connect':
        this.#mesh.connect(effect.sid);
        return;
      case 'connectAll':
        this.#mesh.connectAll();
        return;
      case 'decide':
        this.#hooks.decided(effect.decision);
        return;
      case 'reportLookingSid':
        this.#hooks.reportLookingSid(effect.sid);
        return;
      case 'reconsider':
        this.#hooks.reconsidered(effect.reason);
        return;
      case 'adoptConfig':
        // Never wanted: the machine is not told to adopt any.
        return;
      case 'note':
        this.#onNote(effect.note);
        return;
      default:
        unreachable(effect);
    }
  }

  #onNote(note: ElectionNote): void {
    const { event, level, line } = note;
    if (event === 'config') {
      // It comes with every message of that server.
      this.#rareLog.rare(`config ${level}`, level, line);
      if (level === 'warn') this.#hooks.refusedConfig(line);
    } else {
      this.#log.log(level, line);
    }
    this.#hooks.note(note);
  }
}
