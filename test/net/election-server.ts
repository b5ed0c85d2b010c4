// An election on real sockets of 127.0.0.1: the machine, the mesh and the Node ports wired together, and nothing of Zab
// behind it. It keeps its log lines, its decisions and every message it got or sent. Every wait is for an event and has
// a deadline.
import type {
  Decision,
  ElectionEffect,
  ElectionEvent,
} from '../../src/core/election/election-events.ts';
import { FastLeaderElection } from '../../src/core/election/fast-leader-election.ts';
import type { QuorumVerifier } from '../../src/core/election/quorum-verifier.ts';
import { ElectionMesh } from '../../src/net/election-mesh.ts';
import { nodeClock } from '../../src/node/node-clock.ts';
import { nodeDns } from '../../src/node/node-dns.ts';
import { nodeNet } from '../../src/node/node-net.ts';
import type { Timer } from '../../src/ports.ts';
import type { Sid } from '../../src/proto/sid.ts';

export interface ElectionServerOptions {
  readonly mySid: Sid;
  readonly verifier: QuorumVerifier;
  /** Election ports by sid; one that is missing is filled in when bound. */
  readonly ports: Map<Sid, number>;
}

const host = '127.0.0.1';

export class ElectionServer {
  readonly sid: Sid;
  readonly lines: string[] = [];
  readonly decisions: Decision[] = [];
  /** Every message received and sent, as it was. */
  readonly received: { readonly from: Sid; readonly bytes: Uint8Array }[] = [];
  readonly sent: { readonly to: Sid; readonly bytes: Uint8Array }[] = [];
  readonly #mesh: ElectionMesh;
  readonly #machine: FastLeaderElection;
  readonly #waiting = new Set<() => void>();
  #timer: Timer | undefined;
  #isBound = false;

  constructor({ mySid, verifier, ports }: ElectionServerOptions) {
    this.sid = mySid;
    this.#machine = new FastLeaderElection({ mySid, committed: verifier });
    const log = { log: (_level: string, line: string) => this.#note(line) };
    const io = { net: nodeNet, dns: nodeDns, clock: nodeClock };
    this.#mesh = new ElectionMesh(
      io,
      log,
      {
        mySid,
        addresses: [{ host, port: ports.get(mySid) ?? 0 }],
        listenOnAllIps: false,
        multiAddress: false,
        connectTimeoutMs: 5_000,
        handshakeTimeoutMs: 5_000,
        bindTries: 3,
        keepAlive: false,
        refuseStrangers: false,
        addressesOf: (sid) => {
          const port = ports.get(sid);
          return port === undefined ? undefined : [{ host, port }];
        },
      },
      {
        happened: (item) => {
          if (item.kind === 'received') this.received.push(item);
          this.step(item);
        },
        bound: (_address, port) => {
          ports.set(mySid, port);
          this.#isBound = true;
          this.#changed();
        },
        bindFailed: (code) => this.#note(`bind failed: ${code}`),
      },
    );
  }

  get round(): bigint {
    return this.#machine.status().round;
  }

  /** Returns when the election port is bound. */
  async listen(deadlineMs = 10_000): Promise<void> {
    this.#mesh.start();
    await this.until('the port to be bound', () => this.#isBound, deadlineMs);
  }

  look(zxid = 0n, currentEpoch = 0n): void {
    this.step({ kind: 'started', zxid, currentEpoch });
  }

  isConnected(sid: Sid): boolean {
    return this.#mesh.isConnected(sid);
  }

  /** The decision of this number, counted from 0. */
  async decision(number: number, deadlineMs: number): Promise<Decision> {
    await this.until(`decision ${number}`, () => this.decisions.length > number, deadlineMs);
    return this.decisions[number] as Decision;
  }

  async stop(): Promise<void> {
    this.step({ kind: 'stopped' });
    this.#timer?.cancel();
    await new Promise<void>((resolve) => this.#mesh.stop(resolve));
  }

  step(event: ElectionEvent): void {
    for (const effect of this.#machine.step(event, nodeClock.now())) this.#perform(effect);
    this.#timer?.cancel();
    const { at } = this.#machine.deadline;
    if (Number.isFinite(at)) {
      const delay = Math.max(0, at - nodeClock.now());
      this.#timer = nodeClock.schedule(delay, () => this.step({ kind: 'timeout' }));
    }
    this.#changed();
  }

  until(what: string, holds: () => boolean, deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
      };
      const timer = setTimeout(() => {
        done();
        const lines = this.lines.splice(-40).join('\n');
        reject(new Error(`${this.sid}: ${deadlineMs} ms passed without ${what}\n${lines}`));
      }, deadlineMs);
      const look = (): void => {
        if (!holds()) return;
        done();
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  #perform(effect: ElectionEffect): void {
    switch (effect.kind) {
      case 'send':
        this.sent.push({ to: effect.to, bytes: effect.bytes });
        this.#mesh.send(effect.to, effect.bytes);
        break;
      case 'connect':
        this.#mesh.connect(effect.sid);
        break;
      case 'connectAll':
        this.#mesh.connectAll();
        break;
      case 'decide':
        this.decisions.push(effect.decision);
        break;
      case 'note':
        this.#note(effect.note.line);
        break;
      default:
        break;
    }
  }

  #note(line: string): void {
    this.lines.push(line);
    this.#changed();
  }

  #changed(): void {
    for (const look of [...this.#waiting]) look();
  }
}
