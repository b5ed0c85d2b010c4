/**
 * `npm run build`: src/ to dist/, the files the package ships and bin/quoll.js starts.
 * With `all` also src/, test/ and bench/ to dist-test/, where tests and benchmarks run.
 * Exit 1, with the previous folder still in place, when a type error stands in the way.
 */
import { compileInto, removeLeftovers } from './compile.ts';

removeLeftovers();
const all = process.argv.includes('all');
const ok =
  compileInto('dist', 'tsconfig.build.json') &&
  (!all || compileInto('dist-test', 'tsconfig.test.json'));
process.exitCode = ok ? 0 : 1;
