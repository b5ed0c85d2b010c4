/**
 * An ensemble of Java and Quoll servers, as processes on loopback addresses.
 *
 * Inputs: the members in the order of their sids (1 …), extra `group.N` and `weight.N` lines, keys
 * of zoo.cfg. Outputs: members to start, stop and kill; who leads; a connect string.
 * Invariants: every server has the same `server.N` lines; ports are given out once; `close` ends
 * every process. Waiting is for what the servers say of themselves, and has a deadline.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { MemberPlan, Mode, Status } from './ensemble-member.ts';
import { EnsembleMember } from './ensemble-member.ts';
import type { ServerPorts } from './pair-network.ts';
import { PairNetwork } from './pair-network.ts';
import { freePort } from './ports.ts';
import { scratchFolder } from './project.ts';
import type { ServerKind } from './server.ts';

export interface EnsemblePlan {
  readonly name: string;
  readonly members: readonly MemberPlan[];
  /** `group.N` and `weight.N` lines. */
  readonly lines?: readonly string[];
  /** Keys of zoo.cfg, over `defaultKeys`. */
  readonly config?: Readonly<Record<string, string | number>>;
  readonly properties?: Partial<Record<ServerKind, Readonly<Record<string, string | number>>>>;
  /** A proxy between every two servers, to cut and heal. */
  readonly proxied?: boolean;
}

/** Short ticks, so that what waits for limits does not wait long; limits that a busy machine keeps. */
const defaultKeys = { tickTime: 300, initLimit: 40, syncLimit: 10, preAllocSize: 512 };

/** A busy machine with two cores starts a JVM in 15 s; an election follows. */
const DEADLINE_MS = 60_000;
const POLL_MS = 20;

/** What Java says of elections and of synchronization, and little else. */
const loggers = {
  'org.slf4j.simpleLogger.log.org.apache.zookeeper.server.quorum': 'info',
  // TRUNC is told at this level only.
  'org.slf4j.simpleLogger.log.org.apache.zookeeper.server.quorum.LearnerHandler': 'debug',
};

export class Ensemble {
  readonly members: readonly EnsembleMember[];
  readonly config: Readonly<Record<string, string | number>>;
  readonly ports: ReadonlyMap<number, ServerPorts>;
  readonly #network: PairNetwork | undefined;
  readonly #folder: string;

  private constructor(
    plan: EnsemblePlan,
    ports: Map<number, ServerPorts>,
    clientPorts: readonly number[],
    network: PairNetwork | undefined,
  ) {
    const folder = scratchFolder(plan.name);
    this.#folder = folder;
    this.config = { ...defaultKeys, ...plan.config };
    this.ports = ports;
    this.#network = network;
    const lines = plan.members.map(({ role = 'participant' }, index) => {
      const sid = index + 1;
      const { quorum, election } = portsOf(ports, sid);
      return `server.${sid}=${network?.name(sid) ?? '127.0.0.1'}:${quorum}:${election}:${role}`;
    });
    this.members = plan.members.map((member, index) => {
      const sid = index + 1;
      const place = { port: clientPorts[index] ?? 0, folder: join(folder, String(sid)) };
      return new EnsembleMember(sid, member, place, (kind) => ({
        config: {
          ...this.config,
          ...(member.role === 'observer' ? { peerType: 'observer' } : {}),
        },
        properties: { ...(kind === 'java' ? loggers : {}), ...plan.properties?.[kind] },
        ensemble: {
          sid,
          lines: [...lines, ...(plan.lines ?? [])],
          ...(network === undefined ? {} : { hosts: network.hosts(sid) }),
        },
      }));
    });
  }

  /** Gives it its ports and its network; no server runs yet. */
  static async plan(plan: EnsemblePlan): Promise<Ensemble> {
    const ports = new Map<number, ServerPorts>();
    const clientPorts: number[] = [];
    for (let sid = 1; sid <= plan.members.length; sid++) {
      ports.set(sid, { quorum: await freePort(), election: await freePort() });
      clientPorts.push(await freePort());
    }
    const network = plan.proxied === true ? new PairNetwork(ports) : undefined;
    return new Ensemble(plan, ports, clientPorts, network);
  }

  /** As `plan`, with all servers started and in their roles. */
  static async start(plan: EnsemblePlan): Promise<Ensemble> {
    const ensemble = await Ensemble.plan(plan);
    try {
      for (const member of ensemble.members) await member.start();
      await ensemble.settled();
    } catch (error) {
      await ensemble.close();
      throw error;
    }
    return ensemble;
  }

  get network(): PairNetwork {
    if (this.#network === undefined) throw new Error('an ensemble without proxies');
    return this.#network;
  }

  member(sid: number): EnsembleMember {
    const member = this.members[sid - 1];
    if (member === undefined) throw new Error(`no server ${sid}`);
    return member;
  }

  get running(): readonly EnsembleMember[] {
    return this.members.filter((member) => member.isRunning);
  }

  get voters(): readonly EnsembleMember[] {
    return this.members.filter((member) => member.role === 'participant');
  }

  /** Of all members, or of some. */
  connectString(members: readonly EnsembleMember[] = this.members): string {
    return members.map((member) => member.address).join(',');
  }

  /** Waits until every running server serves, with one leader among them; gives the leader. */
  settled(members: readonly EnsembleMember[] = this.running): Promise<EnsembleMember> {
    return this.until('one leader and nobody without a role', async () => {
      const modes = await Promise.all(members.map(async (member) => (await member.status())?.mode));
      if (modes.some((mode) => mode === undefined || !modesInEnsemble.has(mode))) return undefined;
      const leaders = members.filter((_, index) => modes[index] === 'leader');
      return leaders.length === 1 ? leaders[0] : undefined;
    });
  }

  /** Waits until a server has this mode. */
  inMode(member: EnsembleMember, mode: Mode | undefined): Promise<Status | true> {
    return this.until(`${member.name} as ${mode}`, async () => {
      const status = await member.status();
      return status?.mode === mode ? (status ?? true) : undefined;
    });
  }

  /** Asks until there is an answer other than undefined; the failure shows every server's last lines. */
  async until<T>(
    what: string,
    look: () => Promise<T | undefined>,
    deadlineMs = DEADLINE_MS,
  ): Promise<T> {
    const deadline = performance.now() + deadlineMs;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (performance.now() > deadline) {
        throw new Error(`${deadlineMs} ms passed without ${what}\n${await this.report()}`);
      }
      await delay(POLL_MS);
    }
  }

  /** What every server says and its last lines, for the message of a failure. */
  async report(lines = 15): Promise<string> {
    const parts: string[] = [];
    for (const member of this.members) {
      const mode = member.isRunning
        ? ((await member.status().catch(() => undefined))?.mode ?? 'no role')
        : 'not running';
      parts.push(`--- ${member.name}: ${mode}`);
      try {
        parts.push(member.server.child.tail(lines));
      } catch {
        // never started
      }
    }
    return parts.join('\n');
  }

  /** Kills what still runs. */
  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    this.#network?.stop();
  }

  /** Removes its files before the process ends, for runs of many ensembles. */
  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const modesInEnsemble: ReadonlySet<Mode> = new Set(['leader', 'follower', 'observer']);

function portsOf(ports: ReadonlyMap<number, ServerPorts>, sid: number): ServerPorts {
  const found = ports.get(sid);
  if (found === undefined) throw new Error(`no ports for server ${sid}`);
  return found;
}
