// Numbers and dates: tables of what Java 17 printed for the same values (Double.toString and
// Date.toString in UTC), and the calendar compared with the platform's for every day of four
// centuries, leap days and the years without them included.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildDate, javaAverage, javaDate, javaDouble } from '../../src/server/java-text.ts';

test('doubles are printed as Double.toString prints them', () => {
  const table: readonly (readonly [number, string])[] = [
    [0, '0.0'],
    [1, '1.0'],
    [0.3333, '0.3333'],
    [12.5, '12.5'],
    [0.001, '0.001'],
    [0.0009, '9.0E-4'],
    [1e-4, '1.0E-4'],
    [9999999, '9999999.0'],
    [1e7, '1.0E7'],
    [12345678.9, '1.23456789E7'],
    [-2.5, '-2.5'],
    [100, '100.0'],
    [1e21, '1.0E21'],
    [0.1 + 0.2, '0.30000000000000004'],
    [1.2345e-5, '1.2345E-5'],
  ];
  for (const [value, text] of table) assert.equal(javaDouble(value), text);
});

test('averages have four digits at most', () => {
  assert.equal(javaAverage(1 / 3), '0.3333');
  assert.equal(javaAverage(2 / 3), '0.6667');
  assert.equal(javaAverage(0.00004), '0.0');
  assert.equal(javaAverage(0.00005), '1.0E-4');
  assert.equal(javaAverage(7), '7.0');
});

test('dates are printed as Date.toString prints them in UTC', () => {
  const table: readonly (readonly [number, string])[] = [
    [0, 'Thu Jan 01 00:00:00 UTC 1970'],
    [951_782_400_000, 'Tue Feb 29 00:00:00 UTC 2000'],
    [951_868_799_999, 'Tue Feb 29 23:59:59 UTC 2000'],
    [1_795_325_803_008, 'Sun Nov 22 05:36:43 UTC 2026'],
    [-1, 'Wed Dec 31 23:59:59 UTC 1969'],
    [4_102_444_799_999, 'Thu Dec 31 23:59:59 UTC 2099'],
    [1_709_164_800_000, 'Thu Feb 29 00:00:00 UTC 2024'],
    [253_402_300_799_999, 'Fri Dec 31 23:59:59 UTC 9999'],
  ];
  for (const [unixMs, text] of table) assert.equal(javaDate(unixMs), text);
});

test('every day of four centuries is the day that the platform says', () => {
  const dayMs = 86_400_000;
  for (let at = Date.UTC(1800, 0, 1); at < Date.UTC(2200, 0, 1); at += dayMs) {
    assert.equal(buildDate(at), `${new Date(at).toISOString().substring(0, 10)} 00:00 UTC`);
  }
});
