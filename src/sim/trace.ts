// What happened in a simulated world, in order: a hash over everything, and the last lines as text. Two runs of one
// seed must have one hash; where they do not, something outside the seed decided. In: notes of who did what, with up to
// two numbers. Invariant: a note costs no text until it is asked for.

const kept = 4096;

interface Note {
  at: number;
  who: string;
  what: string;
  a: number;
  b: number;
}

export class Trace {
  count = 0;
  /** Told of each line, for writing a run down as it happens. */
  onLine: ((line: string) => void) | undefined;
  readonly #notes: Note[] = [];
  readonly #hashes = new Map<string, number>();
  readonly #float = new Float64Array(1);
  readonly #words = new Uint32Array(this.#float.buffer);
  #high = 0x811c9dc5;
  #low = 0x9e3779b9;

  note(at: number, who: string, what: string, a = 0, b = 0): void {
    this.#mixNumber(at);
    this.#mix(this.#hashOf(who));
    this.#mix(this.#hashOf(what));
    this.#mixNumber(a);
    this.#mixNumber(b);
    const slot = this.count++ % kept;
    const note = this.#notes[slot];
    if (note === undefined) this.#notes.push({ at, who, what, a, b });
    else {
      note.at = at;
      note.who = who;
      note.what = what;
      note.a = a;
      note.b = b;
    }
    this.onLine?.(lineOf({ at, who, what, a, b }));
  }

  /** 16 hex digits. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low);
  }

  /** The last lines, oldest first. */
  tail(lines: number): string[] {
    const count = Math.min(lines, this.#notes.length);
    const all: string[] = [];
    for (let i = this.count - count; i < this.count; i++) {
      const note = this.#notes[i % kept];
      if (note !== undefined) all.push(lineOf(note));
    }
    return all;
  }

  #mixNumber(value: number): void {
    this.#float[0] = value;
    this.#mix((this.#words[0] as number) ^ Math.imul(this.#words[1] as number, 0x85ebca6b));
  }

  #mix(word: number): void {
    this.#high = Math.imul(this.#high ^ word, 0x01000193);
    this.#low = Math.imul(this.#low ^ (word + this.#high), 0xc2b2ae35);
    this.#low ^= this.#low >>> 15;
  }

  #hashOf(text: string): number {
    let hash = this.#hashes.get(text);
    if (hash === undefined) {
      hash = 0x811c9dc5;
      for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
      if (this.#hashes.size < kept) this.#hashes.set(text, hash);
    }
    return hash;
  }
}

function lineOf({ at, who, what, a, b }: Note): string {
  const numbers = b === 0 ? (a === 0 ? '' : ` ${a}`) : ` ${a} ${b}`;
  return `${at.toFixed(3).padStart(12)} ${who} ${what}${numbers}`;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
