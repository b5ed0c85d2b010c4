/**
 * Runs every program of docs/CLIENT.md against a real server, so that the guide stays true.
 *
 * Each block of TypeScript runs as a process of its own, inside dist-test/ so that 'quoll' means this package; the
 * address it connects to is exchanged for the server's. What a `//` comment promises to be printed must be printed:
 * the comment's text, up to a '…', is looked for in the output with the spaces of both squeezed.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Child } from './harness/child.ts';
import { skipWithout } from './harness/debian.ts';
import { projectRoot, scratchFolder } from './harness/project.ts';
import type { RunningServer } from './harness/server.ts';
import { startServer, subject } from './harness/server.ts';

const skip = skipWithout('libzookeeper-java', 'libslf4j-java', 'default-jdk-headless');
const DEADLINE_MS = 60_000;

interface Program {
  readonly title: string;
  readonly code: string;
}

function programs(): Program[] {
  const guide = readFileSync(join(projectRoot, 'docs', 'CLIENT.md'), 'utf8');
  const found: Program[] = [];
  let title = '';
  for (const match of guide.matchAll(/^#+ (.*)$|^```ts\n([\s\S]*?)^```$/gm)) {
    if (match[1] !== undefined) title = match[1];
    else found.push({ title, code: match[2] ?? '' });
  }
  return found;
}

/** What the comments behind `console.log` promise, in parts that must appear in this order. */
function promises(code: string): string[] {
  return [...code.matchAll(/console\.log\(.*\/\/ (.*)$/gm)].flatMap(([, text = '']) =>
    text
      .split(/, then |…/)
      .map(squeeze)
      .filter((part) => /\w/.test(part)),
  );
}

function squeeze(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

describe(`the client guide against ${subject()}`, { skip }, () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer({ kind: subject(), folder: scratchFolder('client-guide') });
  });
  after(async () => {
    await server?.stop();
  });

  it('has programs', () => {
    assert.ok(programs().length > 5);
  });

  for (const [i, { title, code }] of programs().entries()) {
    it(title, async () => {
      const folder = join(projectRoot, 'dist-test', 'guide');
      mkdirSync(folder, { recursive: true });
      const file = join(folder, `${i}.mts`);
      const here = (text: string) => text.replaceAll('127.0.0.1:2181', server.address);
      writeFileSync(file, here(code));
      const child = new Child(process.execPath, ['--import', 'tsx', file], { cwd: projectRoot });
      const { code: status } = await child.ended(DEADLINE_MS);
      const output = squeeze(child.lines.join(' '));
      assert.equal(status, 0, output);
      let at = 0;
      for (const part of promises(here(code))) {
        const found = output.indexOf(part, at);
        assert.ok(found >= 0, `"${part}" is not in: ${output}`);
        at = found + part.length;
      }
    });
  }
});
