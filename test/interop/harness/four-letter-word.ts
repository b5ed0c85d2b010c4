/**
 * One four-letter word: connect, send, read to the end. The server closes when it has answered.
 *
 * Inputs: port, the word (stmk carries eight more bytes). Output: the whole text; a server that does
 * not close in time is an error.
 */
import { connect } from 'node:net';

export function fourLetterWord(
  port: number,
  word: string | Uint8Array,
  deadlineMs = 10_000,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    const chunks: Buffer[] = [];
    socket.setTimeout(deadlineMs, () => {
      socket.destroy(new Error(`no answer to ${String(word)} within ${deadlineMs} ms`));
    });
    socket.on('connect', () => socket.write(word));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
}
