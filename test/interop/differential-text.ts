/**
 * Texts of the two servers made comparable where they write or read characters differently: beyond
 * U+FFFF, and where bytes are no UTF-8 (rows supplementary-characters and malformed-utf8). In: a
 * text of this server's. Out: what is left to compare.
 */

/** What a reader of UTF-8 makes of the six bytes that Java writes for a character beyond U+FFFF. */
export function asJavaReads(text: string): string {
  return text.replace(/[\u{10000}-\u{10ffff}]/gu, '\ufffd'.repeat(6));
}

/** The same whatever number of U+FFFD was made of something unreadable. */
export function roughly(text: string): string {
  return asJavaReads(text).replace(/\ufffd+/g, '\ufffd');
}
