// Java's .properties syntax (java.util.Properties.load), which zoo.cfg is written in: `#` and `!` comments, keys that
// end at `=`, `:` or white space, backslash escapes and line continuation. A later line for the same key wins.
//
// Input: the file's text, one character a byte (ISO 8859-1), as Java reads it. Output: keys and values in file order,
// both trimmed: Java's loader keeps trailing blanks, its configuration reader trims them, and nothing else reads these.
// A `\u` that is not followed by four hexadecimal digits is an error in Java too.

/** Thrown at a malformed escape; `line` counts natural lines from 1. */
export class PropertiesError extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.name = 'PropertiesError';
    this.line = line;
  }
}

export interface Property {
  readonly key: string;
  readonly value: string;
  /** Of the line it starts on, from 1. */
  readonly line: number;
}

/** All properties in file order, one entry for each key: the last one, at the last one's place. */
export function parseProperties(text: string): Property[] {
  const properties = new Map<string, Property>();
  for (const { content, line } of logicalLines(text)) {
    const keyEnd = endOfKey(content);
    const valueStart = startOfValue(content, keyEnd);
    const key = javaTrim(withoutEscapes(content.substring(0, keyEnd), line));
    const value = javaTrim(withoutEscapes(content.substring(valueStart), line));
    properties.delete(key);
    properties.set(key, { key, value, line });
  }
  return [...properties.values()];
}

interface LogicalLine {
  /** Without leading white space and with continuations joined; escapes are still there. */
  readonly content: string;
  readonly line: number;
}

function* logicalLines(text: string): Generator<LogicalLine> {
  const lines = text.split(/\r\n|\n|\r/);
  for (let i = 0; i < lines.length; i++) {
    const first = withoutIndent(lines[i] ?? '');
    if (first === '' || isComment(first)) continue;
    const line = i + 1;
    let content = '';
    let part = first;
    // The backslash goes with the line end, also at the very end of the text.
    while (isContinued(part)) {
      content += part.substring(0, part.length - 1);
      i++;
      part = withoutIndent(lines[i] ?? '');
      // What continues a line is no comment, unless nothing came before it.
      if (content === '' && isComment(part)) part = '';
    }
    content += part;
    if (content !== '') yield { content, line };
  }
}

function withoutIndent(line: string): string {
  return line.replace(/^[ \t\f]+/, '');
}

function isComment(line: string): boolean {
  return line.startsWith('#') || line.startsWith('!');
}

/** An odd number of backslashes at the end: the last one escapes the line end. */
function isContinued(line: string): boolean {
  const backslashes = /\\*$/.exec(line)?.[0] ?? '';
  return backslashes.length % 2 === 1;
}

function endOfKey(content: string): number {
  for (let i = 0; i < content.length; i++) {
    const char = content.charAt(i);
    if (char === '\\') i++;
    else if (char === '=' || char === ':' || isBlank(char)) return i;
  }
  return content.length;
}

/** Past blanks, at most one `=` or `:`, and blanks again. */
function startOfValue(content: string, keyEnd: number): number {
  let at = keyEnd;
  while (at < content.length && isBlank(content.charAt(at))) at++;
  const separator = content.charAt(at);
  if (separator === '=' || separator === ':') {
    at++;
    while (at < content.length && isBlank(content.charAt(at))) at++;
  }
  return at;
}

/** String.trim() of Java: everything up to U+0020, and nothing else. */
function javaTrim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text.charCodeAt(start) <= 0x20) start++;
  while (end > start && text.charCodeAt(end - 1) <= 0x20) end--;
  return text.substring(start, end);
}

function isBlank(char: string): boolean {
  return char === ' ' || char === '\t' || char === '\f';
}

const namedEscapes: ReadonlyMap<string, string> = new Map([
  ['t', '\t'],
  ['n', '\n'],
  ['r', '\r'],
  ['f', '\f'],
]);

function withoutEscapes(text: string, line: number): string {
  if (!text.includes('\\')) return text;
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char !== '\\') {
      out += char;
      continue;
    }
    i++;
    const escaped = text.charAt(i);
    if (escaped === 'u') {
      const digits = text.substring(i + 1, i + 5);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) {
        throw new PropertiesError(line, 'malformed \\u escape, want four hexadecimal digits');
      }
      out += String.fromCharCode(Number.parseInt(digits, 16));
      i += 4;
    } else {
      out += namedEscapes.get(escaped) ?? escaped;
    }
  }
  return out;
}
