// Electors in a simulated world, one process on each host, and nothing of Zab behind them. Each keeps what its hooks
// were told. In: sizes, a seed, calls that are made inside the process. Out: decisions, notes, log lines; `until` runs
// the world until something holds, and fails with the log when it does not.
import assert from 'node:assert/strict';
import type { Decision, ElectionNote } from '../../src/core/election/election-events.ts';
import type { QuorumVerifier } from '../../src/core/election/quorum-verifier.ts';
import type { ElectorHooks, ElectorOptions } from '../../src/server/elector.ts';
import { Elector } from '../../src/server/elector.ts';
import { SimClock } from '../../src/sim/sim-clock.ts';
import type { NetHost } from '../../src/sim/sim-net.ts';
import { SimNet, usualNet } from '../../src/sim/sim-net.ts';
import { SimProcess, usualSpeed } from '../../src/sim/sim-process.ts';
import { Prng } from '../../src/util/prng.ts';
import { ensemble } from '../core/election/configs.ts';

export class Candidate implements ElectorHooks {
  readonly sid: number;
  readonly host: NetHost;
  readonly ports: ConstructorParameters<typeof Elector>[0];
  readonly process: SimProcess;
  readonly elector: Elector;
  readonly lines: string[] = [];
  readonly decisions: Decision[] = [];
  readonly notes: ElectionNote[] = [];
  readonly lookers: number[] = [];
  readonly reasons: string[] = [];
  readonly refused: string[] = [];
  bindCode: string | undefined;
  isReady = false;
  onDecided: ((decision: Decision) => void) | undefined;

  constructor(town: Town, sid: number, host: NetHost, more: Partial<ElectorOptions>) {
    this.sid = sid;
    this.host = host;
    this.process = new SimProcess(`${sid}`, town.clock, new Prng(sid), usualSpeed, (now) => now);
    const { net, dns } = town.net.portsFor(host, this.process);
    this.ports = { net, dns, clock: this.process.clock };
    const log = { log: (_level: string, line: string) => this.lines.push(line) };
    const { verifier } = town;
    const own = verifier.config.members.get(BigInt(sid));
    const options: ElectorOptions = {
      mySid: BigInt(sid),
      verifier,
      addresses: (own?.addresses ?? []).map((a) => ({ host: a.host, port: a.electionPort })),
      listenOnAllIps: false,
      multiAddress: false,
      connectTimeoutMs: 5_000,
      handshakeTimeoutMs: 10_000,
      bindTries: 3,
      keepAlive: false,
      refuseStrangers: false,
      ...more,
    };
    this.elector = new Elector(this.ports, log, options, this);
  }

  /** The leader it last decided for. */
  get leader(): number | undefined {
    const decision = this.decisions.at(-1);
    return decision === undefined ? undefined : Number(decision.leader);
  }

  do(callback: (elector: Elector) => void): void {
    this.process.post(() => callback(this.elector));
  }

  start(): void {
    this.do((elector) =>
      elector.start(() => {
        this.isReady = true;
      }),
    );
  }

  look(zxid = 0n, currentEpoch = 0): void {
    this.do((elector) => elector.look(zxid, currentEpoch));
  }

  die(): void {
    this.process.kill();
    this.host.processDied(this.process);
  }

  decided(decision: Decision): void {
    this.decisions.push(decision);
    this.onDecided?.(decision);
  }

  reportLookingSid(sid: bigint): void {
    this.lookers.push(Number(sid));
  }

  reconsidered(reason: string): void {
    this.reasons.push(reason);
  }

  note(note: ElectionNote): void {
    this.notes.push(note);
  }

  bindFailed(code: string): void {
    this.bindCode = code;
  }

  refusedConfig(text: string): void {
    this.refused.push(text);
  }
}

export class Town {
  readonly clock = new SimClock();
  readonly net: SimNet;
  readonly verifier: QuorumVerifier;
  readonly hosts: readonly NetHost[];

  constructor(voters: number, { observers = 0, seed = 1 } = {}) {
    this.net = new SimNet(this.clock, new Prng(seed), usualNet, () => undefined);
    this.verifier = ensemble(voters, observers);
    this.hosts = Array.from({ length: voters + observers }, (_, i) =>
      this.net.addHost(`host${i + 1}.example`),
    );
  }

  candidate(sid: number, more: Partial<ElectorOptions> = {}): Candidate {
    const host = this.hosts[sid - 1];
    assert(host !== undefined);
    return new Candidate(this, sid, host, more);
  }

  /** Every member, started. */
  everybody(): Candidate[] {
    const all = this.hosts.map((_, i) => this.candidate(i + 1));
    for (const one of all) one.start();
    return all;
  }

  run(ms: number): void {
    this.clock.run({ time: this.clock.now + ms });
  }

  until(what: string, holds: () => boolean, candidates: readonly Candidate[], ms = 30_000): void {
    if (this.clock.run({ until: holds, time: this.clock.now + ms }) === 'reached') return;
    const lines = candidates.flatMap(({ sid, lines: said }) => [`-- ${sid}`, ...said.slice(-30)]);
    assert.fail(`${ms} ms passed without ${what}\n${lines.join('\n')}`);
  }
}
