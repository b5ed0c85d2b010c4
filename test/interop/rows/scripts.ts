/**
 * The rows whose scripts are programs of their own in clients/: kazoo, Java, Curator.
 *
 * Inputs: the ports of server and proxy, as arguments. Outputs: their PASS and FAIL lines. A script
 * that hangs is killed; what it had said by then still counts.
 */
import { Child } from '../harness/child.ts';
import { python } from '../harness/debian.ts';
import { parseResults } from '../harness/features.ts';
import { javaProgram } from '../harness/java-program.ts';
import { interopFile } from '../harness/project.ts';
import type { Place, Row } from './row.ts';

/** The longest row takes half a minute on an idle machine. */
const DEADLINE_MS = 240_000;

export const kazoo: Row = {
  client: 'kazoo',
  packages: ['python3-kazoo'],
  run: (place) =>
    runScript(python, ['-B', interopFile('clients', 'kazoo_client.py'), ...args(place)]),
};

export const javaClient: Row = {
  client: 'Java',
  packages: [
    'libzookeeper-java',
    'libslf4j-java',
    'libcurator-recipes-java',
    'default-jdk-headless',
  ],
  async run(place) {
    return runScript(...(await javaProgram('JavaClient', args(place))));
  },
};

export const curator: Row = {
  client: 'Curator',
  packages: [
    'libzookeeper-java',
    'libslf4j-java',
    'libcurator-recipes-java',
    'default-jdk-headless',
  ],
  async run(place) {
    return runScript(...(await javaProgram('CuratorClient', args(place))));
  },
};

function args(place: Place): string[] {
  return [place.server.port, place.proxy.port, place.proxy.controlPort].map(String);
}

async function runScript(command: string, commandArgs: readonly string[]): ReturnType<Row['run']> {
  const child = new Child(command, commandArgs);
  child.endInput();
  try {
    await child.ended(DEADLINE_MS);
  } catch (error) {
    console.log(String(error)); // what it proved before it hung still counts
  }
  return { results: parseResults(child.lines), output: child.tail(200) };
}
