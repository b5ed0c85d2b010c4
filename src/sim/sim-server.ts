// One server of a simulated world: a machine with a disk, and the production server on it, started as start.ts starts
// it on Node. In: boot, kill, power loss, stop, pause, and faults of the disk to come. Out: its state, its parts for
// the checkers, and how each of its lives ended. Invariants: a killed process keeps the machine's page cache, a power
// loss does not; `exit` never returns.

import type { Environment } from '../ports.ts';
import { commandsOf } from '../server/commands-of.ts';
import { readConfig } from '../server/config.ts';
import type { DriverHooks } from '../server/driver.ts';
import { EnsembleServer } from '../server/ensemble-server.ts';
import type { ServerParts, StandaloneOptions } from '../server/standalone-server.ts';
import { StandaloneServer } from '../server/standalone-server.ts';
import type { EnsemblePorts } from '../server/term.ts';
import { Machine, randomOf } from './machine.ts';
import type { DiskCall, DiskFault } from './memory-files.ts';
import { DiskCrash, MemoryFiles } from './memory-files.ts';
import type { ProcessSpeed } from './sim-process.ts';
import { usualSpeed } from './sim-process.ts';
import type { World } from './world.ts';

/** What runs on the machine; the server of the configuration unless a scenario has another. */
export interface Program {
  start(
    commands: (parts: ServerParts) => DriverHooks['command'],
    ready: (error: unknown) => void,
  ): void;
  stop(done: () => void): void;
}

export type MakeProgram = (ports: EnsemblePorts, options: StandaloneOptions) => Program;

export interface ServerSettings {
  /** The text of zoo.cfg. */
  readonly config: string;
  /** Of an ensemble's server: which one it is. */
  readonly myid?: string;
  /** Java's system properties. */
  readonly properties?: ReadonlyMap<string, string>;
  readonly program?: MakeProgram;
  readonly speed?: ProcessSpeed;
  /** Mean of what an fsync takes. */
  readonly syncMs?: number;
}

/** 'serving': the start is done. A server of an ensemble then looks for a leader. */
export type ServerState = 'off' | 'starting' | 'serving' | 'stopping';

/** How a life ended. */
export type ServerEnd =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'killed' }
  | { readonly kind: 'power lost' }
  | { readonly kind: 'exit'; readonly code: number; readonly reason: string }
  | { readonly kind: 'refused'; readonly error: unknown };

/** What the disk will do at a call to come. */
export interface DiskPlan {
  /** Counted from the next call; at least 1. */
  inCalls: number;
  /** Only calls of this kind count. */
  readonly at?: DiskCall['kind'];
  readonly fault: 'kill' | 'power' | Exclude<DiskFault, 'crash'>;
}

export const defaultSyncMs = 0.5;

class ProcessGone extends Error {}

export class SimServer {
  readonly name: string;
  readonly machine: Machine;
  readonly settings: ServerSettings;
  state: ServerState = 'off';
  disk: MemoryFiles;
  plan: DiskPlan | undefined;
  /** How often it was booted. */
  lives = 0;
  /** Mean ms of an fsync, as of now. */
  syncMs: number;
  /** Of the present life, once recovery is done. */
  parts: ServerParts | undefined;
  onServing: (() => void) | undefined;
  /** Called while `parts` are still those of the life that ended. */
  onEnded: ((end: ServerEnd) => void) | undefined;
  /** Told of every call that changes the disk, before it is made. */
  onDiskCall: ((call: DiskCall) => void) | undefined;
  /** Told what a sync made durable: MemoryFiles.synced. */
  onDiskSynced: ((file: object, upTo: number) => void) | undefined;
  readonly #world: World;
  #program: Program | undefined;
  #doom: 'kill' | 'power' | undefined;

  constructor(world: World, name: string, settings: ServerSettings) {
    this.#world = world;
    this.name = name;
    this.settings = settings;
    this.syncMs = settings.syncMs ?? defaultSyncMs;
    this.machine = new Machine(world, name);
    this.disk = this.#newDisk();
  }

  /** The server of an ensemble that runs here now. */
  get ensembleServer(): EnsembleServer | undefined {
    return this.#program instanceof EnsembleServer ? this.#program : undefined;
  }

