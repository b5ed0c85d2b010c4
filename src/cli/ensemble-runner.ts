// The servers of a plan while they run: children started together, their election records followed, their state asked
// for. In: the plan, the command that runs one server. Out: calls to the output. Invariant: after `stop` no process of
// ours is left, and the output was told so.
import { join } from 'node:path';
import type { ElectionEntry } from '../server/election-record.ts';
import { electionLogName } from '../server/election-record.ts';
import { askServer } from './ask-server.ts';
import { entriesOfLines } from './election-entries.ts';
import type { EnsembleOutput } from './ensemble-output.ts';
import type { EnsemblePlan, PlannedServer } from './ensemble-plan.ts';
import { LineTail } from './line-tail.ts';
import { ServerChild } from './server-child.ts';
import type { ServerStatus } from './server-status.ts';
import { epochOf, isServing, noStatus, statusOf } from './server-status.ts';

interface Member {
  readonly plan: PlannedServer;
  readonly child: ServerChild;
  readonly tail: LineTail;
  isHopeless: boolean;
}

const restartDelayMs = { first: 1000, max: 30_000 };
const stopPatienceMs = 15_000;
/** Records reach their files 50 ms late; so long an entry waits for earlier ones of other servers. */
const entryDelayMs = 150;
const followEveryMs = 75;
const askEveryMs = { unsettled: 150, settled: 1000 };
const askTimeoutMs = 2000;

export class EnsembleRunner {
  readonly #plan: EnsemblePlan;
  readonly #output: EnsembleOutput;
  readonly #failed: () => void;
  readonly #members: readonly Member[];
  #entries: ElectionEntry[] = [];
  /** The last each server told of. */
  readonly #epochs = new Map<number, number>();
  #startedAt = 0;
  #isReady = false;
  #isStopping = false;
  #askTimer: NodeJS.Timeout | undefined;
  #followTimer: NodeJS.Timeout | undefined;

  /** `failed`: no server is left that could be started again. */
  constructor(
    plan: EnsemblePlan,
    command: readonly string[],
    output: EnsembleOutput,
    failed: () => void,
  ) {
    this.#plan = plan;
    this.#output = output;
    this.#failed = failed;
    this.#members = plan.servers.map((server) => this.#member(server, command));
  }

  start(): void {
    this.#startedAt = performance.now();
    this.#output.planned(this.#plan);
    for (const { child } of this.#members) child.start();
    this.#followTimer = setInterval(() => this.#follow(), followEveryMs);
    void this.#ask();
  }

  /** Gives the servers that had to be killed. */
  async stop(): Promise<readonly number[]> {
    this.#isStopping = true;
    clearTimeout(this.#askTimer);
    const killed = await Promise.all(
      this.#members.map(async ({ child, plan }) => {
        const wasKilled = await child.stop(stopPatienceMs);
        return wasKilled ? [plan.sid] : [];
      }),
    );
    clearInterval(this.#followTimer);
    this.#follow();
    this.#tell(Number.POSITIVE_INFINITY);
    for (const { tail } of this.#members) tail.close();
    this.#output.stopped(killed.flat());
    return killed.flat();
  }

  #member(plan: PlannedServer, command: readonly string[]): Member {
    const { sid, folder, configFile } = plan;
    const options = {
      command: [
        ...[...command, 'server', configFile],
        ...['--stop-with-stdin', '--log-format', 'pretty'],
      ],
      logFile: join(folder, 'server.log'),
      olderLogFile: join(folder, 'server.1.log'),
      restartDelayMs,
    };
    const member: Member = {
      plan,
      tail: new LineTail(join(folder, electionLogName), true),
      isHopeless: false,
      child: new ServerChild(options, {
        started: (pid) => this.#output.started(sid, pid),
        ended: (end) => {
          member.isHopeless = end.againInMs === undefined;
          this.#output.ended(sid, end);
          if (this.#members.every(({ isHopeless }) => isHopeless)) this.#failed();
        },
      }),
    };
    return member;
  }

  // ---- elections ----

  #follow(): void {
    for (const { tail } of this.#members) {
      const lines = tail.read();
      if (lines.length > 0) this.#entries.push(...entriesOfLines(lines.join('\n')).entries);
    }
    this.#tell(Date.now() - entryDelayMs);
  }

  /** What happened until then, in order. */
  #tell(until: number): void {
    if (this.#entries.length === 0) return;
    this.#entries.sort((a, b) => a.time - b.time);
    const later = this.#entries.findIndex(({ time }) => time > until);
    const due = this.#entries.splice(0, later === -1 ? this.#entries.length : later);
    for (const entry of due) {
      if (entry.kind === 'zab' && entry.epoch !== undefined)
        this.#epochs.set(entry.sid, entry.epoch);
      this.#output.entry(entry);
    }
  }

  // ---- states ----

  async #ask(): Promise<void> {
    const statuses = await Promise.all(this.#members.map((member) => statusOfMember(member)));
    if (this.#isStopping) return;
    const leader = statuses.find(({ state }) => state === 'leader');
    const voters = statuses.filter(
      (status) => status.sid <= this.#plan.shape.servers && isServing(status),
    );
    const hasMajority = leader !== undefined && 2 * voters.length > this.#plan.shape.servers;
    const becomesReady = hasMajority && !this.#isReady;
    if (becomesReady) {
      this.#isReady = true;
      // Whoever reads along sees the election before its outcome.
      this.#follow();
      this.#tell(Number.POSITIVE_INFINITY);
    }
    this.#output.status(statuses);
    if (becomesReady) {
      // A leader's zxid names its epoch only when it has written something.
      const epoch = this.#epochs.get(leader.sid) ?? epochOf(leader);
      this.#output.ready(leader.sid, epoch, performance.now() - this.#startedAt);
    }
    const isSettled = statuses.every(isServing);
    const delayMs = isSettled ? askEveryMs.settled : askEveryMs.unsettled;
    this.#askTimer = setTimeout(() => void this.#ask(), delayMs);
  }
}

async function statusOfMember({ plan, child }: Member): Promise<ServerStatus> {
  const { sid, clientPort: port } = plan;
  if (child.pid === undefined) return noStatus(sid, 'down');
  try {
    const question = { host: '127.0.0.1', port, word: 'srvr', lengthMax: 65_536 };
    return statusOf(sid, await askServer({ ...question, timeoutMs: askTimeoutMs }));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return noStatus(sid, message.includes('ECONN') ? 'starting' : 'silent');
  }
}
