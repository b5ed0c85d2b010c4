// What `quoll ensemble` shows: for people, lines that scroll above a table that is redrawn in place (on a terminal;
// elsewhere the table's changes are lines too); with --json one object a line. In: what happened. Out: standard output.
// Invariant: nothing that a server or a file said can steer the terminal.
import type { ElectionEntry } from '../server/election-record.ts';
import { clockTime, entryLine, plain } from './election-text.ts';
import type { EnsemblePlan, PlannedServer } from './ensemble-plan.ts';
import type { ChildEnd } from './server-child.ts';
import type { ServerStatus } from './server-status.ts';

export interface EnsembleOutput {
  planned(plan: EnsemblePlan): void;
  started(sid: number, pid: number | undefined): void;
  ended(sid: number, end: ChildEnd): void;
  /** In the order of their times, but for stragglers. */
  entry(entry: ElectionEntry): void;
  /** All servers, whenever something may have changed. */
  status(statuses: readonly ServerStatus[]): void;
  /** Once: a leader serves, with a majority. `ms`: since the start. */
  ready(leader: number, epoch: number | undefined, ms: number): void;
  message(level: string, text: string): void;
  /** The last call. */
  stopped(killed: readonly number[]): void;
}

/** The part of a terminal or file that is written to. */
export interface TextSink {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): void;
}

export class TextOutput implements EnsembleOutput {
  readonly #sink: TextSink;
  readonly #isLive: boolean;
  #plan: EnsemblePlan | undefined;
  #table: readonly string[] = [];
  #tableHeight = 0;
  #states = new Map<number, string>();
  #isStopped = false;

  constructor(sink: TextSink) {
    this.#sink = sink;
    this.#isLive = sink.isTTY === true;
  }

  planned(plan: EnsemblePlan): void {
    this.#plan = plan;
    const { servers, observers } = plan.shape;
    const others = observers === 0 ? '' : ` and ${observers} observer${observers === 1 ? '' : 's'}`;
    this.#say([`An ensemble of ${servers}${others} in ${plain(plan.folder)}`, '']);
  }

  started(sid: number, pid: number | undefined): void {
    this.#event(`server ${sid} started, process ${pid ?? 'none'}`);
  }

  ended(sid: number, { how, lastError, againInMs }: ChildEnd): void {
    const why = lastError === undefined ? '' : `: ${plain(lastError)}`;
    const next =
      againInMs === undefined ? 'not started again' : `started again in ${againInMs / 1000} s`;
    this.#event(`server ${sid} ended (${how})${why} -> ${next}`);
  }

  entry(entry: ElectionEntry): void {
    if (entry.level !== 'debug') this.#say([entryLine(entry)]);
  }

  status(statuses: readonly ServerStatus[]): void {
    if (this.#isLive) {
      this.#draw(statuses.map((status) => this.#row(status)));
      return;
    }
    for (const { sid, state } of statuses) {
      const before = this.#states.get(sid);
      this.#states.set(sid, state);
      if (before !== undefined && before !== state) this.#event(`server ${sid}: ${state}`);
    }
  }

  ready(leader: number, epoch: number | undefined, ms: number): void {
    const port = this.#plan?.servers[0]?.clientPort ?? 0;
    this.#say([
      '',
      `Server ${leader} leads in epoch ${epoch ?? 'unknown'}, ${Math.round(ms)} ms after the start`,
      '',
      `  connect    zkCli.sh -server ${this.#plan?.connectString ?? ''}`,
      `  ask        echo srvr | nc 127.0.0.1 ${port}`,
      `  elections  quoll election-log ${plain(this.#plan?.folder ?? '')}`,
      `  logs       ${plain(this.#plan?.folder ?? '')}/server-N/server.log`,
      '  stop       Ctrl-C',
      '',
    ]);
  }

  message(level: string, text: string): void {
    if (!this.#isStopped || level !== 'info') this.#event(plain(text));
  }

  stopped(killed: readonly number[]): void {
    this.#isStopped = true;
    this.#draw([]);
    if (killed.length > 0) this.#event(`killed, since they did not stop: ${killed.join(', ')}`);
    else this.#event('all servers stopped');
  }

  #event(text: string): void {
    this.#say([`${clockTime(Date.now())}  ${text}`]);
  }

  #say(lines: readonly string[]): void {
    this.#sink.write(`${this.#eraser()}${lines.join('\n')}\n${this.#drawn(this.#table)}`);
  }

  #draw(table: readonly string[]): void {
    const erase = this.#eraser();
    this.#table = table;
    this.#sink.write(`${erase}${this.#drawn(table)}`);
  }

  /** Takes the table off the screen. */
  #eraser(): string {
    return this.#tableHeight === 0 ? '' : `\u001b[${this.#tableHeight}A\u001b[J`;
  }

  /** A row longer than the screen would take two lines, and the table could not be taken off. */
  #drawn(table: readonly string[]): string {
    this.#tableHeight = table.length;
    const width = Math.max(20, (this.#sink.columns ?? 80) - 1);
    return table.map((row) => `${row.substring(0, width)}\n`).join('');
  }

  #row({ sid, state, zxid, connections, nodes }: ServerStatus): string {
    const server = this.#plan?.servers.find((one) => one.sid === sid);
    const parts = [
      `server ${String(sid).padEnd(2)}`,
      state.padEnd(10),
      `127.0.0.1:${server?.clientPort ?? 0}`,
      ...(zxid === undefined ? [] : [`zxid ${zxid}`]),
      ...(nodes === undefined ? [] : [`${nodes} nodes`]),
      ...(connections === undefined ? [] : [`${connections} connections`]),
    ];
    return parts.join('  ');
  }
}

export class JsonOutput implements EnsembleOutput {
  readonly #sink: TextSink;
  #status = '';

  constructor(sink: TextSink) {
    this.#sink = sink;
  }

  planned({ folder, connectString, servers }: EnsemblePlan): void {
    const known = servers.map(({ config: _, configFile: __, ...rest }: PlannedServer) => rest);
    this.#write({ event: 'planned', folder, connectString, servers: known });
  }

  started(sid: number, pid: number | undefined): void {
    this.#write({ event: 'started', sid, pid });
  }

  ended(sid: number, end: ChildEnd): void {
    this.#write({ event: 'ended', sid, ...end });
  }

  entry(entry: ElectionEntry): void {
    this.#write({ event: 'entry', entry });
  }

  status(servers: readonly ServerStatus[]): void {
    const text = JSON.stringify(servers);
    if (text === this.#status) return;
    this.#status = text;
    this.#write({ event: 'status', servers });
  }

  ready(leader: number, epoch: number | undefined, ms: number): void {
    this.#write({ event: 'ready', leader, epoch, ms: Math.round(ms) });
  }

  message(level: string, text: string): void {
    this.#write({ event: 'message', level, text });
  }

  stopped(killed: readonly number[]): void {
    this.#write({ event: 'stopped', killed });
  }

  #write(value: { readonly event: string } & Readonly<Record<string, unknown>>): void {
    this.#sink.write(`${JSON.stringify({ time: Date.now(), ...value })}\n`);
  }
}
