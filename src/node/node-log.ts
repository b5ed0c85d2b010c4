// The Log port on standard error: one line an event, JSON by pino for machines, plain columns for people. 'auto' takes
// plain when standard error is a terminal. Standard output stays free for what a command answers.
//
// Invariant: one event is one line: line breaks and control characters in a message or a value are escaped, because
// both may come from a client. Lines are written before `log` returns, so the last one before an exit is never lost.
import type { DestinationStream } from 'pino';
import { destination, pino, stdTimeFunctions } from 'pino';
import type { Log, LogLevel } from '../ports.ts';
import type { LogFormat } from './log-options.ts';
import { logLevels } from './log-options.ts';

export interface NodeLogOptions {
  readonly format?: LogFormat;
  /** Lines below it are dropped. */
  readonly level?: LogLevel;
  /** Where lines go; standard error when left out. */
  readonly stream?: DestinationStream;
  /** Marks levels by colour in 'pretty'; left out: on a terminal, unless NO_COLOR is set. */
  readonly colour?: boolean;
}

const standardError = 2;
const colours: Readonly<Record<LogLevel, string>> = {
  debug: '\u001b[90m',
  info: '',
  warn: '\u001b[33m',
  error: '\u001b[31m',
};

type Fields = Readonly<Record<string, string | number | boolean>>;

export function makeNodeLog(options: NodeLogOptions): Log {
  const { format = 'auto', level = 'info' } = options;
  const stream = options.stream ?? destination({ dest: standardError, sync: true });
  const terminal = options.stream === undefined && process.stderr.isTTY === true;
  const pretty = format === 'pretty' || (format === 'auto' && terminal);
  if (!pretty) return jsonLog(stream, level);
  return prettyLog(stream, level, options.colour ?? (terminal && !process.env.NO_COLOR));
}

function jsonLog(stream: DestinationStream, level: LogLevel): Log {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return {
    log: (lineLevel, message, fields) => {
      if (fields === undefined) logger[lineLevel](message);
      else logger[lineLevel](fields, message);
    },
  };
}

function prettyLog(stream: DestinationStream, level: LogLevel, colour: boolean): Log {
  const from = logLevels.indexOf(level);
  return {
    log: (lineLevel, message, fields) => {
      if (logLevels.indexOf(lineLevel) < from) return;
      const line = prettyLine(new Date(), lineLevel, message, fields);
      const start = colour ? colours[lineLevel] : '';
      stream.write(start === '' ? `${line}\n` : `${start}${line}\u001b[0m\n`);
    },
  };
}

/** `2026-11-22 05:07:11.123 INFO  message  key=value …`, local time. */
export function prettyLine(at: Date, level: LogLevel, message: string, fields?: Fields): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const fraction = String(at.getMilliseconds()).padStart(3, '0');
  let line = `${day} ${time}.${fraction} ${level.toUpperCase().padEnd(5)} ${oneLine(message)}`;
  for (const [key, value] of Object.entries(fields ?? {})) {
    const text = String(value);
    const quoted = text === '' || /[\s"=]/.test(text) ? JSON.stringify(text) : text;
    line += `  ${oneLine(key)}=${oneLine(quoted)}`;
  }
  return line;
}

/** Control characters as escapes: none of them may end the line or steer the terminal. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}|[\u2028\u2029]/gu, (char) => {
    if (char === '\n') return '\\n';
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
