// The connections that carry votes: one for each pair of servers (QuorumCnxManager). Inputs: messages to send, dials
// asked for, the ports. Outputs, at the end of a turn and in order: messages, links that came up or broke, dials
// refused; and the end of binding.
//
// The larger sid's connection is kept. The smaller one dials too, says who it is and hangs up: "call me back".
// Invariants: one dial a server at a time; a server that does not answer delays nobody else.
// Different from Java on purpose: the configured address is dialled, never the one a caller claims (a stranger's only
// at the host it called from, and seldom); a link is given up only when the new one stands; strangers are few, and can
// be refused; a foreign host's link does not replace one that stands at the configured address unasked.

import type { Log, Socket, SocketHandlers } from '../ports.ts';
import type { Sid } from '../proto/sid.ts';
import { namelessSid } from '../proto/sid.ts';
import type { NetPorts } from './address-dial.ts';
import { AddressDial } from './address-dial.ts';
import type { InboxItem } from './election-inbox.ts';
import { ElectionInbox } from './election-inbox.ts';
import type { InitialMessage } from './election-initial-message.ts';
import { encodeInitialMessage } from './election-initial-message.ts';
import { ElectionLink } from './election-link.ts';
import { ElectionListener } from './election-listener.ts';
import { ElectionPeer } from './election-peer.ts';
import { RareLog } from './election-rare-log.ts';
import type { HostPort } from './host-port.ts';
import { printAddress } from './host-port.ts';

/** Servers outside the configuration that have a link: joining ones, and those a rolling change has removed. */
const strangersMax = 16;
/** A link that stands is dialled anew for a caller no more often than this. */
const redialMsMin = 1_000;
/** All strangers together are called back no more often than this. */
const strangerDialMsMin = 100;
/** After we asked a larger sid to call back: how long it is given before we ask again. */
const callBackMs = 500;
/** With several addresses: a link silent for so long may hang on a dead one, and another is tried. */
const silentMsMax = 1_000;

export interface ElectionMeshOptions {
  readonly mySid: Sid;
  /** Our own election addresses: where we listen, and what we tell others. */
  readonly addresses: readonly HostPort[];
  readonly listenOnAllIps: boolean;
  readonly multiAddress: boolean;
  /** zookeeper.cnxTimeout, in ms: a dial with all its look-ups. */
  readonly connectTimeoutMs: number;
  /** Until a caller must have said who it is. */
  readonly handshakeTimeoutMs: number;
  readonly bindTries: number;
  readonly keepAlive: boolean;
  /** Refuse servers that are not in the configuration. */
  readonly refuseStrangers: boolean;
  /** A member's election addresses, committed and proposed; undefined: no member. Asked anew each time. */
  readonly addressesOf: (sid: Sid) => readonly HostPort[] | undefined;
}

export interface ElectionMeshOwner {
  /** A turn's items in order, each valid for the election machine as it is (its `bytes` are a copy). */
  happened(item: InboxItem): void;
  bound(address: string, port: number): void;
  /** No election address could be bound (exit code 14). */
  bindFailed(code: string): void;
}

export class ElectionMesh {
  readonly #ports: NetPorts;
  readonly #options: ElectionMeshOptions;
  readonly #owner: ElectionMeshOwner;
  readonly #log: RareLog;
  readonly #peers = new Map<Sid, ElectionPeer>();
  readonly #inbox = new ElectionInbox();
  readonly #initialMessage: Uint8Array;
  #listener: ElectionListener | undefined;
  #nextNameless = -1n;
  #strangerDialledAt = Number.NEGATIVE_INFINITY;
  #isHandingOver = false;
  #isStopped = false;

  constructor(ports: NetPorts, log: Log, options: ElectionMeshOptions, owner: ElectionMeshOwner) {
    this.#ports = ports;
    this.#log = new RareLog(log, ports.clock);
    this.#options = options;
    this.#owner = owner;
    const { mySid, addresses, multiAddress } = options;
    this.#initialMessage = encodeInitialMessage(mySid, addresses, multiAddress);
  }

  /** Messages dropped because too many came in one turn. */
  get dropped(): number {
    return this.#inbox.dropped;
  }

  isConnected(sid: Sid): boolean {
    return this.#peers.get(sid)?.link !== undefined;
  }

