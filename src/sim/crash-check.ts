// Starts a server on a disk that a crash left, and holds what it finds against what must be there (PS1 to PS8, EP1 to
// EP5). In: an image and the expectation of its moment. Out: violations, each with the invariant's name. Equal disks
// are started once: recovery is a function of the bytes (PS3), which the second start on the same disk shows.

import { applyTxn } from '../core/tree/apply.ts';
import { SnapshotSink } from '../core/tree/snapshot-body.ts';
import type { Zxid } from '../proto/zxid.ts';
import { epochOf, hexZxid } from '../proto/zxid.ts';
import type { Epochs } from '../storage/epochs.ts';
import { parseFileName, snapshotFiles } from '../storage/file-names.ts';
import { readSnapshot } from '../storage/snapshot-reader.ts';
import { PlainFiles } from './crash-files.ts';
import { batchOf, makeTxn, stateText } from './crash-history.ts';
import type { Expectation, LifeOptions } from './crash-life.ts';
import type { DiskImage } from './crash-platter.ts';
import { CrashServer } from './crash-server.ts';
import { VirtualClock } from './virtual-clock.ts';

interface Started {
  readonly zxid: Zxid;
  readonly state: string;
  readonly epochs: Epochs | undefined;
  readonly sessionIdsFrom: number;
  /** Whole snapshots among the files: what state each holds. */
  readonly snapshots: readonly { readonly zxid: Zxid; readonly state: string }[];
  /** With the oldest snapshot alone: undefined when there is no other. */
  readonly spare: string | undefined;
  /** currentEpoch as it stood in the file. */
  readonly currentEpochFile: number | undefined;
  /** What is wrong whatever was expected. */
  readonly violations: readonly string[];
}

export class CrashCheck {
  /** Different disks that were started. */
  disks = 0;
  readonly #options: LifeOptions;
  readonly #results = new Map<string, Started | string>();
  readonly #snapshotStates = new Map<string, string>();

  constructor(options: LifeOptions) {
    this.#options = options;
  }

  check(image: DiskImage, expectation: Expectation): string[] {
    let result = this.#results.get(image.key);
    if (result === undefined) {
      this.disks++;
      result = this.#start(image);
      this.#results.set(image.key, result);
    }
    if (typeof result === 'string') return [`PS4: the server does not start: ${result}`];
    return [...result.violations, ...this.#compare(result, expectation)];
  }

  #compare(found: Started, expected: Expectation): string[] {
    const violations: string[] = [];
    const { zxid, state, epochs } = found;
    let isKnown = false;
    let reached = 0;
    for (const { history, from, to } of expected.reaches) {
      const count = history.countOf(zxid);
      if (count === undefined || count < from || count > to) continue;
      isKnown ||= history.stateAt(count) === state;
      reached = Math.max(reached, count);
    }
    if (!isKnown) {
      const reaches = expected.reaches.map(({ history, from, to }) => {
        return `0x${hexZxid(history.zxidAt(from))}..0x${hexZxid(history.zxidAt(to))}`;
      });
      violations.push(`PS1: found 0x${hexZxid(zxid)}, expected ${reaches.join(' or ')}, exactly`);
    }
    for (const snapshot of found.snapshots) {
      if (snapshot.zxid < this.#options.base.zxid) continue;
      const isExact = expected.reaches.some(({ history, to }) => {
        const count = history.countOf(snapshot.zxid);
        return count !== undefined && count <= to && history.stateAt(count) === snapshot.state;
      });
      if (!isExact) violations.push(`PS7: snapshot.${hexZxid(snapshot.zxid)} is not that state`);
    }
    if (expected.isSpare && found.spare !== undefined && found.spare !== state) {
      violations.push(`PS8: with its oldest snapshot alone: ${found.spare}`);
    }
    if (found.sessionIdsFrom < expected.sessionIdsFrom) {
      violations.push(`SE3: session ids begin at ${found.sessionIdsFrom} again`);
    }
    if (expected.epochs === undefined || epochs === undefined) return violations;
    const { saved, asked, needs } = expected.epochs;
    const { acceptedEpoch: accepted, currentEpoch: current } = epochs;
    const ofHistory = epochOf(zxid);
    const has = `acceptedEpoch ${accepted}, currentEpoch ${current}`;
    if (accepted < saved.accepted) violations.push(`EP1: ${has}, saved ${saved.accepted}`);
    if (current < saved.current) violations.push(`EP2: ${has}, saved ${saved.current}`);
    if (accepted > Math.max(asked.accepted, asked.current, ofHistory)) {
      violations.push(`EP1: ${has}, asked for ${asked.accepted}`);
    }
    if (current > Math.max(asked.current, ofHistory)) {
      violations.push(`EP2: ${has}, asked for ${asked.current}`);
    }
    if (current > accepted) violations.push(`EP3: ${has}`);
    if (ofHistory > accepted) violations.push(`EP5: ${has}, history 0x${hexZxid(zxid)}`);
    if (needs !== undefined && (found.currentEpochFile ?? 0) >= needs.epoch) {
      if (reached < needs.count) {
        violations.push(`PS2: currentEpoch ${found.currentEpochFile} with ${reached} transactions`);
      }
    }
    return violations;
  }

  /** A text: why it does not start. */
  #start(image: DiskImage): Started | string {
    const clock = new VirtualClock();
    const disk = diskOf(image, clock);
    const violations: string[] = [];
    let server: CrashServer;
    let first: Pick<Started, 'zxid' | 'state' | 'epochs' | 'sessionIdsFrom'>;
    try {
      server = this.#boot(disk, clock);
      first = this.#found(server);
    } catch (error) {
      return String(error);
    }
    try {
      // The disk as the first start leaves it when it is killed at once.
      const again = this.#found(this.#bootAgain(disk));
      if (again.state !== first.state) violations.push('PS3: a second start finds another state');
      if (again.epochs?.acceptedEpoch !== first.epochs?.acceptedEpoch) {
        violations.push('EP1: a second start finds another acceptedEpoch');
      }
      if (again.epochs?.currentEpoch !== first.epochs?.currentEpoch) {
        violations.push('EP2: a second start finds another currentEpoch');
      }
      const next = makeTxn(first.zxid + 1n, 9);
      server.run<undefined>((done) =>
        server.history.append(batchOf([next]), () => done(undefined)),
      );
      applyTxn(server.history.database, next.bytes, 0, next.bytes.length);
      const wanted = stateText(server.history.database);
      const after = this.#found(this.#bootAgain(disk));
      if (after.state !== wanted) violations.push('PS1: what is appended behind it is not found');
    } catch (error) {
      violations.push(`PS4: going on from it: ${String(error)}`);
    }
    return {
      ...first,
      violations,
      snapshots: this.#snapshots(image, violations),
      spare: this.#withOldest(image),
      currentEpochFile: currentEpochIn(image),
    };
  }

