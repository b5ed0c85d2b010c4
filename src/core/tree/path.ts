// Which strings are znode paths (PathUtils.validatePath), and the small questions asked about
// paths. In: UTF-16 strings as clients sent them, or their bytes. Out: undefined for a good path,
// otherwise what is wrong with it, in Java's words. Everything is one loop over the characters, so
// a path of a hundred thousand components costs its length and no stack. Supplementary characters
// are never allowed: their surrogates lie in the forbidden range.

/** Paths that can never be deleted (PrepRequestProcessor, case delete). */
const systemPaths: ReadonlySet<string> = new Set([
  '/',
  '/zookeeper',
  '/zookeeper/quota',
  '/zookeeper/config',
]);

const slash = 0x2f;
const dot = 0x2e;

/**
 * What is wrong with `path`, or undefined. A sequential create gets digits appended, so there the path may end in
 * '/'. The message ends in the index (UTF-16 units) of the offending character, as Java's does.
 */
export function pathError(path: string, sequential = false): string | undefined {
  const text = sequential ? `${path}1` : path;
  if (text.length === 0) return 'Path length must be > 0';
  if (text.charCodeAt(0) !== slash) return 'Path must start with / character';
  if (text.length === 1) return undefined;
  if (text.charCodeAt(text.length - 1) === slash) return 'Path must not end with / character';
  const reason = reasonAgainst(text);
  return reason === undefined ? undefined : `Invalid path string "${text}" caused by ${reason}`;
}

function reasonAgainst(text: string): string | undefined {
  let before = slash;
  for (let at = 1; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0) return `null character not allowed @${at}`;
    if (unit === slash) {
      if (before === slash) return `empty node name specified @${at}`;
    } else if (unit === dot) {
      const first = before === dot ? at - 2 : at - 1;
      const ends = at + 1 === text.length || text.charCodeAt(at + 1) === slash;
      if (ends && text.charCodeAt(first) === slash) return `relative paths not allowed @${at}`;
    } else if (isForbidden(unit)) {
      return `invalid character @${at}`;
    }
    before = unit;
  }
  return undefined;
}

/** Control characters, surrogates, the private use area and the specials at the end of the plane. */
function isForbidden(unit: number): boolean {
  if (unit < 0x7f) return unit <= 0x1f;
  if (unit <= 0x9f) return true;
  return (unit >= 0xd800 && unit <= 0xf8ff) || unit >= 0xfff0;
}

/**
 * True only if `bytes[start, end)` is surely a valid path: printable ASCII, no empty, '.' or '..' component, no '/'
 * at the end. False means "ask pathError", not "wrong".
 */
export function isPlainPath(bytes: Uint8Array, start: number, end: number): boolean {
  if (end <= start || bytes[start] !== slash) return false;
  if (end === start + 1) return true;
  /** How long the component is so far, and whether it is all dots. */
  let length = 0;
  let dots = true;
  for (let at = start + 1; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === slash) {
      if (length === 0 || (dots && length <= 2)) return false;
      length = 0;
      dots = true;
    } else {
      if (byte < 0x20 || byte > 0x7e) return false;
      if (byte !== dot) dots = false;
      length++;
    }
  }
  return length > 0 && !(dots && length <= 2);
}

/** '/a/b' → '/a', '/a' → '/'; '' for the root, which has no parent, and for what holds no '/'. */
export function parentPath(path: string): string {
  const cut = path.lastIndexOf('/');
  if (cut > 0) return path.substring(0, cut);
  return cut === 0 && path.length > 1 ? '/' : '';
}

/** '/a/b' → 'b', '/' → ''. */
export function nameOf(path: string): string {
  return path.substring(path.lastIndexOf('/') + 1);
}

/** One of the nodes every tree has and keeps. */
export function isSystemPath(path: string): boolean {
  return systemPaths.has(path);
}
