/**
 * One client that writes without a pause through servers that come and go, and keeps a journal.
 *
 * It has one request in flight, so that a lost connection leaves one write in doubt. It has an ephemeral
 * node for each of its sessions. Inputs: a connect string, chance. Outputs: the journal; how often
 * its session was lost. What no server may do is recorded in `faults`: a register whose zxids do not
 * rise, a read that is older than an acknowledged write.
 */
import type { KeeperError, MultiOp, ZooKeeper } from '../../../src/index.ts';
import { connect } from '../../../src/index.ts';
import { message } from './child.ts';
import type { Content } from './journal.ts';
import { Journal } from './journal.ts';
import type { Seeded } from './seeded.ts';

/** Answers that leave open whether the write happened. */
const doubtful: ReadonlySet<string> = new Set([
  'ConnectionLoss',
  'SessionExpired',
  'SessionMoved',
  'OperationTimeout',
  'RequestTimeout',
]);

export interface WriterOptions {
  readonly connectString: string;
  readonly sessionTimeoutMs: number;
  /** Between two writes, so that a run does not end with more nodes than can be compared. */
  readonly pauseMs: number;
}

export class LoadWriter {
  readonly root: string;
  readonly journal = new Journal();
  readonly faults: string[] = [];
  /** Sessions that ended without our closing them. */
  sessionsLost = 0;
  readonly #options: WriterOptions;
  readonly #random: Seeded;
  readonly #progress = new Set<() => void>();
  readonly #deletable: string[] = [];
  #zk: ZooKeeper | undefined;
  #session = 0;
  #count = 0;
  #lastZxid = -1n;
  #isStopping = false;
  #running: Promise<void> | undefined;

  constructor(root: string, options: WriterOptions, random: Seeded) {
    this.root = root;
    this.#options = options;
    this.#random = random;
  }

  get sessionId(): bigint | undefined {
    return this.#zk?.sessionId;
  }

  /** The ephemeral node of its present session. */
  get ephemeral(): string {
    return `${this.root}/session-${this.#session}`;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Lets the write in flight end; the session stays open. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  /** Goes on writing after `stop`. */
  resume(): void {
    this.#isStopping = false;
    this.start();
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#zk?.close();
  }

  /** When `count` more writes are acknowledged; an error as soon as the writer has given up. */
  acknowledged(count: number): Promise<void> {
    const goal = this.journal.acknowledged + count;
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const [fault] = this.faults;
        if (fault !== undefined) reject(new Error(fault));
        else if (this.journal.acknowledged < goal) return;
        this.#progress.delete(look);
        resolve();
      };
      this.#progress.add(look);
      look();
    });
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      try {
        const zk = await this.#connected();
        await this.#write(zk);
      } catch (error) {
        this.faults.push(`${this.root}: ${message(error)}`);
        this.#announce();
        return;
      }
      if (this.#options.pauseMs > 0) {
        await new Promise((resolve) => setTimeout(resolve, this.#options.pauseMs));
      }
    }
  }

  /** The session, a new one if the last is over; with its node. */
  async #connected(): Promise<ZooKeeper> {
    if (this.#zk !== undefined && this.#zk.state !== 'EXPIRED') return this.#zk;
    if (this.#zk !== undefined) this.sessionsLost++;
    const { connectString, sessionTimeoutMs } = this.#options;
    const zk = await connect(connectString, { sessionTimeoutMs, connectTimeoutMs: 0 });
    this.#zk = zk;
    this.#session++;
    if (this.#session === 1) await this.#make(zk, this.root, 'PERSISTENT');
    await this.#make(zk, this.ephemeral, 'EPHEMERAL');
    return zk;
  }

  /** Until it is there, or the session is over. */
  async #make(zk: ZooKeeper, path: string, mode: 'PERSISTENT' | 'EPHEMERAL'): Promise<void> {
    for (;;) {
      try {
        await zk.create(path, '', { mode });
        return;
      } catch (error) {
        const { code } = error as KeeperError;
        if (code === 'NodeExists' || code === 'SessionExpired') return;
        if (!doubtful.has(code)) throw error;
      }
    }
  }

  async #write(zk: ZooKeeper): Promise<void> {
    const number = ++this.#count;
    const draw = this.#random.below(10);
    const register = `${this.root}/register`;
    const node = `${this.root}/n${number}`;
    const changes = new Map<string, Content>();
    const ops: MultiOp[] = [];
    if (number === 1) {
      ops.push({ type: 'create', path: register, data: String(number) });
      changes.set(register, String(number));
    } else if (draw < 5) {
      ops.push({ type: 'setData', path: register, data: String(number) });
      changes.set(register, String(number));
    } else if (draw < 8 || this.#deletable.length === 0) {
      ops.push({ type: 'create', path: node, data: `${number}` });
      changes.set(node, `${number}`);
      if (draw === 7) {
        ops.push({ type: 'create', path: `${node}b`, data: 'b' });
        changes.set(`${node}b`, 'b');
      }
    } else {
      const [path = ''] = this.#deletable.splice(this.#random.below(this.#deletable.length), 1);
      ops.push({ type: 'delete', path });
      changes.set(path, undefined);
    }
    try {
      await this.#send(zk, ops);
    } catch (error) {
      const { code } = error as KeeperError;
      if (!doubtful.has(code)) {
        // The first write may have happened before its answer was lost; any other must succeed.
        if (code === 'NodeExists' && this.journal.acknowledged === 0) return;
        throw new Error(`${ops.map(({ type, path }) => `${type} ${path}`)}: ${message(error)}`);
      }
      this.journal.doubt(changes);
      // Without its register nothing else makes sense: the next write is again the first.
      if (number === 1) this.#count = 0;
      return;
    }
    this.journal.acknowledge(changes);
    if (draw >= 5 && changes.get(node) !== undefined) this.#deletable.push(...changes.keys());
    this.#announce();
    if (number % 8 === 0) await this.#look(zk, register);
  }

  async #send(zk: ZooKeeper, ops: readonly MultiOp[]): Promise<void> {
    const [op, ...more] = ops;
    if (op === undefined) return;
    if (more.length > 0) await zk.multi(ops);
    else if (op.type === 'create') await zk.create(op.path, op.data);
    else if (op.type === 'delete') await zk.delete(op.path);
    else if (op.type === 'setData') {
      const { mzxid } = await zk.setData(op.path, op.data);
      if (mzxid <= this.#lastZxid) {
        this.faults.push(`${op.path}: a write of zxid ${mzxid} after one of ${this.#lastZxid}`);
      }
      this.#lastZxid = mzxid;
    }
  }

  #announce(): void {
    for (const look of [...this.#progress]) look();
  }

  /** A session reads its own writes, whichever server it is with. */
  async #look(zk: ZooKeeper, register: string): Promise<void> {
    try {
      const { mzxid } = (await zk.getData(register)).stat;
      if (mzxid < this.#lastZxid) {
        this.faults.push(`${register}: read as of ${mzxid}, written at ${this.#lastZxid}`);
      }
    } catch (error) {
      if (!doubtful.has((error as KeeperError).code)) throw error;
    }
  }
}
