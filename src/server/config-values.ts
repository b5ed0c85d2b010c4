// How the text of a configuration value becomes a value: one reader for each shape Java knows. Each says what it wants
// in words, for the error line and for docs/CONFIGURATION.md.
//
// Where Java's file reader (Integer.parseInt) takes decimals only and its property reader (Integer.getInteger, which
// decodes) also takes hexadecimal (0x10, #10) and octal (010), so do these. Different on purpose: Java's property
// reader passes over what it cannot read, or takes it for "false", in silence; here a malformed value is an error.

export interface ValueType<T> {
  /** What is accepted: 'true or false', 'a number of ms, 1 or more' … */
  readonly wanted: string;
  /** undefined: not a value of this type. */
  read(text: string): T | undefined;
}

export interface IntegerOptions {
  readonly min?: number;
  readonly max?: number;
  /** What is counted: 'ms', 'bytes', 'KiB' … */
  readonly unit?: string;
  /** Also hexadecimal and octal, as Integer.decode. */
  readonly decoded?: true;
}

const intMin = -(2 ** 31);
const intMax = 2 ** 31 - 1;

function bounds(min: number, max: number): string {
  if (min === max) return `, ${min} only`;
  if (min > intMin && max < intMax) return `, ${min} to ${max}`;
  return min > intMin ? `, ${min} or more` : '';
}

/** A Java int, or within the bounds given (a Java long may be wider, up to 2^53 - 1). */
export function integer(options: IntegerOptions): ValueType<number> {
  const { min = intMin, max = intMax, unit, decoded } = options;
  return {
    wanted: `a ${unit === undefined ? 'number' : `number of ${unit}`}${bounds(min, max)}`,
    read: (text) => {
      const value = decoded ? decodeInteger(text) : parseInteger(text);
      return value !== undefined && value >= min && value <= max ? value : undefined;
    },
  };
}

/** Integer.parseInt: an optional sign, decimal digits. */
function parseInteger(text: string): number | undefined {
  return /^[+-]?\d{1,19}$/.test(text) ? exact(Number(text)) : undefined;
}

/** Integer.decode: as parseInteger, and 0x, 0X or # before hexadecimal digits, 0 before octal ones. */
function decodeInteger(text: string): number | undefined {
  const match = /^([+-]?)(?:(?:0[xX]|#)([0-9a-fA-F]{1,16})|0([0-7]{1,22})|(0|[1-9]\d{0,18}))$/.exec(
    text,
  );
  if (match === null) return undefined;
  const [, sign, hexadecimal, octal, decimal] = match;
  let value = Number(decimal);
  if (hexadecimal !== undefined) value = Number.parseInt(hexadecimal, 16);
  else if (octal !== undefined) value = Number.parseInt(octal, 8);
  return exact(sign === '-' ? -value : value);
}

/** Past 2^53 a number would silently become its neighbour. */
function exact(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value + 0 : undefined;
}

/** Double.parseDouble, without its hexadecimal and suffixed forms. */
export const decimal: ValueType<number> = {
  wanted: 'a decimal number',
  read: (text) => {
    if (!/^[+-]?(?:\d{1,15}\.?\d{0,15}|\.\d{1,15})(?:[eE][+-]?\d{1,2})?$/.test(text))
      return undefined;
    return Number(text) + 0;
  },
};

export const boolean: ValueType<boolean> = {
  wanted: 'true or false',
  read: (text) => {
    const lower = text.toLowerCase();
    return lower === 'true' || lower === 'false' ? lower === 'true' : undefined;
  },
};

/** Java compares these with one of the words, in lower case, and takes anything else for the other. */
export const yesOrNo: ValueType<boolean> = {
  wanted: 'yes or no',
  read: (text) => (text === 'yes' || text === 'no' ? text === 'yes' : undefined),
};

export const text: ValueType<string> = {
  wanted: 'text',
  read: (value) => value,
};

export const path: ValueType<string> = {
  wanted: 'a path',
  read: (value) => (value === '' ? undefined : value),
};

export const address: ValueType<string> = {
  wanted: 'an address or a host name',
  read: (value) => (value === '' ? undefined : value),
};

export const port: ValueType<number> = integer({ min: 0, max: 65535 });

/** Hours when there is no suffix; ms, s, m, h or d after the number (3.10). In ms; zero or less is 0, off. */
export const interval: ValueType<number> = {
  wanted: 'a number of hours, or a number and ms, s, m, h or d',
  read: (value) => {
    const match = /^([+-]?\d{1,10})(ms|s|m|h|d)?$/i.exec(value);
    if (match === null) return undefined;
    const unit = unitMs.get((match[2] ?? 'h').toLowerCase()) ?? 0;
    return Math.max(0, Number(match[1]) * unit);
  },
};

const unitMs: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** One of a few words, in any case; `words` maps what may be written to what it means. */
export function oneOf<T>(words: Readonly<Record<string, T>>): ValueType<T> {
  const known = new Map(Object.entries(words));
  return {
    wanted: `one of ${[...known.keys()].map((word) => (word === '' ? '(empty)' : word)).join(', ')}`,
    read: (value) => known.get(value.toLowerCase()),
  };
}

/** Words between commas; blanks around them and empty ones do not count. */
export const words: ValueType<readonly string[]> = {
  wanted: 'words between commas',
  read: (value) =>
    value
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
};
