// The folder of `quoll ensemble`: `ensemble.json`, which says what it was made for, and `server-N` with zoo.cfg, myid
// and the server's data. In: the folder, the plan. Out: what is remembered; the files. Throws ConfigError.
//
// Invariant: nothing foreign is touched. A folder that holds anything else, a server folder that this command did not
// make, or a myid of another server end the start before the first byte is written.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../server/config-error.ts';
import type { EnsemblePlan, EnsembleShape, PlannedServer } from './ensemble-plan.ts';
import { generatedMark } from './ensemble-plan.ts';

const shapeName = 'ensemble.json';
const serverFolder = /^server-[1-9]\d?$/;

/** What an earlier start left in `folder`, an absolute path; undefined when it is new. */
export function rememberedShape(folder: string): EnsembleShape | undefined {
  if (!existsSync(folder)) return undefined;
  if (!statSync(folder).isDirectory()) throw foreign(folder, 'it is no folder');
  const names = readdirSync(folder).filter((name) => !name.startsWith('.'));
  const other = names.find((name) => name !== shapeName && !serverFolder.test(name));
  if (other !== undefined) throw foreign(folder, `it holds ${other}`);
  if (names.includes(shapeName)) return shapeIn(join(folder, shapeName));
  if (names.length > 0) throw foreign(folder, `it holds ${names[0]} and no ${shapeName}`);
  return undefined;
}

/** Looks at everything first, then writes what is missing or has changed. */
export function prepareFolder({ folder, shape, servers }: EnsemblePlan): void {
  for (const server of servers) checkServerFolder(server);
  mkdirSync(folder, { recursive: true });
  // First: a start that breaks off behind it leaves a folder that the next one takes.
  const unfinished = join(folder, `.${shapeName}`);
  writeFileSync(unfinished, `${JSON.stringify(shape)}\n`);
  renameSync(unfinished, join(folder, shapeName));
  for (const { sid, folder: own, configFile, config } of servers) {
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, 'myid'), `${sid}\n`);
    writeFileSync(configFile, config, 'latin1');
  }
}

function checkServerFolder({ sid, folder, configFile }: PlannedServer): void {
  if (!existsSync(folder)) return;
  const myid = join(folder, 'myid');
  if (existsSync(myid)) {
    const text = readFileSync(myid, 'latin1').trim();
    if (text !== String(sid)) throw foreign(folder, `its myid is ${JSON.stringify(text)}`);
  }
  if (existsSync(configFile)) {
    if (!readFileSync(configFile, 'latin1').startsWith(generatedMark)) {
      throw foreign(folder, 'its zoo.cfg was written by somebody else');
    }
  } else if (existsSync(join(folder, 'version-2'))) {
    throw foreign(folder, 'it holds data and no zoo.cfg');
  }
}

function shapeIn(file: string): EnsembleShape {
  let contents: unknown;
  try {
    contents = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ConfigError(file, '', error instanceof Error ? error.message : String(error));
  }
  const servers = numberIn(contents, 'servers');
  const observers = numberIn(contents, 'observers');
  const basePort = numberIn(contents, 'basePort');
  if (servers === undefined || observers === undefined || basePort === undefined) {
    throw new ConfigError(file, '', 'not what `quoll ensemble` writes');
  }
  return { servers, observers, basePort };
}

function numberIn(contents: unknown, name: string): number | undefined {
  if (typeof contents !== 'object' || contents === null) return undefined;
  const value: unknown = Reflect.get(contents, name);
  return Number.isSafeInteger(value) ? Number(value) : undefined;
}

function foreign(folder: string, why: string): ConfigError {
  return new ConfigError('--data', folder, `${why}: not a folder of an ensemble, left alone`);
}
