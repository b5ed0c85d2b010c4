// A snapshot written in one go, before the server serves: the empty state of a new directory (FileTxnSnapLog.restore
// saves it before the first log), and the state an operator chose to go on with. A generator, so that a long write
// shows progress. As the background writer: temporary name, sync, rename, directory sync.

import type { Codec, Files } from '../ports.ts';
import { snapshotName, temporarySnapshotName } from './file-names.ts';
import type { SnapshotForm, SnapshotImage } from './snapshot-encoder.ts';
import { SnapshotEncoder } from './snapshot-encoder.ts';

/** Yields the bytes written so far; returns the path. Closes `image`. Throws FileError. */
export function* writeSnapshotNow(
  files: Files,
  codec: Codec,
  directory: string,
  image: SnapshotImage,
  form: SnapshotForm,
): Generator<number, string> {
  const temporary = files.join(directory, temporarySnapshotName(image.zxid));
  const path = files.join(directory, snapshotName(image.zxid, form.compression));
  try {
    const file = files.open(temporary, 'create');
    try {
      const encoder = new SnapshotEncoder(image, form, codec);
      let position = 0;
      while (!encoder.done) {
        const piece = encoder.next(() => false);
        if (piece === undefined) continue;
        file.write(piece, position);
        position += piece.length;
        yield position;
      }
      file.sync();
    } finally {
      file.close();
    }
    files.rename(temporary, path);
    files.syncDirectoryNow(directory);
    return path;
  } finally {
    image.close();
  }
}