  start(): void {
    const { addresses, listenOnAllIps, bindTries, handshakeTimeoutMs, keepAlive } = this.#options;
    const options = {
      addresses,
      onAllIps: listenOnAllIps,
      tries: bindTries,
      handshakeTimeoutMs,
      keepAlive,
    };
    this.#listener = new ElectionListener(this.#ports, options, {
      introduced: (message, socket) => this.#onIntroduced(message, socket),
      rejected: (address, why) => {
        this.#log.rare('rejected', 'warn', `election connection from ${address}: ${why} -> close`);
      },
      bound: (address, port) => {
        this.#log.info(`bound election address ${printAddress({ host: address, port })} -> accept`);
        this.#owner.bound(address, port);
      },
      tried: (address, code, isLast) => {
        const decision = isLast ? 'give it up' : 'try again';
        this.#log.warn(`cannot bind election address ${address}: ${code} -> ${decision}`);
      },
      failed: (code) => this.#owner.bindFailed(code),
    });
  }

  /** Replaces what still waits for this server, and dials it if there is no link. */
  send(sid: Sid, message: Uint8Array): void {
    if (this.#isStopped || sid === this.#options.mySid) return;
    const peer = this.#peers.get(sid) ?? this.#newMember(sid);
    if (peer === undefined) {
      this.#log.rare('unknown', 'warn', `send to ${sid}: not in the configuration -> drop`);
      return;
    }
    peer.put(message);
    if (peer.link !== undefined) peer.link.flush();
    this.#connect(peer);
  }

  connect(sid: Sid): void {
    const peer = this.#peers.get(sid) ?? this.#newMember(sid);
    if (peer !== undefined && sid !== this.#options.mySid) this.#connect(peer);
  }

  /** Dials every server that was ever to be told something and has no link. */
  connectAll(): void {
    for (const peer of this.#peers.values()) if (peer.hasMessages) this.#connect(peer);
  }

  /** `done` is called when the port is free; links break without a word. */
  stop(done: () => void): void {
    this.#isStopped = true;
    for (const peer of this.#peers.values()) {
      peer.dial?.cancel();
      peer.link?.close('stopped');
    }
    this.#peers.clear();
    this.#inbox.take();
    if (this.#listener === undefined) this.#ports.clock.schedule(0, done);
    else this.#listener.stop(done);
  }

  #isMember({ sid }: ElectionPeer): boolean {
    return this.#options.addressesOf(sid) !== undefined;
  }

  #newMember(sid: Sid): ElectionPeer | undefined {
    if (this.#options.addressesOf(sid) === undefined) return undefined;
    const peer = new ElectionPeer(sid);
    this.#peers.set(sid, peer);
    return peer;
  }

  #connect(peer: ElectionPeer): void {
    const addresses = this.#options.addressesOf(peer.sid);
    if (addresses === undefined) return;
    const { link } = peer;
    const now = this.#ports.clock.now();
    if (now - peer.askedAt < callBackMs) return;
    if (link !== undefined) {
      // That a living server has nothing to say is normal; with a second address it is worth a look.
      const isSilent = now - link.heardAt > silentMsMax && now - peer.dialledAt > 2 * silentMsMax;
      if (addresses.length < 2 || !isSilent) return;
    }
    this.#dial(peer, addresses);
  }

  #dial(peer: ElectionPeer, addresses: readonly HostPort[]): void {
    if (this.#isStopped || peer.dial !== undefined) return;
    const { connectTimeoutMs, keepAlive, mySid } = this.#options;
    const { sid } = peer;
    peer.dialledAt = this.#ports.clock.now();
    const options = { timeoutMs: connectTimeoutMs, keepAlive };
    const where = addresses.map(printAddress).join(' | ');
    const dial = new AddressDial(this.#ports, addresses, options, {
      connected: (socket, tried) => {
        peer.dial = undefined;
        if (this.#isMember(peer)) peer.addresses = new Set(tried);
        socket.write(this.#initialMessage, () => undefined);
        if (sid < mySid) return this.#establish(peer, socket, 'dialled');
        this.#log.debug(`dialled ${sid} at ${where}: larger sid -> hang up, it calls back`);
        peer.askedAt = this.#ports.clock.now();
        socket.end();
        return { received: () => undefined, closed: () => undefined };
      },
      failed: (code, isRefused) => {
        peer.dial = undefined;
        const decision = isRefused ? 'absent until heard of' : 'try again later';
        const kind = this.#isMember(peer) ? `dial ${sid}` : 'dial a stranger';
        this.#log.rare(kind, 'info', `dialled ${sid} at ${where}: ${code} -> ${decision}`);
        if (isRefused && peer.link === undefined) this.#put({ kind: 'dialRefused', sid, code });
        this.#forgetStranger(peer);
      },
    });
    peer.dial = dial;
  }

  #onIntroduced(message: InitialMessage, socket: Socket): SocketHandlers | undefined {
    const { mySid } = this.#options;
    // An observer without an id: it gets a negative one, which is smaller than any sid, and is called back.
    const sid = message.sid === namelessSid ? this.#nextNameless-- : message.sid;
    if (sid === mySid) {
      const text = `recv a connection from ${socket.remoteAddress} with our own sid ${sid} -> close`;
      this.#log.rare('own sid', 'warn', text);
      return undefined;
    }
    const peer = this.#peers.get(sid) ?? this.#newMember(sid) ?? this.#newStranger(sid, socket);
    if (peer === undefined) return undefined;
    if (sid < mySid) {
      this.#callBack(peer, message, socket);
      return undefined;
    }
    if (this.#isForeign(peer, socket)) {
      this.#log.rare(
        `foreign ${sid}`,
        'warn',
        `recv a second connection as ${sid} from ${socket.remoteAddress} -> ask ${sid} to call back`,
      );
      peer.askedToCallBack = true;
      this.#dial(peer, this.#options.addressesOf(sid) ?? []);
      return undefined;
    }
    return this.#establish(peer, socket, 'accepted');
  }

  /** A link stands where the configuration says, and this caller comes from somewhere else. */
  #isForeign(peer: ElectionPeer, { remoteAddress }: Socket): boolean {
    const { link, addresses, askedToCallBack } = peer;
    if (link === undefined || askedToCallBack || link.remoteAddress === remoteAddress) return false;
    return addresses.has(link.remoteAddress) && !addresses.has(remoteAddress);
  }

  /** The smaller sid has no link to us (any more). Ours, if it still stands, is kept until the new one is there. */
  #callBack(peer: ElectionPeer, message: InitialMessage, socket: Socket): void {
    const { sid } = peer;
    const now = this.#ports.clock.now();
    if (peer.link !== undefined && now - peer.dialledAt < redialMsMin) return;
    const addresses = this.#options.addressesOf(sid) ?? strangersAddress(message, socket);
    if (addresses === undefined) {
      this.#log.rare(
        'claim',
        'warn',
        `recv a call-back request from ${sid} at ${socket.remoteAddress} ` +
          `for ${message.addresses.map(printAddress).join(' | ') || 'no address'} -> ignore`,
      );
      this.#forgetStranger(peer);
      return;
    }
    if (!this.#isMember(peer)) {
      if (now - this.#strangerDialledAt < strangerDialMsMin) {
        this.#forgetStranger(peer);
        return;
      }
      this.#strangerDialledAt = now;
    }
    this.#dial(peer, addresses);
  }

  #newStranger(sid: Sid, socket: Socket): ElectionPeer | undefined {
    const { refuseStrangers } = this.#options;
    const decision = refuseStrangers ? 'refuse' : 'accept without a vote';
    const what = `recv ${sid} from ${socket.remoteAddress}: not in the configuration`;
    this.#log.rare('stranger', 'warn', `${what} -> ${decision}`);
    if (refuseStrangers) return undefined;
    const strangers = [...this.#peers.values()].filter((peer) => !this.#isMember(peer));
    if (strangers.length >= strangersMax) this.#dropStranger(strangers);
    const peer = new ElectionPeer(sid);
    this.#peers.set(sid, peer);
    return peer;
  }

  /** The one that was silent longest: an honest one dials again as soon as it has something to say. */
  #dropStranger(strangers: readonly ElectionPeer[]): void {
    const heardAt = ({ link }: ElectionPeer): number => link?.heardAt ?? Number.NEGATIVE_INFINITY;
    const silent = strangers.reduce((a, b) => (heardAt(b) < heardAt(a) ? b : a));
    silent.dial?.cancel();
    silent.dial = undefined;
    silent.link?.close('too many strangers');
    this.#peers.delete(silent.sid);
  }

  #forgetStranger(peer: ElectionPeer): void {
    if (this.#isMember(peer) || peer.link !== undefined || peer.dial !== undefined) return;
    if (this.#peers.get(peer.sid) === peer) this.#peers.delete(peer.sid);
  }

  #establish(peer: ElectionPeer, socket: Socket, how: 'dialled' | 'accepted'): SocketHandlers {
    const { sid } = peer;
    const link = new ElectionLink(
      socket,
      {
        takeNext: () => peer.takeNext(),
        received: (bytes) => this.#put({ kind: 'received', from: sid, bytes }),
        closed: (closed, reason) => this.#onClosed(peer, closed, reason),
      },
      () => this.#ports.clock.now(),
    );
    const old = peer.link;
    peer.link = link;
    peer.askedToCallBack = false;
    old?.close('replaced');
    const decision = old === undefined ? 'link' : 'link, close the old one';
    this.#log.info(`${how} ${sid} at ${socket.remoteAddress} -> ${decision}`);
    this.#put({ kind: 'linkEstablished', sid });
    peer.repeatLast();
    link.flush();
    return link;
  }

  #onClosed(peer: ElectionPeer, link: ElectionLink, reason: string): void {
    if (peer.link !== link || this.#isStopped) return;
    peer.link = undefined;
    this.#log.info(`link to ${peer.sid} closed: ${reason} -> dial when there is something to say`);
    this.#put({ kind: 'linkBroken', sid: peer.sid, reason });
    this.#forgetStranger(peer);
  }

  #put(item: InboxItem): void {
    if (this.#isStopped) return;
    this.#inbox.put(item);
    if (this.#isHandingOver) return;
    this.#isHandingOver = true;
    this.#ports.clock.endOfTurn(() => {
      this.#isHandingOver = false;
      for (const happened of this.#inbox.take()) {
        if (!this.#isStopped) this.#owner.happened(happened);
      }
    });
  }
}

/**
 * Where a stranger may be called back: the port it claims, at the host it called from. Its claim must not contradict
 * that, or anybody could make us dial anywhere.
 */
function strangersAddress(message: InitialMessage, socket: Socket): HostPort[] | undefined {
  const isNumeric = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(':');
  const claim = message.addresses.find(
    ({ host }) => host === socket.remoteAddress || !isNumeric(host),
  );
  return claim === undefined ? undefined : [{ host: socket.remoteAddress, port: claim.port }];
}
