/**
 * Java programs of the tests: one source file each, compiled once and then only started.
 *
 * Inputs: the names of programs in test/interop/clients. Outputs: a command line.
 * All of them are compiled by one javac into a scratch folder when the first is wanted: a JVM that
 * compiles costs seconds, whether for one file or five.
 */
import { readdirSync } from 'node:fs';
import { run } from './child.ts';
import { curatorClassPath, java, javac } from './debian.ts';
import { interopFile, scratchFolder } from './project.ts';

const COMPILE_DEADLINE_MS = 120_000;
let compiled: Promise<string> | undefined;

/** The command that runs a program of test/interop/clients by its class name. */
export async function javaProgram(
  name: string,
  args: readonly string[],
  properties: Readonly<Record<string, string | number>> = {},
): Promise<[string, string[]]> {
  compiled ??= compileAll();
  const classes = await compiled;
  return [
    java,
    [
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-Xmx512m',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=off',
      ...Object.entries(properties).map(([key, value]) => `-D${key}=${value}`),
      '-cp',
      `${classes}:${curatorClassPath}`,
      name,
      ...args,
    ],
  ];
}

async function compileAll(): Promise<string> {
  const classes = scratchFolder('classes');
  const sources = readdirSync(interopFile('clients'))
    .filter((file) => file.endsWith('.java'))
    .map((file) => interopFile('clients', file));
  await run(javac, ['-nowarn', '-d', classes, '-cp', curatorClassPath, ...sources], {
    deadlineMs: COMPILE_DEADLINE_MS,
  });
  return classes;
}
