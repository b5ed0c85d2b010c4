/**
 * Reads TypeScript just well enough for tidy's rules: which characters are code, and what is imported.
 *
 * TypeScript 7 offers no parser to scripts, and a rule must not fire on a word in a comment or a
 * string. So one scan replaces comments and the insides of strings, templates and regular
 * expressions by spaces; offsets and line ends stay where they were. Code inside `${…}` stays code.
 * A regular expression is told from a division by what stands before it, as simple scanners do.
 */

/** One import or re-export; `specifier` as written, `line` counted from 1. */
export interface ImportLine {
  readonly specifier: string;
  readonly line: number;
}

/** The same text, same length, with everything that is not code turned into spaces. */
export function codeOnly(text: string): string {
  const out: string[] = [];
  /** For every open `${`, how many `{` are open inside it. */
  const templates: number[] = [];
  let at = 0;
  const keep = (end: number): void => {
    out.push(text.substring(at, end));
    at = end;
  };
  const blank = (end: number): void => {
    out.push(text.substring(at, end).replace(/[^\n]/g, ' '));
    at = end;
  };
  const template = (): void => {
    const found = templateEnd(text, at);
    blank(found.end);
    if (found.opens) templates.push(0);
  };
  const plain = /[^'"`/{}]+/y;
  while (at < text.length) {
    plain.lastIndex = at;
    if (plain.test(text)) keep(plain.lastIndex);
    if (at === text.length) break;
    const char = text[at];
    const depth = templates.at(-1);
    if (char === '/' && text[at + 1] === '/') {
      blank(endOf(text, '\n', at));
    } else if (char === '/' && text[at + 1] === '*') {
      blank(Math.min(endOf(text, '*/', at + 2) + 2, text.length));
    } else if (char === "'" || char === '"') {
      keep(at + 1);
      blank(closing(text, at, char));
      keep(Math.min(at + 1, text.length));
    } else if (char === '`') {
      keep(at + 1);
      template();
    } else if (char === '/' && regexMayStart(out)) {
      blank(regexEnd(text, at));
    } else if (depth !== undefined && char === '{') {
      templates[templates.length - 1] = depth + 1;
      keep(at + 1);
    } else if (depth !== undefined && char === '}') {
      keep(at + 1);
      if (depth > 0) {
        templates[templates.length - 1] = depth - 1;
      } else {
        templates.pop();
        template();
      }
    } else {
      keep(at + 1);
    }
  }
  return out.join('');
}

/** Every static import, re-export and `import('…')` with a literal, type-only ones included. */
export function importsOf(text: string, code: string = codeOnly(text)): ImportLine[] {
  const found: ImportLine[] = [];
  const pattern =
    /(?:^|[\n;])\s*(?:import|export)\b(?:[\w\s{},*$]*?\bfrom\b)?\s*(['"])|\bimport\s*\(\s*(['"])/g;
  for (const match of code.matchAll(pattern)) {
    const start = match.index + match[0].length;
    const quote = match[1] ?? match[2] ?? "'";
    const end = code.indexOf(quote, start);
    if (end >= 0) {
      found.push({ specifier: text.substring(start, end), line: lineAt(text, start) });
    }
  }
  return found;
}

/** The line of an offset, counted from 1. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i >= 0 && i < offset; i = text.indexOf('\n', i + 1)) line++;
  return line;
}

function endOf(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  return at < 0 ? text.length : at;
}

function closing(text: string, open: number, quote: string): number {
  for (let i = open + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === quote || text[i] === '\n') return i;
  }
  return text.length;
}

/** From inside a template: past its closing backtick, or past the next `${`. */
function templateEnd(text: string, from: number): { end: number; opens: boolean } {
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '`') return { end: i + 1, opens: false };
    else if (text[i] === '$' && text[i + 1] === '{') return { end: i + 2, opens: true };
  }
  return { end: text.length, opens: false };
}

function regexMayStart(out: readonly string[]): boolean {
  let tail = '';
  for (let i = out.length - 1; i >= 0 && tail.trim().length < 12; i--) tail = `${out[i]}${tail}`;
  tail = tail.trimEnd();
  return tail === '' || /[=(,;:!&|?{}[+\-*%<>~^]$|\b(?:return|case|typeof|in|of)$/.test(tail);
}

function regexEnd(text: string, open: number): number {
  let inClass = false;
  for (let i = open + 1; i < text.length; i++) {
    const char = text[i];
    if (char === '\\') i++;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if (char === '\n') return open + 1;
    else if (char === '/' && !inClass) return i + 1;
  }
  return open + 1;
}
