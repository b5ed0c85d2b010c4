// What `quoll ensemble` writes on a terminal: the table stays below the lines, is taken off before each of them and put
// back, and no row is longer than the screen. A small model of a terminal keeps what is on the screen.
// Elsewhere than on a terminal: ensemble.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TextOutput } from '../../src/cli/ensemble-output.ts';
import { planEnsemble } from '../../src/cli/ensemble-plan.ts';
import { noStatus, statusOf } from '../../src/cli/server-status.ts';

/** Understands what the table needs: new lines, cursor up, erase below. */
class Screen {
  readonly isTTY = true;
  columns = 80;
  lines: string[] = [''];

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape is what is looked for
    for (const part of text.split(/(\u001b\[\d*[A-Z]|\n)/)) this.#take(part);
  }

  #take(part: string): void {
    if (part === '\n') this.lines.push('');
    else if (part === '\u001b[J') this.lines[this.lines.length - 1] = '';
    else if (part.startsWith('\u001b[')) {
      const up = Number(part.substring(2, part.length - 1));
      this.lines.length -= up;
    } else this.lines[this.lines.length - 1] += part;
  }
}

const answer = 'Connections: 3\nZxid: 0x100000002\nMode: leader\nNode count: 6\n';

test('the table stays at the bottom and is redrawn in place', () => {
  const screen = new Screen();
  const output = new TextOutput(screen);
  output.planned(planEnsemble('/e', { servers: 2 }, undefined));
  output.status([noStatus(1, 'starting'), noStatus(2, 'looking')]);
  output.started(2, 77);
  output.status([statusOf(1, answer), noStatus(2, 'looking')]);
  output.message('info', 'signal\u001b[2J');
  const shown = screen.lines.map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3}/, 'T').trimEnd());
  assert.deepEqual(shown, [
    'An ensemble of 2 in /e',
    '',
    'T  server 2 started, process 77',
    'T  signal\\u001b[2J',
    'server 1   leader      127.0.0.1:2181  zxid 0x100000002  6 nodes  2 connections',
    'server 2   looking     127.0.0.1:2182',
    '',
  ]);
  output.stopped([2]);
  assert.deepEqual(
    screen.lines.slice(4).map((line) => line.replace(/^[\d:.]+/, 'T')),
    ['T  killed, since they did not stop: 2', ''],
  );
});

test('a row is cut to the width of the screen', () => {
  const screen = new Screen();
  screen.columns = 30;
  const output = new TextOutput(screen);
  output.planned(planEnsemble('/e', {}, undefined));
  output.status([statusOf(1, answer)]);
  assert.equal(screen.lines.at(-2)?.length, 29);
});

test('the states of servers', () => {
  assert.deepEqual(statusOf(4, answer), {
    ...{ sid: 4, state: 'leader', zxid: '0x100000002', connections: 2, nodes: 6 },
  });
  const idle = 'This ZooKeeper instance is not currently serving requests\n';
  assert.deepEqual(statusOf(4, idle), noStatus(4, 'looking'));
});
