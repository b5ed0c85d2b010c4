// The fast string calls of Node's `Buffer`, the only door to them in pure code: a local declaration
// of just the methods used, so that the file compiles without Node's types. They work on any
// Uint8Array.
//
// Like Java's `new String(bytes, UTF_8)`, decoding never fails: malformed input becomes U+FFFD,
// which no path may hold. Java's jute writer encodes a supplementary character as two 3-byte
// surrogates that its own reader cannot decode; we write valid UTF-8, which every reader decodes.
// Only ACL ids can hold such characters.

interface StringCalls {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  utf8Slice(this: Uint8Array, start: number, end: number): string;
  utf8Write(this: Uint8Array, text: string, offset: number, length: number): number;
}

declare const Buffer: { readonly prototype: StringCalls; byteLength(text: string): number };

const { latin1Slice, utf8Slice, utf8Write } = Buffer.prototype;

export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  return utf8Slice.call(bytes, start, end);
}

/** For bytes known to be ASCII: about twice as fast. */
export function decodeAscii(bytes: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(bytes, start, end);
}

/**
 * Writes into `bytes` at `at`, where there must be room (3 bytes a UTF-16 unit always suffice);
 * returns the byte count.
 */
export function encodeUtf8Into(text: string, bytes: Uint8Array, at: number): number {
  return utf8Write.call(bytes, text, at, bytes.length - at);
}

export function utf8Length(text: string): number {
  return Buffer.byteLength(text);
}

export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
  encodeUtf8Into(text, bytes, 0);
  return bytes;
}
