// Local sessions that want more than they can have (UpgradeableSessionTracker, checkUpgradeSession of
// QuorumZooKeeperServer): an ephemeral needs a session that every server knows. In: a write of a local session. Out:
// whether it may go its way, goes behind a createSession for the same id, or is refused. A multi is not refused here:
// its results say which of its operations it is.

import type { Reader } from '../../jute/reader.ts';
import { DecodeError } from '../../jute/reader.ts';
import { OpCode } from '../../proto/opcodes.ts';
import type { Connection } from '../session/connection.ts';
import type { SessionTracker } from '../session/session-tracker.ts';
import { isEphemeral } from './create-kind.ts';
import { decodeMulti } from './multi-request.ts';

export type LocalVerdict = 'ordinary' | 'upgrade' | 'refuse';

export class LocalSessions {
  readonly #sessions: SessionTracker;
  readonly #upgrades: boolean;

  constructor(sessions: SessionTracker, upgrades: boolean) {
    this.#sessions = sessions;
    this.#upgrades = upgrades;
  }

  /** The reader stands at the request's body, and is left there. On 'upgrade' the session is global from now on. */
  judge(connection: Connection, type: number, reader: Reader, now: number): LocalVerdict {
    const { session } = connection;
    // The leader does not know it, and could not tell that it is over.
    if (session === undefined || session.closing) return 'refuse';
    if (!wantsEphemeral(type, reader)) return 'ordinary';
    if (!this.#upgrades) return type === OpCode.multi ? 'ordinary' : 'refuse';
    this.#sessions.upgrade(session, now);
    return 'upgrade';
  }
}

function wantsEphemeral(type: number, reader: Reader): boolean {
  if (type !== OpCode.create && type !== OpCode.create2 && type !== OpCode.multi) return false;
  const { at, end } = reader;
  try {
    if (type !== OpCode.multi) return createsEphemeral(reader);
    for (const op of decodeMulti(reader)) {
      if (op.type !== OpCode.create && op.type !== OpCode.create2) continue;
      reader.at = op.start;
      reader.end = op.end;
      if (createsEphemeral(reader)) return true;
    }
    return false;
  } catch (error) {
    // Whoever makes the transaction says so.
    if (error instanceof DecodeError) return false;
    throw error;
  } finally {
    reader.at = at;
    reader.end = end;
  }
}

/** CreateRequest: path, data, ACL, flags. */
function createsEphemeral(reader: Reader): boolean {
  reader.lengthOfBytes();
  reader.lengthOfBytes();
  const count = reader.int();
  for (let left = count; left > 0; left--) {
    reader.int();
    reader.lengthOfBytes();
    reader.lengthOfBytes();
  }
  return isEphemeral(reader.int());
}
