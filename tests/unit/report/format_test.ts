import assert from 'node:assert/strict';
import {test} from 'node:test';

import * as format from '../../../coordinator/web/src/format';

test('scores', () => {
  const cases: [number | undefined, string][] = [
    [0.91163, '0.9116'],
    [1, '1.0000'],
    [0, '0.0000'],
    [-0.25, '−0.2500'],
    [0.00094, '0.00094'],
    [0.0000001, '1.0e−7'],
    [48.6012, '48.601'],
    [12345.6, '12\u202f346'],
    [1234567, '1.2346e+6'],
    [NaN, '–'],
    [undefined, '–'],
  ];
  for (const [value, text] of cases) assert.equal(format.score(value), text);
  assert.equal(format.signed(0.5), '+0.5000');
});

test('durations', () => {
  const cases: [number, string][] = [
    [0.0123, '12\u202fms'],
    [1.25, '1.3\u202fs'],
    [42.4, '42\u202fs'],
    [59.99, '60\u202fs'],
    [61, '1\u202fmin 1\u202fs'],
    [3599.9, '1\u202fh 0\u202fmin'],
    [7260, '2\u202fh 1\u202fmin'],
  ];
  for (const [seconds, text] of cases) assert.equal(format.duration(seconds), text);
});

test('parameters', () => {
  assert.equal(format.parameterValue(0.0000041234), '4.12e−6');
  assert.equal(format.parameterValue(0.05), '0.05');
  assert.equal(format.parameterValue(512), '512');
  assert.equal(format.parameterValue(false), 'false');
  assert.equal(format.parameterValue('layers'), 'layers');
  assert.equal(format.parameterValue(undefined), '–');
});

test('parameters are called by their last word unless two end alike', () => {
  const names = format.parameterNames([
    'optimizer.learning_rate',
    'optimizer.l2',
    'model.kind',
    'split.kind',
  ]);
  assert.deepEqual([...names.values()], ['learning rate', 'L2', 'model kind', 'split kind']);
});

test('words', () => {
  assert.equal(format.plural(1, 'run'), '1 run');
  assert.equal(format.plural(12345, 'class', 'classes'), '12\u202f345 classes');
  assert.equal(format.shortened('abcdef', 6), 'abcdef');
  assert.equal(format.shortened('class number 12', 10), 'class … 12');
  assert.equal(format.listed(['a', 'b', 'c']), 'a, b and c');
  assert.equal(format.pValue(0.00001), 'p < 0.001');
  assert.equal(format.metricName('roc_auc'), 'ROC-AUC');
  assert.equal(format.largerIsBetter('rmse'), false);
  assert.equal(format.largerIsBetter('f1'), true);
});

test('metrics have names, and a better side', () => {
  const names: [string, string, boolean][] = [
    ['roc_auc', 'ROC-AUC', true],
    ['roc_auc_ovo_weighted', 'ROC-AUC one-vs-one, weighted', true],
    ['average_precision', 'average precision', true],
    ['f0.5', 'F0.5', true],
    ['brier_score', 'Brier score', false],
    ['normalized_entropy', 'normalized entropy', false],
    ['calibration_error', 'calibration error', false],
    ['median_absolute_error', 'median absolute error', false],
    ['mape', 'MAPE', false],
    ['pinball_10', 'pinball loss at 10\u202f%', false],
    ['r2', 'R²', true],
  ];
  for (const [metric, name, larger] of names) {
    assert.equal(format.metricName(metric), name);
    assert.equal(format.largerIsBetter(metric), larger, metric);
  }
});

test('a minus wherever there is one', () => {
  assert.equal(format.signed(-1.6e-7), '−1.6e−7');
});

test('reasons say what went wrong, and what may help', () => {
  assert.deepEqual(format.causeAndRemedy('it broke; glue it, or not.'), [
    'it broke',
    'glue it, or not',
  ]);
  assert.deepEqual(format.causeAndRemedy('it broke'), ['it broke', '']);
});
