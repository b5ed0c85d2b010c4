// The port where learners reach their leader (Leader.LearnerCnxAcceptor). It is bound in every role, so that a new
// leader can be reached the moment it is elected. Inputs: addresses, the role. Output: each learner that has introduced
// itself, as a LinkSocket, to the leader.
//
// A caller is kept here until its first packet (FOLLOWERINFO or OBSERVERINFO) is whole and we lead. So silence, garbage
// and dribbles never reach the leader, and a learner that was quicker to know that we lead does not have to come
// twice. While we follow somebody else, callers are closed at once. Callers are few, and the one that has waited
// longest goes first. Different from Java on purpose: Java binds when it leads, and refuses until then.

import type { Log, Socket, SocketHandlers, Timer } from '../ports.ts';
import { NetError } from '../ports.ts';
import { PacketType } from '../proto/quorum.ts';
import { emptyBytes } from '../util/bytes.ts';
import type { NetPorts } from './address-dial.ts';
import { RareLog } from './election-rare-log.ts';
import type { HostPort } from './host-port.ts';
import { printAddress } from './host-port.ts';
import type { LinkOutput } from './link-socket.ts';
import { LinkSocket, remoteAddressOf } from './link-socket.ts';
import { PortBinding } from './port-binding.ts';

/** Callers that are no learners of a leader yet: of one address, and of all. An ensemble has fewer servers. */
const callersPerAddressMax = 32;
const callersMax = 64;
/** A LearnerInfo has 20 bytes (12 before 3.5); nothing else is said until the leader answers. */
const infoLengthMax = 1024;
/** Type, zxid, length of the data, and behind the data the count of authinfo. */
const infoOffset = 16;
const authInfoLength = 4;

export interface QuorumPortOptions<L extends LinkOutput> {
  /** Our own quorum addresses. */
  readonly addresses: readonly HostPort[];
  readonly listenOnAllIps: boolean;
  readonly keepAlive: boolean;
  /** How often binding is tried, a second apart; 0: for ever. */
  readonly bindTries: number;
  /** How long a caller is kept that says nothing, or for which we do not lead; initLimit in ms. */
  readonly waitMs: number;
  /** The link of a new connection; `remoteAddress` is `host:port`. */
  readonly makeLink: (remoteAddress: string) => L;
}

export class QuorumPort<L extends LinkOutput> {
  readonly #ports: NetPorts;
  readonly #options: QuorumPortOptions<L>;
  readonly #log: RareLog;
  /** In the order they came. */
  readonly #callers = new Set<Caller>();
  /** 'waiting': LOOKING, callers are kept. 'refusing': somebody else leads. */
  #mode: 'waiting' | 'refusing' | { readonly accept: (socket: LinkSocket<L>) => void } = 'waiting';
  #binding: PortBinding | undefined;
  #port: number | undefined;
  #isClosed = false;

  constructor(ports: NetPorts, log: Log, options: QuorumPortOptions<L>) {
    this.#ports = ports;
    this.#options = options;
    this.#log = new RareLog(log, ports.clock);
  }

  /** Of the first address that was bound. */
  get port(): number | undefined {
    return this.#port;
  }

  /** Callers that wait for a leader, or have not introduced themselves. */
  get waiting(): number {
    return this.#callers.size;
  }

