import assert from 'node:assert/strict';
import {test} from 'node:test';

import {Meter, secondsOfRuns} from '../../../coordinator/dashboard/src/meter';

test('it knows nothing before it has seen a second', () => {
  const meter = new Meter();
  assert.equal(meter.rate(), undefined);
  meter.add(0, 10);
  meter.add(0.5, 20);
  assert.equal(meter.rate(), undefined);
  assert.equal(meter.secondsUntil(100), undefined);
  meter.add(2, 50);
  assert.equal(meter.rate(), 20);
  assert.equal(meter.pace(), 20);
  assert.equal(meter.secondsUntil(100), 2.5);
  assert.equal(meter.secondsUntil(10), 0);
});

test('runs that have ended say how long the others take', () => {
  assert.equal(secondsOfRuns(0, 9, 5), undefined);
  assert.equal(secondsOfRuns(4, 6, 20), 30);
  assert.equal(secondsOfRuns(4, 0, 20), 0);
});

test('what was half a minute ago does not count', () => {
  const meter = new Meter();
  for (let second = 0; second <= 100; ++second) meter.add(second, second < 60 ? 0 : second - 60);
  assert.equal(meter.rate(), 1);
});

test('what goes back has begun anew', () => {
  const meter = new Meter();
  meter.add(0, 100);
  meter.add(5, 200);
  meter.add(6, 50);
  assert.equal(meter.rate(), undefined);
  meter.add(8, 70);
  assert.equal(meter.rate(), 10);
});

test('what stands still takes for ever, and that is not said as a number', () => {
  const meter = new Meter();
  meter.add(0, 5);
  meter.add(9, 5);
  assert.equal(meter.rate(), 0);
  assert.equal(meter.secondsUntil(10), undefined);
});
