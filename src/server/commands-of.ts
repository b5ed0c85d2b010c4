// From the parts of a running server to what answers four-letter words on its client port: builds
// the view they look through. In: the parts, and when this program was built; out: the driver's
// `command` hook. Values that change (port, sizes, state) are asked anew for every word.

import type { Connection } from '../core/session/connection.ts';
import type { ClientPortHost } from '../net/client-listener.ts';
import { directorySize } from '../storage/data-directories.ts';
import { FourLetterWords } from './four-letter-words.ts';
import type { ServerView } from './server-view.ts';
import { fullVersion } from './server-view.ts';
import type { ServerParts } from './standalone-server.ts';

/** `builtAt`: Unix ms. */
export function commandsOf(
  parts: ServerParts,
  builtAt: number,
): ClientPortHost<Connection>['command'] {
  const { config, metrics, directories, startedAt, electionLog } = parts;
  const { files, clock, environment } = parts.ports;
  const view: ServerView = {
    version: fullVersion(parts.version, builtAt),
    get isServing() {
      return parts.isServing();
    },
    get role() {
      return parts.role;
    },
    get replica() {
      return parts.replica;
    },
    get txnLog() {
      return parts.txnLog;
    },
    metrics,
    ...(electionLog === undefined ? {} : { electionLog }),
    environment,
    config,
    get clientPort() {
      return parts.clientPort() ?? config.clientPort;
    },
    snapshotDirectory: directories.snapshots,
    logDirectory: directories.logs,
    snapshotDirectorySize: () => directorySize(files, directories.snapshots),
    logDirectorySize: () => directorySize(files, directories.logs),
    startedAt,
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
  };
  const words = new FourLetterWords(view, config.fourLetterWords);
  return (word, argument, asker) => words.answer(word, argument, asker);
}
