// One event is one line in both formats, whatever a client put into a message or a value.
// Levels are kept: what is below is not written.
// The fields of JSON lines are compared as a whole, so that a tool may rely on them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeNodeLog, prettyLine } from '../../src/node/node-log.ts';

function collect() {
  const lines: string[] = [];
  return { lines, stream: { write: (line: string) => void lines.push(line) } };
}

test('json: one object a line, with time, level, message and fields', () => {
  const { lines, stream } = collect();
  const log = makeNodeLog({ format: 'json', level: 'info', stream });
  log.log('debug', 'not this');
  log.log('info', 'recv ACKEPOCH\nfrom 2', { zxid: '0x200000000', count: 2, ok: true });
  log.log('error', 'plain');
  assert.equal(lines.length, 2);
  const first: unknown = JSON.parse(lines[0] ?? '');
  assert.ok(typeof first === 'object' && first !== null && 'time' in first);
  const { time, ...rest } = first;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(rest, {
    level: 'info',
    message: 'recv ACKEPOCH\nfrom 2',
    zxid: '0x200000000',
    count: 2,
    ok: true,
  });
  for (const line of lines) assert.equal(line.indexOf('\n'), line.length - 1);
});

test('pretty: columns, levels, colour only when asked for', () => {
  const { lines, stream } = collect();
  const log = makeNodeLog({ format: 'pretty', level: 'warn', stream });
  log.log('info', 'not this');
  log.log('warn', 'slow fsync -> told', { ms: 1200, path: '/a b' });
  assert.equal(lines.length, 1);
  assert.match(
    lines[0] ?? '',
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} WARN {2}slow fsync -> told {2}ms=1200 {2}path="\/a b"\n$/,
  );
  const coloured = collect();
  makeNodeLog({ format: 'pretty', stream: coloured.stream, colour: true }).log('error', 'x');
  assert.ok(coloured.lines[0]?.startsWith('\u001b[31m'));
  assert.ok(coloured.lines[0]?.endsWith('ERROR x\u001b[0m\n'));
});

test('pretty: nothing from a client breaks a line or steers the terminal', () => {
  const at = new Date(2026, 0, 2, 3, 4, 5, 6);
  assert.equal(
    prettyLine(at, 'info', 'a\nb\u001b[2J\u2028c', { 'k\r': 'v\n' }),
    '2026-01-02 03:04:05.006 INFO  a\\nb\\u001b[2J\\u2028c  k\\u000d="v\\n"',
  );
});
