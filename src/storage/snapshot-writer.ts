// Writes a snapshot while the server serves (FileTxnSnapLog.save): slices of a few ms, each piece written in the
// background, to a temporary name; then sync, rename, directory sync. So the final name appears only on a whole
// file.
//
// In: the image, the directory. Out: one call of `done`. A full disk is no disaster: the temporary file goes, the
// logs still hold everything. Any other failure is reported as one, and the server stops as Java's does (exit code
// 10). Differs from Java: Java writes to the final name unsynced, and a crash leaves half a snapshot there.

import type { Clock, Codec, Files, Log, OpenFile } from '../ports.ts';
import { FileError } from '../ports.ts';
import { hexZxid } from '../proto/zxid.ts';
import { snapshotName, temporarySnapshotName } from './file-names.ts';
import type { SnapshotForm, SnapshotImage } from './snapshot-encoder.ts';
import { SnapshotEncoder } from './snapshot-encoder.ts';

export type SnapshotResult =
  | { readonly kind: 'written'; readonly path: string; readonly bytes: number; readonly ms: number }
  /** There was no room; nothing is left behind, the server goes on. */
  | { readonly kind: 'no room'; readonly error: FileError }
  | { readonly kind: 'failed'; readonly error: FileError }
  | { readonly kind: 'cancelled' };

export interface SnapshotPorts {
  readonly files: Files;
  readonly clock: Clock;
  readonly codec: Codec;
  readonly log: Log;
}

/** The longest the loop is held at once. */
const sliceMs = 3;
/** A sync of gigabytes at the end would hold up the log's syncs for as long as it takes. */
const syncEvery = 8 << 20;
const fullDisk = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export class SnapshotWriter {
  readonly #ports: SnapshotPorts;
  readonly #directory: string;
  readonly #image: SnapshotImage;
  readonly #encoder: SnapshotEncoder;
  readonly #temporary: string;
  readonly #path: string;
  readonly #done: (result: SnapshotResult) => void;
  readonly #startedAt: number;
  #file: OpenFile | undefined;
  #position = 0;
  #syncedTo = 0;
  #state: 'running' | 'cancelling' | 'ended' = 'running';

  /**
   * Starts at once; `image` is closed by the writer. `done` is never called inside the constructor. `name`: what the
   * whole file is called, if not as any snapshot.
   */
  constructor(
    ports: SnapshotPorts,
    directory: string,
    image: SnapshotImage,
    form: SnapshotForm,
    done: (result: SnapshotResult) => void,
    name = snapshotName(image.zxid, form.compression),
  ) {
    this.#ports = ports;
    this.#directory = directory;
    this.#image = image;
    this.#encoder = new SnapshotEncoder(image, form, ports.codec);
    this.#temporary = ports.files.join(directory, temporarySnapshotName(image.zxid));
    this.#path = ports.files.join(directory, name);
    this.#done = done;
    this.#startedAt = ports.clock.now();
    ports.log.log('info', `Snapshotting: 0x${hexZxid(image.zxid)} to ${this.#path}`);
    this.#later(() => {
      const file = ports.files.open(this.#temporary, 'create');
      this.#file = file;
      this.#slice(file);
    });
  }

  /** Gives up; `done` is told when the temporary file is gone. */
  cancel(): void {
    if (this.#state === 'running') this.#state = 'cancelling';
  }

  #slice(file: OpenFile): void {
    const until = this.#ports.clock.now() + sliceMs;
    const piece = this.#encoder.next(() => this.#ports.clock.now() >= until);
    if (piece === undefined) {
      this.#later(() => this.#slice(file));
      return;
    }
    file.writeLater(piece, this.#position, (error) =>
      this.#step(error, () => {
        this.#position += piece.length;
        if (this.#encoder.done) this.#finish(file);
        else if (this.#position - this.#syncedTo < syncEvery) this.#slice(file);
        else this.#sync(file);
      }),
    );
  }

  #sync(file: OpenFile): void {
    this.#syncedTo = this.#position;
    file.datasync((error) => this.#step(error, () => this.#slice(file)));
  }

  #finish(file: OpenFile): void {
    const { files } = this.#ports;
    file.datasync((error) =>
      this.#step(error, () => {
        file.close();
        this.#file = undefined;
        files.rename(this.#temporary, this.#path);
        files.syncDirectory(this.#directory, (syncError) => {
          if (syncError !== undefined) this.#end({ kind: 'failed', error: syncError });
          else this.#written();
        });
      }),
    );
  }

  #written(): void {
    const ms = this.#ports.clock.now() - this.#startedAt;
    this.#ports.log.log('info', `Snapshot taken in ${Math.round(ms)} ms`);
    this.#end({ kind: 'written', path: this.#path, bytes: this.#position, ms });
  }

  #later(work: () => void): void {
    this.#ports.clock.endOfTurn(() => this.#step(undefined, work));
  }

  /** Goes on with `work`, unless something failed or the snapshot is no longer wanted. */
  #step(error: FileError | undefined, work: () => void): void {
    if (error === undefined && this.#state === 'running') {
      try {
        work();
      } catch (thrown) {
        if (!(thrown instanceof FileError)) throw thrown;
        this.#giveUp(thrown);
      }
      return;
    }
    this.#giveUp(error);
  }

  #giveUp(error: FileError | undefined): void {
    const { files, log } = this.#ports;
    this.#file?.close();
    this.#file = undefined;
    try {
      if (files.status(this.#temporary) !== undefined) files.remove(this.#temporary);
    } catch (thrown) {
      if (!(thrown instanceof FileError)) throw thrown;
    }
    if (error === undefined) {
      this.#end({ kind: 'cancelled' });
      return;
    }
    const kind = fullDisk.has(error.code) ? 'no room' : 'failed';
    log.log(
      'warn',
      `snapshot of 0x${hexZxid(this.#image.zxid)} given up, ${kind}: ${error.message}`,
    );
    this.#end({ kind, error });
  }

  #end(result: SnapshotResult): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#image.close();
    this.#done(result);
  }
}
