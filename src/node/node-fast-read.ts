// Reads accepted sockets into one reused buffer. `net.Socket` offers that publicly (`onread`), but only to sockets
// the caller constructs, and `net.Server` constructs the accepted ones itself. So the server accepts paused, and
// here the kernel handle moves from the server's socket to one of our own that was made with `onread`.
//
// Input: a socket just accepted with `pauseOnConnect`; output: the socket to use, or undefined when this Node keeps
// its handle elsewhere; the caller then takes 'data' events, which are the same bytes a third slower.
// Invariant: exactly one of the two sockets owns the handle. This is the only file that touches `_handle`.
import { Socket } from 'node:net';

/** What `net.Socket` takes as `onread`: called with the count of bytes now at the start of `buffer`. */
export interface ReadInto {
  readonly buffer: Uint8Array;
  readonly callback: (length: number) => boolean;
}

interface WithHandle {
  _handle: unknown;
}

/** Moves the handle of `accepted`, which becomes an empty shell, into a new socket that reads at once. */
export function adoptForFastRead(accepted: Socket, onread: ReadInto): Socket | undefined {
  if (!hasHandle(accepted)) return undefined;
  const handle = accepted._handle;
  if (!takesUserBuffer(handle)) return undefined;
  accepted._handle = null;
  accepted.destroy();
  const options = { handle, onread, allowHalfOpen: true, readable: true, writable: true };
  return new Socket(options);
}

function hasHandle(socket: Socket): socket is Socket & WithHandle {
  return '_handle' in socket;
}

function takesUserBuffer(handle: unknown): boolean {
  return (
    typeof handle === 'object' &&
    handle !== null &&
    'useUserBuffer' in handle &&
    typeof handle.useUserBuffer === 'function'
  );
}
