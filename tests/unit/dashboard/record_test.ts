import assert from 'node:assert/strict';
import {test} from 'node:test';

import {appended, Lines, thinned} from '../../../coordinator/dashboard/src/record';
import type {HistoryLine} from '../../../coordinator/web/src/lines';

const step = (at: number): string => `{"step":${at},"loss":0.5}`;
const epoch = (at: number): string => `{"step":${at},"train":{"loss":0.5}}`;
const seen = (lines: HistoryLine[]): string =>
  lines.map((line) => `${line.train ? 'e' : 's'}${line.step}`).join(' ');

test('lines are put behind those that are there', () => {
  const cases: [string, string[], string[], string][] = [
    ['nothing', [], [], ''],
    ['the next', [step(1)], [step(2)], 's1 s2'],
    ['the epoch that a step ends', [step(1), step(2)], [epoch(2), step(3)], 's1 s2 e2 s3'],
    ['a step that ends no epoch of its own', [epoch(2)], [step(3)], 'e2 s3'],
    ['a run that went back', [step(1), step(2), epoch(2), step(3)], [step(2)], 's1 s2'],
    ['the same again', [step(1), epoch(1)], [step(1), epoch(1)], 's1 e1'],
    ['what was cut off', [step(1)], ['{"step":2,"lo', '[]', 'null', ''], 's1'],
  ];
  for (const [name, before, more, after] of cases) {
    const lines = appended([], before.join('\n'));
    assert.equal(seen(appended(lines, more.join('\n'))), after, name);
    assert.equal(seen(lines), seen(appended([], before.join('\n'))), `${name}: it changed them`);
  }
});

test('pieces become whole lines', () => {
  const lines = new Lines();
  assert.deepEqual(lines.take('a\nb'), ['a']);
  assert.equal(lines.bytesLeft(), 1);
  assert.deepEqual(lines.take(''), []);
  assert.deepEqual(lines.take('ü\n'), ['bü']);
  lines.take('ü');
  assert.equal(lines.bytesLeft(), 2);
});

test('a curve keeps its ends when it is thinned', () => {
  const points = Array.from({length: 1000}, (_, i) => ({z: '', step: i, epoch: 0, value: i}));
  const few = thinned(points, 11);
  assert.equal(few.length, 11);
  assert.equal(few[0]!.step, 0);
  assert.equal(few.at(-1)!.step, 999);
  assert.equal(thinned(points, 1000), points);
});
