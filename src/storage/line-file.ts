// A bounded text file that grows by lines, a few at a time and in the background: `name`, and when that is full it
// replaces `older` and a new one is begun. In: items, made into lines when they are written. Out: at most two files.
//
// For records that nothing depends on: it is never synced, a failure is told once and ends the writing, and what a
// stuck disk would pile up in memory is dropped and counted (`droppedLine`). Nobody ever waits for it.

import { encodeUtf8 } from '../jute/utf8.ts';
import type { Clock, Files, OpenFile } from '../ports.ts';
import { FileError } from '../ports.ts';

export interface LineFileOptions<T> {
  readonly directory: string;
  readonly name: string;
  readonly older: string;
  /** A file that reached it takes no more lines; bytes. */
  readonly lengthMax: number;
  /** How long lines wait for company. */
  readonly delayMs: number;
  /** Items that may wait for a slow disk. */
  readonly waitingMax: number;
  /** Without the newline. */
  readonly line: (item: T) => string;
  readonly droppedLine: (count: number) => string;
  readonly failed: (error: FileError) => void;
}

const newline = 0x0a;

export class LineFile<T> {
  readonly #clock: Clock;
  readonly #files: Files;
  readonly #options: LineFileOptions<T>;
  readonly #path: string;
  #waiting: T[] = [];
  #dropped = 0;
  #file: OpenFile | undefined;
  #length = 0;
  #state: 'idle' | 'delaying' | 'writing' | 'over' = 'idle';
  #closed: (() => void) | undefined;

  constructor(
    ports: { readonly clock: Clock; readonly files: Files },
    options: LineFileOptions<T>,
  ) {
    this.#clock = ports.clock;
    this.#files = ports.files;
    this.#options = options;
    this.#path = ports.files.join(options.directory, options.name);
  }

  add(item: T): void {
    if (this.#state === 'over' || this.#closed !== undefined) return;
    if (this.#waiting.length >= this.#options.waitingMax) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(item);
    if (this.#state !== 'idle') return;
    this.#state = 'delaying';
    this.#clock.schedule(this.#options.delayMs, () => {
      if (this.#state === 'delaying') this.#write();
    });
  }

  /** Calls back, never inside this call, when what waited is written or given up. Once. */
  close(done: () => void): void {
    this.#closed = () => this.#clock.endOfTurn(done);
    if (this.#state !== 'writing') this.#write();
  }

  #write(): void {
    if (this.#state === 'over' || this.#waiting.length === 0) {
      this.#rest();
      return;
    }
    this.#state = 'writing';
    try {
      const file = this.#openFile();
      const bytes = encodeUtf8(this.#takeText());
      const position = this.#length;
      this.#length += bytes.length;
      file.writeLater(bytes, position, (error) => {
        if (error !== undefined) this.#fail(error);
        else if (this.#waiting.length > 0) this.#write();
        else this.#rest();
      });
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#fail(error);
    }
  }

  #takeText(): string {
    const { line, droppedLine } = this.#options;
    let text = '';
    for (const item of this.#waiting) text += `${line(item)}\n`;
    if (this.#dropped > 0) text += `${droppedLine(this.#dropped)}\n`;
    this.#waiting = [];
    this.#dropped = 0;
    return text;
  }

  /** The file to append to; a full one is moved aside first. Throws FileError. */
  #openFile(): OpenFile {
    const { lengthMax, directory, older } = this.#options;
    if (this.#file !== undefined && this.#length < lengthMax) return this.#file;
    this.#file?.close();
    this.#file = undefined;
    let length = this.#files.status(this.#path)?.length;
    if (length !== undefined && length >= lengthMax) {
      this.#files.rename(this.#path, this.#files.join(directory, older));
      length = undefined;
    }
    const file = this.#files.open(this.#path, length === undefined ? 'create' : 'update');
    this.#file = file;
    this.#length = length ?? 0;
    if (this.#length > 0) this.#endLine(file);
    return file;
  }

  /** A process that was killed may have left half a line: readers pass over it, and ours begin a new one. */
  #endLine(file: OpenFile): void {
    const last = new Uint8Array(1);
    file.read(last, this.#length - 1);
    if (last[0] === newline) return;
    file.write(Uint8Array.of(newline), this.#length);
    this.#length++;
  }

  #fail(error: FileError): void {
    this.#state = 'over';
    this.#waiting = [];
    this.#options.failed(error);
    this.#rest();
  }

  #rest(): void {
    if (this.#state !== 'over') this.#state = 'idle';
    if (this.#closed === undefined && this.#state === 'idle') return;
    this.#state = 'over';
    this.#file?.close();
    this.#file = undefined;
    const closed = this.#closed;
    this.#closed = undefined;
    closed?.();
  }
}
