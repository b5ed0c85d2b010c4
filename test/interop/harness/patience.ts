/**
 * Reading on, however often the connection breaks: a comparison must not fail because a busy machine
 * let a connection or a leader go.
 *
 * Input: something that may be done twice. Any error but a lost connection goes through.
 */
import { KeeperError } from '../../../src/index.ts';

const TRIES = 50;

export async function patiently<T>(read: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await read();
    } catch (error) {
      const isLost = error instanceof KeeperError && error.code === 'ConnectionLoss';
      if (!isLost || tries === TRIES) throw error;
    }
  }
}
