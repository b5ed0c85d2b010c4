/**
 * One server of an ensemble: it starts and ends, may lose its disk, and may come back as the other kind on the same
 * directory.
 *
 * Inputs: its place in the ensemble. Outputs: the role it says it has, and its log lines over all
 * its lives. Invariant: at most one process at a time, ended by its pid.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningServer, ServerKind, ServerOptions } from './server.ts';
import { launchServer } from './server.ts';

export interface MemberPlan {
  readonly kind: ServerKind;
  readonly role?: 'participant' | 'observer';
}

/** What `srvr` says; undefined: it does not serve. */
export type Mode = 'leader' | 'follower' | 'observer' | 'read-only' | 'standalone';

export interface Status {
  readonly mode: Mode;
  readonly zxid: bigint;
}

const ASK_DEADLINE_MS = 1000;

export class EnsembleMember {
  readonly sid: number;
  readonly role: 'participant' | 'observer';
  readonly port: number;
  readonly folder: string;
  readonly #options: (kind: ServerKind) => ServerOptions;
  kind: ServerKind;
  #server: RunningServer | undefined;

  constructor(
    sid: number,
    plan: MemberPlan,
    place: { readonly port: number; readonly folder: string },
    options: (kind: ServerKind) => Omit<ServerOptions, 'kind' | 'folder' | 'port'>,
  ) {
    this.sid = sid;
    this.kind = plan.kind;
    this.role = plan.role ?? 'participant';
    this.port = place.port;
    this.folder = place.folder;
    this.#options = (kind) => ({ ...options(kind), ...place, kind });
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get isRunning(): boolean {
    return this.#server !== undefined && this.#server.child.exit === undefined;
  }

  /** The process of its present or last life. */
  get server(): RunningServer {
    if (this.#server === undefined) throw new Error(`server ${this.sid} was never started`);
    return this.#server;
  }

  get name(): string {
    return `${this.kind} server ${this.sid}`;
  }

  /** Starts the process; as which kind is remembered. */
  async start(kind: ServerKind = this.kind): Promise<void> {
    if (this.isRunning) throw new Error(`${this.name} runs already`);
    this.kind = kind;
    this.#server = await launchServer(this.#options(kind));
  }

  async stop(): Promise<void> {
    if (this.isRunning) await this.server.stop();
  }

  async kill(): Promise<void> {
    if (this.isRunning) await this.server.kill();
  }

  /** The disk is gone, as a replaced machine's. */
  wipe(): void {
    if (this.isRunning) throw new Error(`${this.name} runs`);
    rmSync(join(this.folder, 'data'), { recursive: true, force: true });
  }

  /** Throws when the process has ended without being told to. */
  async status(): Promise<Status | undefined> {
    const { child } = this.server;
    if (child.exit !== undefined) {
      throw new Error(
        `${this.name} has ended (${child.exit.code ?? child.exit.signal})\n${child.tail()}`,
      );
    }
    try {
      const text = await this.server.ask('srvr', ASK_DEADLINE_MS);
      const mode = /^Mode: (\S+)$/m.exec(text)?.[1];
      const zxid = /^Zxid: 0x([0-9a-f]+)$/m.exec(text)?.[1];
      if (mode === undefined || zxid === undefined) return undefined;
      return { mode: mode as Mode, zxid: BigInt(`0x${zxid}`) };
    } catch {
      return undefined; // not listening yet, or no longer
    }
  }

  /** Where its log stands now: what `said` looks after. */
  mark(): number {
    return this.server.child.lines.length;
  }

  /** Waits for a line of its present life that matches, at or after `from`. */
  async said(pattern: RegExp, from = 0, deadlineMs = 60_000): Promise<string> {
    const { child } = this.server;
    return child.lines[await child.line(pattern, { from, deadlineMs })] ?? '';
  }
}
