// The epoch files of a server at work: both numbers as they are on disk, and one write at a time. In: what a role
// promises. Out: its completion when file and name are on disk. A write that fails ends the process: whoever cannot
// keep its promises must not vote.

import type { EpochName } from '../core/zab/leader-events.ts';
import type { Files, Log } from '../ports.ts';
import { FileError } from '../ports.ts';
import type { Zxid } from '../proto/zxid.ts';
import type { Epochs } from '../storage/epochs.ts';
import { loadEpochs, saveEpoch } from '../storage/epochs.ts';
import { assert, present } from '../util/assert.ts';

export class EpochStore {
  readonly #files: Files;
  readonly #log: Log;
  readonly #directory: string;
  readonly #failed: (reason: string) => void;
  #epochs: Epochs | undefined;
  #isSaving = false;

  /** `directory`: dataDir/version-2. `failed` does not come back. */
  constructor(files: Files, log: Log, directory: string, failed: (reason: string) => void) {
    this.#files = files;
    this.#log = log;
    this.#directory = directory;
    this.#failed = failed;
  }

  get epochs(): Epochs {
    return present(this.#epochs, 'epochs: the recovery of an ensemble is done');
  }

  get isSaving(): boolean {
    return this.#isSaving;
  }

  /** `lastZxid`: where a history without holes ends. Throws EpochError and FileError. */
  load(lastZxid: Zxid): void {
    this.#epochs = loadEpochs(this.#files, this.#directory, lastZxid, true, (what) => {
      this.#log.log('warn', what);
    });
  }

  save(name: EpochName, epoch: number, done: () => void): void {
    assert(!this.#isSaving, 'one epoch is saved at a time');
    this.#isSaving = true;
    const saved = (error: FileError | undefined) => {
      this.#isSaving = false;
      if (error !== undefined) {
        this.#failed(`${name} cannot be written: ${error.message}`);
        return;
      }
      this.#epochs = { ...this.epochs, [name]: epoch };
      done();
    };
    try {
      saveEpoch(this.#files, this.#directory, name, epoch, saved);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      saved(error);
    }
  }
}
