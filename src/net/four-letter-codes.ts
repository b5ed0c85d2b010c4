// Which first words of a connection are commands and not frame lengths (FourLetterCommands.java): four ASCII letters,
// read as an int, far above any jute.maxbuffer that makes sense.

/** Java's; what each answers is in server/four-letter-words.ts. */
export const fourLetterWords = [
  'conf',
  'cons',
  'crst',
  'dirs',
  'dump',
  'envi',
  'gtmk',
  'hash',
  'isro',
  'mntr',
  'ruok',
  'srst',
  'srvr',
  'stat',
  'stmk',
  'wchc',
  'wchp',
  'wchs',
] as const;
/** Ours, each answered only if the white list names it: `*` there means Java's. */
export const ownFourLetterWords = ['elog'] as const;
export type FourLetterWord = (typeof fourLetterWords)[number] | (typeof ownFourLetterWords)[number];

/** What telnet sends when it closes; it is passed over. */
export const telnetClose = 0xfff4fffd | 0;

const byCode = new Map<number, FourLetterWord>();
for (const word of [...fourLetterWords, ...ownFourLetterWords]) {
  let code = 0;
  for (const letter of word) code = (code << 8) | letter.charCodeAt(0);
  byCode.set(code, word);
}

export function fourLetterWordOf(code: number): FourLetterWord | undefined {
  return byCode.get(code);
}

/** stmk is followed by the mask, a long. */
export function argumentLengthOf(word: FourLetterWord): number {
  return word === 'stmk' ? 8 : 0;
}