  #boot(files: PlainFiles, clock: VirtualClock): CrashServer {
    const server = new CrashServer(files, clock, this.#options);
    server.start();
    return server;
  }

  #bootAgain(disk: PlainFiles): CrashServer {
    const clock = new VirtualClock();
    return this.#boot(new PlainFiles(clock, disk.contents()), clock);
  }

  #found({
    history,
    sessionIdsFrom,
  }: CrashServer): Pick<Started, 'zxid' | 'state' | 'epochs' | 'sessionIdsFrom'> {
    return {
      zxid: history.lastZxid,
      state: stateText(history.database),
      epochs: this.#options.isEnsemble ? history.epochs : undefined,
      sessionIdsFrom,
    };
  }

  #snapshots(image: DiskImage, violations: string[]): { zxid: Zxid; state: string }[] {
    const found: { zxid: Zxid; state: string }[] = [];
    for (const [path, bytes] of image.files) {
      const file = parseFileName(path.substring(path.lastIndexOf('/') + 1));
      if (file.kind !== 'snapshot') continue;
      const part = image.key.indexOf(`${path}=`);
      const key = image.key.substring(part, image.key.indexOf(';', part));
      let state = this.#snapshotStates.get(key);
      if (state === undefined) {
        try {
          const files = new PlainFiles(new VirtualClock(), new Map([['/s', bytes]]));
          const database = this.#options.makeBare();
          const location = { files, codec: this.#options.codec, path: '/s' };
          const steps = readSnapshot(
            { ...location, compression: file.compression },
            new SnapshotSink(database, 1 << 21),
          );
          while (steps.next().done !== true);
          database.lastProcessedZxid = file.zxid;
          state = stateText(database);
        } catch (error) {
          state = '';
          violations.push(`PS7: ${path} is not whole: ${String(error)}`);
        }
        this.#snapshotStates.set(key, state);
      }
      if (state !== '') found.push({ zxid: file.zxid, state });
    }
    return found;
  }

  #withOldest(image: DiskImage): string | undefined {
    const names = [...image.files.keys()].map((path) => path.substring(path.lastIndexOf('/') + 1));
    const newer = new Set(snapshotFiles(names).map(({ name }) => name));
    const [oldest, next] = [...newer].reverse();
    if (oldest === undefined || next === undefined) return undefined;
    newer.delete(oldest);
    const files = new Map(
      [...image.files].filter(([path]) => !newer.has(path.substring(path.lastIndexOf('/') + 1))),
    );
    try {
      const clock = new VirtualClock();
      return this.#found(this.#boot(diskOf({ ...image, files }, clock), clock)).state;
    } catch (error) {
      return String(error);
    }
  }
}

export function diskOf(
  { files, directories }: Pick<DiskImage, 'files' | 'directories'>,
  clock: VirtualClock,
): PlainFiles {
  return new PlainFiles(clock, files, directories);
}

function currentEpochIn({ files }: DiskImage): number | undefined {
  const bytes = files.get('/data/version-2/currentEpoch');
  return bytes === undefined ? undefined : Number.parseInt(String.fromCharCode(...bytes), 10);
}
