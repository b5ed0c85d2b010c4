/**
 * What test:interop needs on the machine, as one table: Java ZooKeeper, its tools, and its clients.
 *
 * The paths are those of the Debian packages, which hold Apache ZooKeeper 3.8.0, the judge of
 * compatibility. Output: what is absent, with the package that brings it; .ci/run installs them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

export interface Need {
  readonly what: string;
  /** The Debian package that holds it. */
  readonly packageName: string;
  readonly isThere: () => boolean;
}

const runs = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

export const interopNeeds: readonly Need[] = [
  {
    what: '/usr/share/java/zookeeper.jar',
    packageName: 'libzookeeper-java',
    isThere: () => existsSync('/usr/share/java/zookeeper.jar'),
  },
  {
    what: '/usr/share/zookeeper/bin/zkCli.sh',
    packageName: 'zookeeper',
    isThere: () => existsSync('/usr/share/zookeeper/bin/zkCli.sh'),
  },
  {
    what: '/usr/lib/zookeeper/bin/cli_mt',
    packageName: 'zookeeper-bin',
    isThere: () => existsSync('/usr/lib/zookeeper/bin/cli_mt'),
  },
  {
    what: '/usr/share/java/curator-recipes.jar',
    packageName: 'libcurator-recipes-java',
    isThere: () => existsSync('/usr/share/java/curator-recipes.jar'),
  },
  {
    what: 'kazoo for /usr/bin/python3',
    packageName: 'python3-kazoo',
    isThere: () => runs('/usr/bin/python3', '-c', 'import kazoo'),
  },
  {
    what: 'javac',
    packageName: 'default-jdk-headless',
    isThere: () => runs('javac', '-version'),
  },
];

/** What is absent; empty when the interop tests can run. */
export function missingForInterop(): Need[] {
  return interopNeeds.filter((need) => !need.isThere());
}
