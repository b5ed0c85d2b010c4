/**
 * Faults in what goes to disk and comes back: log, snapshots, epochs, recovery.
 */
import type { Mutant } from './mutant.ts';

export const storageMutants: readonly Mutant[] = [
  {
    name: 'the log is not synced',
    file: 'storage/txn-log',
    find: 'segment.file.datasync((error) => {',
    replace: '((done) => clock.endOfTurn(() => done(undefined)))((error) => {',
    breaks: 'PS1',
    world: 'lone',
    quick: true,
  },
  {
    name: 'a batch is reported durable before its sync is done',
    file: 'storage/txn-log',
    find: 'const startedAt = clock.now();\n        segment.file.datasync((error) => {',
    replace: `const startedAt = clock.now();
        clock.endOfTurn(() => this.#synced(segment, written, undefined));
        segment.file.datasync((error) => {
            if (error === undefined) return;`,
    breaks: 'PS1',
    world: 'lone',
  },
  {
    name: 'a new log file’s directory is not synced (2003)',
    file: 'storage/txn-log',
    find: 'this.#ports.files.syncDirectory(this.#options.directory, one);',
    replace: 'this.#ports.clock.endOfTurn(() => one(undefined));',
    breaks: 'PS1',
    world: 'lone',
  },
  {
    name: 'a new log file is written before its name is on disk',
    file: 'storage/txn-log',
    find: 'this.#announce(segment);\n        return undefined;',
    replace: `this.#ports.files.syncDirectory(this.#options.directory, () => undefined);
        return segment;`,
    breaks: 'PS1',
    world: 'lone',
  },
  {
    name: 'a failed sync of the log is passed over (2247)',
    file: 'storage/txn-log',
    find: 'this.#synced(segment, written, error);',
    replace: 'this.#synced(segment, written, undefined);',
    breaks: 'PS6',
    world: 'lone',
  },
  {
    name: 'the durable mark is ahead of the sync',
    file: 'storage/txn-log',
    find: "this.#state = 'syncing';\n        const { clock } = this.#ports;",
    replace: `this.#state = 'syncing';
        this.#note(segment);
        const { clock } = this.#ports;`,
    breaks: 'PS4',
    world: 'lone',
  },
  {
    name: 'an old log file is written over',
    file: 'storage/txn-log',
    find: 'const segment = this.#next.take(head.batch.firstZxid);',
    replace: 'const segment = this.#next.take(head.batch.firstZxid - 1n);',
    breaks: 'PS5',
    world: 'lone',
  },
  {
    name: 'an entry is written one byte early',
    file: 'storage/log-segment',
    find: 'this.position = end;',
    replace: 'this.position = end - 1;',
    breaks: 'PS3',
    world: 'lone',
    quick: true,
  },
  {
    name: 'a snapshot gets its name before it is synced (2872)',
    file: 'storage/snapshot-writer',
    find: 'file.datasync((error) => this.#step(error, () => {\n            file.close();',
    replace: `((done) => this.#ports.clock.endOfTurn(() => done(undefined)))((error) => this.#step(error, () => {
            file.close();`,
    breaks: 'PS7',
    world: 'lone',
  },
  {
    name: 'a snapshot gets its name at the beginning (3082)',
    file: 'storage/snapshot-writer',
    find: 'this.#temporary = ports.files.join(directory, temporarySnapshotName(image.zxid));',
    replace: 'this.#temporary = ports.files.join(directory, name);',
    breaks: 'PS7',
    world: 'lone',
  },
  {
    name: 'currentEpoch is not synced (1653)',
    file: 'storage/epochs',
    find: 'file.datasync((error) => {\n        try {',
    replace: `file.datasync(() => undefined);
    ((done) => done(undefined))((error) => {
        try {`,
    breaks: 'EP3',
    world: 'ensemble',
  },
  {
    name: 'an epoch’s directory is not synced (2307)',
    file: 'storage/epochs',
    find: 'files.syncDirectory(directory, done);',
    replace: 'files.syncDirectory(directory, () => undefined);\n            done(undefined);',
    breaks: 'EP1',
    world: 'ensemble',
  },
  {
    name: 'acceptedEpoch is never written',
    file: 'storage/epochs',
    find: `files.rename(temporary, files.join(directory, name));
            files.syncDirectory(directory, done);`,
    replace: `if (name !== 'acceptedEpoch') files.rename(temporary, files.join(directory, name));
            files.syncDirectory(directory, done);`,
    breaks: 'EP1',
    world: 'ensemble',
  },
  {
    name: 'recovery passes over a hole in the log that a lost sync left',
    file: 'storage/replay',
    find: 'if (!isNewEpoch)\n            throw this.#hole(path, offset, zxid);',
    replace: '',
    and: [
      {
        file: 'storage/replay',
        find: 'if (epochOf(zxid) > epochOf(last) && counterOf(zxid) === 1)\n            return;',
        replace: 'if (zxid > last)\n            return;',
      },
      {
        file: 'storage/txn-log',
        find: 'segment.file.datasync((error) => {',
        replace: '((done) => clock.endOfTurn(() => done(undefined)))((error) => {',
      },
    ],
    breaks: 'PS5',
    world: 'lone',
  },
  {
    name: 'recovery leaves out the last transaction',
    file: 'storage/replay',
    find: 'this.#follows(path, reader.offset, zxid);\n        try {',
    replace: `if (this.held !== undefined && zxid % 7n === 0n) return;
        this.held = true;
        this.#follows(path, reader.offset, zxid);
        try {`,
    breaks: 'PS5',
    world: 'lone',
  },
  {
    name: 'recovery does not sync what it found (2355)',
    file: 'storage/recovery',
    find: 'this.#settle = () => makeDurable(files, directories.logs, logs, replayed, mark);',
    replace: '',
    breaks: 'PS5',
    world: 'lone',
  },
  {
    name: 'replay begins behind the snapshot’s next transaction',
    file: 'storage/replay',
    find: 'if (zxid <= this.#options.from)\n            return;',
    replace: 'if (zxid <= this.#options.from + 1n)\n            return;',
    breaks: 'HI12',
    world: 'lone',
    quick: true,
  },
  {
    name: 'a log without entries keeps its name (2332)',
    file: 'storage/recovery',
    find: 'const above = this.#logs.filter(({ zxid }) => zxid > last);',
    replace: 'const above = [];',
    breaks: 'PS4',
    world: 'lone',
  },
  {
    name: 'purge removes the log its snapshot needs',
    file: 'storage/purge',
    find: 'zxid < oldest.zxid && !needed.has(name)',
    replace: 'zxid < oldest.zxid',
    breaks: 'PS8',
    world: 'lone',
  },
  {
    name: 'TRUNC leaves the transaction it is to remove',
    file: 'storage/truncate',
    find: 'if (reader.zxid > zxid)\n                return reader.offset;',
    replace: 'if (reader.zxid > zxid + 1n)\n                return reader.offset;',
    breaks: 'HI1',
    world: 'texts',
  },
  {
    name: 'TRUNC removes one transaction more',
    file: 'storage/truncate',
    find: 'if (reader.zxid > zxid)\n                return reader.offset;',
    replace: 'if (reader.zxid >= zxid)\n                return reader.offset;',
    breaks: 'HI13',
    world: 'texts',
  },
  {
    name: 'TRUNC leaves later snapshots (1549)',
    file: 'storage/truncate',
    find: 'const dirty = snapshots.filter((file) => file.zxid > zxid);',
    replace: 'const dirty = [];',
    breaks: 'HI1',
    world: 'crash',
  },
  {
    name: 'TRUNC leaves later log files',
    file: 'storage/truncate',
    find: 'const later = logs.filter((file) => file.zxid > zxid);',
    replace: 'const later = [];',
    breaks: 'HI1',
    world: 'crash',
  },
  {
    name: 'a cut history is not read again (5094)',
    file: 'server/history',
    find: 'this.#recover(undefined, loaded, failed);',
    replace: 'loaded({ lastZxid: this.lastZxid, txns: 0 });',
    breaks: 'HI12',
    world: 'texts',
  },
  {
    name: 'a leader’s snapshot is acknowledged before it is on disk (3642)',
    file: 'server/history',
    find: 'saveReceived(this.#ports, options, database, saved, (error) => {',
    replace: `saved();
            saveReceived(this.#ports, options, database, () => undefined, (error) => {`,
    breaks: 'PS1',
    world: 'crash',
  },
  {
    name: 'old logs stay beside a leader’s snapshot',
    file: 'storage/received-snapshot',
    find: 'for (const old of oldLogs)\n            setReplaced(files, logs, old);',
    replace: '',
    breaks: 'PS3',
    world: 'crash',
  },
];
