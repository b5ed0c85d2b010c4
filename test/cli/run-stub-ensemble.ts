// `quoll ensemble` as a process whose servers are stubs: the launcher without a server. Its arguments are one JSON
// object, the options. What it prints and how it ends are the command's.
// Runs from source and compiled, as the tests do.
import { fileURLToPath } from 'node:url';
import type { EnsembleOptions } from '../../src/cli/ensemble.ts';
import { ensemble } from '../../src/cli/ensemble.ts';

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const stub = fileURLToPath(new URL(`./stub-server.${extension}`, import.meta.url));
const options = JSON.parse(process.argv[2] ?? '{}') as EnsembleOptions;
await ensemble(options, [process.execPath, ...process.execArgv, stub]);
