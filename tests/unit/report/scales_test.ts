import assert from 'node:assert/strict';
import {test} from 'node:test';

import * as domains from '../../../coordinator/web/src/domains';
import * as scales from '../../../coordinator/report/src/scales';
import {configuration, job} from './jobs';

test('domains leave room and are never empty', () => {
  assert.deepEqual(domains.paddedDomain([0, 10], 0.1), [-1, 11]);
  assert.deepEqual(domains.paddedDomain([NaN, 2, Infinity, 4], 0.5), [1, 5]);
  for (const values of [[], [0], [7, 7], [-3]]) {
    const [low, high] = domains.paddedDomain(values);
    assert.ok(low < high, `${values}`);
  }
});

test('bins', () => {
  assert.deepEqual(
    [0, 0.49, 0.5, 1, -1, 2].map((v) => scales.binOf(v, [0, 1], 2)),
    [0, 0, 1, 1, 0, 1],
  );
  assert.equal(scales.binOf(3, [3, 3], 7), 6);
});

test('runs share a lane when they follow each other', () => {
  const spans = [
    [0, 2],
    [0, 1],
    [1, 3],
    [2, 4],
    [2.5, 3],
  ].map(([began, ended]) => ({began: began!, ended: ended!}));
  assert.deepEqual(scales.packLanes(spans), [0, 1, 1, 0, 2]);
  assert.deepEqual(scales.packLanes([]), []);
});

test('axes by decades, by numbers, by names', () => {
  const log = scales.axisScale({name: 'x', scale: 'log'}, [0.01, 1, 0.1]);
  assert.deepEqual(
    [0.01, 0.1, 1].map((v) => log.position(v)?.toFixed(3)),
    ['0.000', '0.500', '1.000'],
  );
  const linear = scales.axisScale({name: 'x', scale: 'linear'}, [10, 20]);
  assert.equal(linear.position(15), 0.5);
  const names = scales.axisScale({name: 'x', scale: 'category'}, ['b', 'a', true]);
  assert.deepEqual(names.categories, ['a', 'b', 'true']);
  assert.equal(names.position('b'), 0.5);
  assert.equal(names.position(undefined), undefined);
});

test('what a scale cannot hold is drawn by name', () => {
  assert.equal(scales.axisScale({name: 'x', scale: 'log'}, [0, 1]).kind, 'category');
  assert.equal(scales.axisScale({name: 'x', scale: 'linear'}, [1, 'auto']).kind, 'category');
  assert.equal(scales.axisScale({name: 'x', scale: 'linear'}, []).kind, 'category');
  assert.equal(scales.axisScale({name: 'x', scale: 'log'}, [5, 5]).position(5), 0.5);
});

test('a mean curve has the steps that all folds have', () => {
  const c = configuration(0, [0.5, 0.7]);
  c.runs[0]!.curve = [
    {step: 1, scores: {roc_auc: 0.4}},
    {step: 2, scores: {roc_auc: 0.5}},
  ];
  c.runs[1]!.curve = [{step: 1, scores: {roc_auc: 0.6}}];
  assert.deepEqual(scales.meanCurve(c, 'roc_auc'), [{step: 1, epoch: 0, value: 0.5}]);
  assert.deepEqual(scales.meanCurve(c, 'rmse'), []);
});

test('smoothing begins where the values begin and keeps a constant', () => {
  assert.equal(domains.smoothed([3, 0], 0.9)[0]!.toFixed(9), '3.000000000');
  assert.deepEqual(domains.smoothed([2, 2, 2], 0.5), [2, 2, 2]);
});

test('ranked ones first, then halved, then failed', () => {
  const failed = configuration(0, [0.1], {state: 'failed'});
  delete failed.mean;
  const made = job([
    failed,
    configuration(1, [0.9], {state: 'halved'}),
    configuration(2, [0.5], {rank: 2}),
    configuration(3, [0.6], {rank: 1}),
  ]);
  assert.deepEqual(
    scales.inOrder(made).map((c) => c.id),
    [3, 2, 1, 0],
  );
});

test('things in a column stand around its middle', () => {
  const places = scales.inColumns(['a', 'b', 'c'], (name) => (name === 'c' ? 1 : 0));
  assert.equal(places.get('a')! + places.get('b')!, 0);
  assert.ok(places.get('a')! < places.get('b')!);
  assert.equal(places.get('c'), 1);
});

test('a few values lie evenly apart, zero among them', () => {
  const l2 = scales.evenAxis({name: 'l2', scale: 'linear'}, [1e-4, 0, 1e-6, 0]);
  assert.deepEqual(
    l2.ticks.map((tick) => [tick.value, tick.at]),
    [
      [0, 0],
      [1e-6, 0.5],
      [1e-4, 1],
    ],
  );
  assert.equal(l2.position(1e-6), 0.5);
  assert.equal(l2.position(3), undefined);
  const many = scales.evenAxis({name: 'x', scale: 'linear'}, [0, 1, 2, 3, 4, 5, 10]);
  assert.equal(many.position(5), 0.5);
  assert.equal(scales.evenAxis({name: 'x', scale: 'linear'}, [1, 'auto']).kind, 'category');
});

test('folds of different sizes have their mean at epochs', () => {
  const c = configuration(0, [0.5, 0.6]);
  c.runs[0]!.curve = [1, 2].map((epoch) => ({step: 10 * epoch, epoch, scores: {roc_auc: 0.4}}));
  c.runs[1]!.curve = [1, 2].map((epoch) => ({step: 20 * epoch, epoch, scores: {roc_auc: 0.6}}));
  assert.deepEqual(scales.meanCurve(c, 'roc_auc'), [
    {step: 15, epoch: 1, value: 0.5},
    {step: 30, epoch: 2, value: 0.5},
  ]);
});

test('a logarithmic axis for what falls far, never for zero', () => {
  assert.equal(domains.wantsLog([2, 0.02]), true);
  assert.equal(domains.wantsLog([2, 1]), false);
  assert.equal(domains.wantsLog([2, 0]), false);
  assert.equal(domains.wantsLog([]), false);
});

test('ticks of a logarithmic axis', () => {
  assert.deepEqual(domains.logTicks([0.02, 2]), [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]);
  assert.deepEqual(domains.logTicks([0.0009, 5]), [0.001, 0.01, 0.1, 1]);
  assert.deepEqual(domains.logTicks([0.02, 8]), [0.03, 0.1, 0.3, 1, 3]);
  assert.deepEqual(domains.logTicks([0, NaN]), []);
});
