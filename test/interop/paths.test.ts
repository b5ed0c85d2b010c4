// Path rules against Java's own PathUtils: every UTF-16 unit of the Basic Multilingual Plane in
// every position that matters, and seeded random paths out of the characters the rules speak of.
// Verdict and message must be the same.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { isPlainPath, pathError } from '../../src/core/tree/path.ts';
import { encodeUtf8 } from '../../src/jute/utf8.ts';
import { Prng } from '../../src/util/prng.ts';
import { run } from './harness/child.ts';
import { java, skipWithout, zookeeperClassPath } from './harness/debian.ts';
import { scratchFolder } from './harness/project.ts';

/**
 * Reads {sequential: byte, length: int, units: char*}*; writes a line each: the message without the path, or "ok".
 */
const program = `
import java.io.*;
import java.nio.charset.StandardCharsets;
import org.apache.zookeeper.common.PathUtils;

public class Paths {
  public static void main(String[] args) throws IOException {
    try (DataInputStream in = new DataInputStream(new BufferedInputStream(new FileInputStream(args[0])));
        Writer out = new OutputStreamWriter(new FileOutputStream(args[1]), StandardCharsets.US_ASCII)) {
      int sequential;
      while ((sequential = in.read()) >= 0) {
        char[] units = new char[in.readInt()];
        for (int i = 0; i < units.length; i++) units[i] = in.readChar();
        String path = new String(units);
        String said = "ok";
        try {
          PathUtils.validatePath(path, sequential == 1);
        } catch (IllegalArgumentException e) {
          char quote = 34;
          said = e.getMessage().replace(quote + path + (sequential == 1 ? "1" : "") + quote, "");
        }
        out.write(said + "\\n");
      }
    }
  }
}
`;

interface Case {
  readonly path: string;
  readonly sequential: boolean;
}

/** The unit alone, inside, at either end of a component, between dots and before a '/'. */
const shapes: ReadonlyArray<(unit: string) => string> = [
  (unit) => unit,
  (unit) => `/${unit}`,
  (unit) => `/a${unit}b`,
  (unit) => `/a/${unit}/b`,
  (unit) => `/.${unit}`,
  (unit) => `/${unit}.`,
];

function* cases(): Generator<Case> {
  for (let unit = 0; unit <= 0xffff; unit++) {
    for (const shape of shapes) yield { path: shape(String.fromCharCode(unit)), sequential: false };
  }
  const prng = new Prng(20);
  const parts = ['/', '/', '/', '.', '.', '..', 'a', 'é', '\0', ' ', '~', '\x7f', '\ud83d\ude00'];
  for (let i = 0; i < 100_000; i++) {
    let path = prng.chance(0.95) ? '/' : '';
    for (let length = prng.below(12); length > 0; length--) path += prng.pick(parts);
    yield { path, sequential: prng.chance(0.3) };
  }
}

function encode(all: readonly Case[]): Buffer {
  const bytes = Buffer.alloc(all.reduce((sum, { path }) => sum + 5 + path.length * 2, 0));
  let at = 0;
  for (const { path, sequential } of all) {
    at = bytes.writeInt8(sequential ? 1 : 0, at);
    at = bytes.writeInt32BE(path.length, at);
    for (let i = 0; i < path.length; i++) at = bytes.writeUInt16BE(path.charCodeAt(i), at);
  }
  return bytes;
}

it('says of every path what Java says', {
  skip: skipWithout('libzookeeper-java', 'default-jdk-headless'),
}, async () => {
  const folder = scratchFolder('paths');
  const [source, input, output] = ['Paths.java', 'in', 'out'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const all = [...cases()];
  writeFileSync(source, program);
  writeFileSync(input, encode(all));
  await run(java, ['-cp', zookeeperClassPath, source, input, output], { deadlineMs: 120_000 });
  const lines = readFileSync(output, 'ascii').split('\n');
  assert.equal(lines.length, all.length + 1);
  for (const [i, { path, sequential }] of all.entries()) {
    const shown = sequential ? `"${path}1"` : `"${path}"`;
    const ours = pathError(path, sequential)?.replace(shown, '') ?? 'ok';
    assert.equal(ours, lines[i], JSON.stringify({ path, sequential }));
    const bytes = encodeUtf8(path);
    if (!sequential && isPlainPath(bytes, 0, bytes.length)) assert.equal(ours, 'ok', path);
  }
});
