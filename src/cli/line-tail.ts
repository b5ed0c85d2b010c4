// What is appended to a file of lines, asked for from time to time. In: a path, and whether what is there already is
// passed over. Out: whole lines, each once. The file may come late, be cut, or be moved aside and begun anew
// (storage/line-file.ts): what is left of the moved one is read first. Reading blocks: it is a few lines a call.
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

/** Read at a time; nothing we follow has longer lines. */
const chunkLength = 1 << 18;

export class LineTail {
  readonly #path: string;
  readonly #chunk = Buffer.alloc(chunkLength);
  #file: { readonly fd: number; readonly inode: number } | undefined;
  #position = 0;
  #rest: Buffer = Buffer.alloc(0);

  /** `fromEnd`: lines that are there now are not told. */
  constructor(path: string, fromEnd: boolean) {
    this.#path = path;
    if (fromEnd && this.#open()) this.#position = statSync(path).size;
  }

  /** Whole lines that came since the last call, without line ends. A file that cannot be read has none. */
  read(): string[] {
    const lines: string[] = [];
    if (this.#file === undefined && !this.#open()) return lines;
    this.#take(lines);
    if (this.#wasReplaced()) {
      this.#take(lines);
      this.close();
      if (this.#open()) this.#take(lines);
    }
    return lines;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
    this.#position = 0;
    this.#rest = Buffer.alloc(0);
  }

  #open(): boolean {
    try {
      const fd = openSync(this.#path, 'r');
      this.#file = { fd, inode: fstatSync(fd).ino };
      return true;
    } catch {
      return false;
    }
  }

  #wasReplaced(): boolean {
    const status = statSync(this.#path, { throwIfNoEntry: false });
    return status !== undefined && status.ino !== this.#file?.inode;
  }

  #take(lines: string[]): void {
    if (this.#file === undefined) return;
    const { fd } = this.#file;
    if (fstatSync(fd).size < this.#position) this.#position = 0;
    for (let count = chunkLength; count === chunkLength; ) {
      count = readSync(fd, this.#chunk, 0, chunkLength, this.#position);
      this.#position += count;
      const bytes = Buffer.concat([this.#rest, this.#chunk.subarray(0, count)]);
      const end = bytes.lastIndexOf('\n') + 1;
      if (end > 0) lines.push(...bytes.toString('utf8', 0, end - 1).split('\n'));
      // A line without an end is nothing of ours.
      this.#rest = bytes.length - end > chunkLength ? Buffer.alloc(0) : bytes.subarray(end);
    }
  }
}