  /** `ready`, once: an address is bound (others may follow), or none can be. */
  listen(ready: (error: NetError | undefined) => void): void {
    const { addresses, listenOnAllIps, bindTries, keepAlive } = this.#options;
    const options = { addresses, onAllIps: listenOnAllIps, tries: bindTries, keepAlive };
    const where = addresses.map(printAddress).join(' | ');
    this.#binding = new PortBinding(this.#ports, options, {
      accepted: (socket) => this.#accepted(socket),
      bound: (host, port) => {
        const isFirst = this.#port === undefined;
        this.#port ??= port;
        this.#log.info(`bound quorum address ${printAddress({ host, port })} -> accept`);
        if (isFirst) ready(undefined);
      },
      tried: (address, code, isLast) => {
        const decision = isLast ? 'give it up' : 'try again';
        this.#log.warn(`cannot bind quorum address ${address}: ${code} -> ${decision}`);
      },
      failed: (code) => {
        ready(new NetError(code, `cannot bind a quorum address (${where}): ${code}`));
      },
    });
  }

  /**
   * From the end of this turn, learners that have introduced themselves are handed over. `accept` attaches its handlers
   * before it returns; what the learner has said by then comes to them right behind.
   */
  lead(accept: (socket: LinkSocket<L>) => void): void {
    const mode = { accept };
    this.#mode = mode;
    this.#ports.clock.endOfTurn(() => {
      for (const caller of [...this.#callers]) {
        if (this.#mode === mode && caller.isIntroduced) this.#handOver(caller);
      }
    });
  }

  /** LOOKING: callers wait. Whoever was handed over stays with who took it. */
  unlead(): void {
    this.#mode = 'waiting';
  }

  /** Somebody else leads: who waits is closed, and so is whoever comes. */
  refuse(): void {
    this.#mode = 'refusing';
    for (const caller of [...this.#callers]) this.#drop(caller, undefined);
  }

  /** `done` is called when the port is free; learners that were handed over stay. */
  close(done: () => void): void {
    this.#isClosed = true;
    for (const caller of [...this.#callers]) this.#drop(caller, undefined);
    if (this.#binding === undefined) this.#ports.clock.schedule(0, done);
    else this.#binding.stop(done);
  }

  #accepted(socket: Socket): SocketHandlers | undefined {
    if (this.#isClosed || this.#mode === 'refusing') return undefined;
    this.#makeRoom(socket.remoteAddress);
    const { clock } = this.#ports;
    const { waitMs } = this.#options;
    const timer = clock.schedule(waitMs, () => {
      const what = caller.isIntroduced ? 'nobody led' : 'no introduction';
      this.#drop(caller, `${what} for ${waitMs} ms`);
    });
    const caller: Caller = new Caller(socket, timer, {
      introduced: () => {
        if (typeof this.#mode === 'object') this.#handOver(caller);
      },
      mistaken: (what) => this.#drop(caller, what),
      gone: () => this.#remove(caller),
    });
    this.#callers.add(caller);
    return caller;
  }

  #makeRoom(address: string): void {
    const all = [...this.#callers];
    const ofAddress = all.filter(({ socket }) => socket.remoteAddress === address);
    const among = ofAddress.length >= callersPerAddressMax ? ofAddress : all;
    if (among === all && all.length < callersMax) return;
    const oldest = among.find(({ isIntroduced }) => !isIntroduced) ?? among[0];
    if (oldest !== undefined) this.#drop(oldest, 'too many callers');
  }

  #handOver(caller: Caller): void {
    if (typeof this.#mode !== 'object') return;
    this.#remove(caller);
    const { socket } = caller;
    const link = new LinkSocket(socket, this.#options.makeLink(remoteAddressOf(socket)));
    this.#mode.accept(link);
    caller.handOver(link);
  }

  /** Without a reason: nobody's fault, and not worth a line. */
  #drop(caller: Caller, why: string | undefined): void {
    this.#remove(caller);
    if (why !== undefined) {
      const where = remoteAddressOf(caller.socket);
      this.#log.rare('caller', 'warn', `quorum connection from ${where}: ${why} -> close`);
    }
    caller.socket.destroy();
  }

  #remove(caller: Caller): void {
    caller.timer.cancel();
    this.#callers.delete(caller);
  }
}

interface CallerOwner {
  introduced(): void;
  /** It is no learner. */
  mistaken(what: string): void;
  gone(): void;
}

/** A connection up to its first packet, and from its hand-over on a pipe to the link. */
class Caller implements SocketHandlers {
  readonly socket: Socket;
  readonly timer: Timer;
  readonly #owner: CallerOwner;
  /** What it has said; bounded by `infoLengthMax` and the length of one read. */
  #held: Uint8Array = emptyBytes;
  #next: SocketHandlers | undefined;
  isIntroduced = false;

  constructor(socket: Socket, timer: Timer, owner: CallerOwner) {
    this.socket = socket;
    this.timer = timer;
    this.#owner = owner;
  }

  handOver(next: SocketHandlers): void {
    this.#next = next;
    const held = this.#held;
    this.#held = emptyBytes;
    next.received(held);
  }

  received(bytes: Uint8Array): void {
    if (this.#next !== undefined) {
      this.#next.received(bytes);
      return;
    }
    const before = this.#held.length;
    const length = before + bytes.length;
    if (length > infoLengthMax) {
      this.#owner.mistaken(`${length} bytes before an answer`);
      return;
    }
    const held = new Uint8Array(length);
    held.set(this.#held);
    held.set(bytes, before);
    this.#held = held;
    if (this.isIntroduced) return;
    const need = introductionLength(held);
    if (typeof need === 'string') {
      this.#owner.mistaken(need);
    } else if (need <= length) {
      this.isIntroduced = true;
      this.#owner.introduced();
    }
  }

  closed(reason: string): void {
    if (this.#next !== undefined) this.#next.closed(reason);
    else this.#owner.gone();
  }
}

/** How long the first packet is, as far as it can be told; a text: it is no introduction. */
function introductionLength(bytes: Uint8Array): number | string {
  if (bytes.length < infoOffset) return infoOffset + authInfoLength;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = view.getInt32(0);
  if (type !== PacketType.FOLLOWERINFO && type !== PacketType.OBSERVERINFO) {
    return `packet type ${type} first`;
  }
  const length = view.getInt32(infoOffset - 4);
  if (length < 0 || length > infoLengthMax) return `an introduction of ${length} bytes`;
  return infoOffset + length + authInfoLength;
}
