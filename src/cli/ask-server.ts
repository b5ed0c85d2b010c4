// Asks a server one four-letter word, as `echo srvr | nc host port` does. In: where, the word, limits. Out: the whole
// answer, which the server ends by closing. Rejects with an error whose message says what happened.
// Invariant: the socket is gone in every case.
import { connect } from 'node:net';

export interface AskOptions {
  readonly host: string;
  readonly port: number;
  readonly word: string;
  /** For the whole exchange. */
  readonly timeoutMs: number;
  /** A longer answer is no answer; bytes. */
  readonly lengthMax: number;
}

export function askServer(options: AskOptions): Promise<string> {
  const { host, port, word, timeoutMs, lengthMax } = options;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const socket = connect({ host, port });
    const failed = (message: string): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new Error(message));
    };
    const timer = setTimeout(() => failed(`no whole answer within ${timeoutMs} ms`), timeoutMs);
    socket.on('connect', () => socket.write(word));
    socket.on('data', (chunk) => {
      length += chunk.length;
      if (length > lengthMax) failed(`an answer of more than ${lengthMax} bytes`);
      else chunks.push(chunk);
    });
    socket.on('end', () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
    // A refused connection to a name with several addresses has no message of its own.
    socket.on('error', (error: NodeJS.ErrnoException) =>
      failed(error.message || (error.code ?? 'no connection')),
    );
  });
}
