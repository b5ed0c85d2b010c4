/**
 * `npm run build`: src/ to dist/, the files the package ships and bin/quoll.js starts.
 * Exit 1, with the previous dist/ still in place, when a type error stands in the way.
 */
import { compileInto, removeLeftovers } from './compile.ts';

removeLeftovers();
process.exitCode = compileInto('dist', 'tsconfig.build.json') ? 0 : 1;
