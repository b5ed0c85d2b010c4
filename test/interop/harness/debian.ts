/**
 * The Debian packages that hold the clients and the judge, by the files the tests use.
 *
 * Output: what is missing, as the reason of a skip. With CI=true nothing may be skipped: there a
 * missing package is a failure, because a suite that skips itself proves nothing.
 */
import { existsSync } from 'node:fs';

const JARS = '/usr/share/java';

export const java = '/usr/bin/java';
export const javac = '/usr/bin/javac';
export const python = '/usr/bin/python3';
export const cliMt = '/usr/lib/zookeeper/bin/cli_mt';
export const loadGen = '/usr/lib/zookeeper/bin/load_gen';
export const zkCli = '/usr/share/zookeeper/bin/zkCli.sh';

/** zookeeper.jar names everything it needs but the logger in its manifest. */
export const zookeeperClassPath = [`${JARS}/zookeeper.jar`, `${JARS}/slf4j-simple.jar`].join(':');

export const curatorClassPath = [
  `${JARS}/curator-recipes.jar`,
  `${JARS}/curator-framework.jar`,
  `${JARS}/curator-client.jar`,
  `${JARS}/guava.jar`,
  zookeeperClassPath,
].join(':');

const packages = {
  'default-jdk-headless': [java, javac],
  'libzookeeper-java': [`${JARS}/zookeeper.jar`, `${JARS}/zookeeper-jute.jar`],
  'libslf4j-java': [`${JARS}/slf4j-simple.jar`],
  'libcurator-recipes-java': [`${JARS}/curator-recipes.jar`],
  'python3-kazoo': [python, '/usr/lib/python3/dist-packages/kazoo/__init__.py'],
  'zookeeper-bin': [cliMt, loadGen],
  zookeeper: [zkCli],
} satisfies Record<string, string[]>;

export type DebianPackage = keyof typeof packages;

/** Why a suite that needs these packages cannot run here; false when it can. Throws in CI. */
export function skipWithout(...names: readonly DebianPackage[]): string | false {
  const missing = names.filter((name) => !packages[name].every((file) => existsSync(file)));
  if (missing.length === 0) return false;
  const reason = `Debian packages not installed: ${missing.join(' ')}`;
  if (process.env.CI === 'true') throw new Error(reason);
  console.log(`skipped: ${reason}`);
  return reason;
}