  boot(): void {
    const { world, chance } = this.machine;
    this.lives++;
    this.state = 'starting';
    this.parts = undefined;
    this.#doom = undefined;
    world.note(this.name, 'boot', this.lives);
    const process = this.machine.start(this.settings.speed ?? usualSpeed);
    process.onThrown = (error) => this.#thrown(error);
    const ports: EnsemblePorts = {
      clock: process.clock,
      files: this.disk,
      ...world.net.portsFor(this.machine.host, process),
      random: randomOf(chance),
      hash: world.hash,
      codec: world.codec,
      environment,
      log: world.logOf(process),
      exit: (code, reason) => {
        this.#died({ kind: 'exit', code, reason });
        throw new ProcessGone(reason);
      },
    };
    const { config } = readConfig({
      text: this.settings.config,
      readMyid: () => this.settings.myid,
      ...(this.settings.properties === undefined ? {} : { properties: this.settings.properties }),
    });
    // From the loop, as on Node: what goes wrong in here must not reach the one who boots.
    process.post(() => {
      const options = { config, version: 'simulated', acceptDataLoss: undefined };
      const make = this.settings.program ?? serverOf;
      const program = make(ports, options);
      this.#program = program;
      program.start(
        (parts) => {
          this.parts = parts;
          return commandsOf(parts, world.wallStart);
        },
        (error) => {
          if (error !== undefined) {
            this.#died({ kind: 'refused', error });
            return;
          }
          this.state = 'serving';
          world.note(this.name, 'serving');
          this.onServing?.();
        },
      );
    });
  }

  /** SIGTERM. */
  stop(): void {
    if (this.state !== 'serving' && this.state !== 'starting') return;
    this.state = 'stopping';
    const { process } = this.machine;
    process?.post(() => this.#program?.stop(() => this.#died({ kind: 'stopped' })));
  }

  /** SIGKILL. */
  kill(): void {
    this.#died({ kind: 'killed' });
  }

  powerOff(): void {
    this.#died({ kind: 'power lost' });
  }

  /** A new, empty disk; the machine is off. */
  replaceDisk(): void {
    if (this.state !== 'off') throw new Error(`${this.name} runs`);
    this.disk = this.#newDisk();
  }

  pause(): void {
    this.machine.process?.pause();
  }

  resume(): void {
    this.machine.process?.resume();
  }

  #thrown(error: unknown): void {
    if (this.state === 'off' || error instanceof ProcessGone) return;
    if (error instanceof DiskCrash) {
      this.#died({ kind: 'killed' });
      return;
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#died({ kind: 'exit', code: 1, reason: `uncaught: ${text}` });
  }

  #died(reason: ServerEnd): void {
    if (this.state === 'off') return;
    // Whatever the program made of it, the machine or the process was gone before.
    const end: ServerEnd =
      this.#doom === undefined
        ? reason
        : { kind: this.#doom === 'power' ? 'power lost' : 'killed' };
    this.state = 'off';
    this.#program = undefined;
    this.plan = undefined;
    this.#world.note(this.name, end.kind, end.kind === 'exit' ? end.code : 0);
    this.#world.count(`server ${end.kind}`);
    if (end.kind === 'power lost') {
      this.machine.powerOff();
      this.disk = this.#fitted(this.disk.afterPowerLoss(this.machine.chance, this.#diskOptions()));
    } else {
      this.machine.end();
      this.disk.kill(this.machine.chance);
    }
    this.onEnded?.(end);
    this.parts = undefined;
  }

  #newDisk(): MemoryFiles {
    const disk = new MemoryFiles(this.#diskOptions());
    disk.makeDirectories('/data');
    disk.syncDirectoryNow('/');
    return this.#fitted(disk);
  }

  #fitted(disk: MemoryFiles): MemoryFiles {
    disk.fault = (call) => this.#diskCall(call);
    disk.synced = (file, upTo) => this.onDiskSynced?.(file, upTo);
    return disk;
  }

  #diskOptions() {
    const { chance } = this.machine;
    return {
      clock: this.machine.kernelClock,
      latencyMs: () => 0.05 - this.syncMs * Math.log(1 - chance.fraction()),
    };
  }

  #diskCall(call: DiskCall): DiskFault | undefined {
    this.#world.note(this.name, `${call.kind} ${call.path}`, call.index);
    if (call.kind === 'sync') this.machine.process?.spend(this.syncMs);
    const { plan } = this;
    const counts = plan !== undefined && (plan.at === undefined || plan.at === call.kind);
    if (counts && --plan.inCalls <= 0) {
      this.plan = undefined;
      this.#world.note(this.name, `disk ${plan.fault}`);
      this.#world.count(`disk ${plan.fault} at ${call.kind}`);
      if (plan.fault !== 'kill' && plan.fault !== 'power') return plan.fault;
      this.#doom = plan.fault;
      this.onDiskCall?.(call);
      return 'crash';
    }
    this.onDiskCall?.(call);
    return undefined;
  }
}

const serverOf: MakeProgram = (ports, options) =>
  options.config.ensemble === undefined
    ? new StandaloneServer(ports, options)
    : new EnsembleServer(ports, options);

const environment: Environment = {
  properties: () => [],
  hostName: () => 'simulated',
  openFileDescriptors: () => 0,
  maxFileDescriptors: () => 0,
  processors: () => 1,
  residentMemory: () => 0,
};
