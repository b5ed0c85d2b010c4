// What the servers of a simulated ensemble do for their machines: effects performed on the model host and the
// network, answers said later, some of them failures. In: one effect of a step. Out: calls of the world, in its
// time, and what Ghost must know of terms.

import type { Leader } from '../../../src/core/zab/leader.ts';
import type { LeaderEffect } from '../../../src/core/zab/leader-events.ts';
import type { Learner } from '../../../src/core/zab/learner.ts';
import type { LearnerEffect } from '../../../src/core/zab/learner-events.ts';
import type { SimulatedEnsemble } from './simulated-ensemble.ts';
import type { Server } from './simulated-server.ts';

export function performLeader(
  world: SimulatedEnsemble,
  server: Server,
  role: Leader,
  effect: LeaderEffect,
): void {
  const { host } = server;
  switch (effect.kind) {
    case 'saveEpoch':
      if (effect.name === 'currentEpoch') world.ghost.elected(effect.epoch, host);
      host.saveEpoch(effect.name, effect.epoch);
      return;
    case 'establish':
      world.ghost.established(effect.epoch, host);
      return;
    case 'abandon':
      server.knownAcceptedEpoch = role.status().knownAcceptedEpoch;
      world.look(server);
      return;
    case 'closeLink':
      world.network.close(effect.link);
      return;
    case 'surveyLog': {
      const { link, from, to } = effect;
      const first = world.random.below(host.durable.history.length + 1);
      later(world, server, role, () => {
        const cover = host.survey(from, to, first);
        world.stepLeader(server, { kind: 'logSurveyed', link, cover });
      });
      return;
    }
    case 'readLog': {
      const { link, after, to } = effect;
      const failure = world.random.chance(0.05 * world.oddities) ? 'EIO' : undefined;
      later(world, server, role, () => {
        const txns = host.read(after, to, 1 + world.random.below(4));
        const isEnd = txns.at(-1)?.zxid === to;
        world.stepLeader(server, { kind: 'logRead', link, txns, isEnd, failure });
      });
      return;
    }
    case 'note':
      if (effect.note.decision === 'send UPTODATE') {
        world.ghost.upToDate(BigInt(effect.note.peer ?? 0), host);
      }
      world.say(`${server.sid}: ${effect.note.line}`);
  }
}

export function performLearner(
  world: SimulatedEnsemble,
  server: Server,
  role: Learner,
  effect: LearnerEffect,
): void {
  const { host } = server;
  const { term } = host;
  switch (effect.kind) {
    case 'saveEpoch':
      host.saveEpoch(effect.name, effect.epoch);
      return;
    case 'truncate':
      if (world.random.chance(0.1 * world.oddities)) {
        const failure = 'for no reason';
        later(world, server, role, () =>
          world.stepLearner(server, { kind: 'truncated', term, lastZxid: 0n, failure }),
        );
        return;
      }
      host.truncate(effect.zxid, (lastZxid) => {
        world.stepLearner(server, { kind: 'truncated', term, lastZxid, failure: undefined });
        world.tryLook(server);
      });
      return;
    case 'saveSnapshot':
      host.saveSnapshot(() => {
        world.stepLearner(server, { kind: 'snapshotSaved', term });
        world.tryLook(server);
      });
      return;
    case 'serve':
      world.ghost.checkPrefix(host);
      world.ghost.checkUpToDate(host);
      world.ghost.checkInitial(host, effect.epoch);
      return;
    case 'abandon':
      server.wantsSnapshot = effect.wantsSnapshot;
      world.network.close(role.link);
      world.look(server);
      return;
    case 'pause':
    case 'resume':
      world.network.pause(role.link, effect.kind === 'pause');
      return;
    case 'note':
      if (effect.note.event === 'sync' && effect.note.sync !== undefined) {
        world.syncs[effect.note.sync.mode]++;
      }
      world.say(`${server.sid}: ${effect.note.line}`);
  }
}

function later(
  world: SimulatedEnsemble,
  server: Server,
  role: Leader | Learner,
  run: () => void,
): void {
  world.after(world.delay(20), () => {
    if (server.role === role) run();
  });
}
