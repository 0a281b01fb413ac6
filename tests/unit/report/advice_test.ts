import assert from 'node:assert/strict';
import {test} from 'node:test';

import {advise} from '../../../coordinator/report/src/advice';
import type {Configuration, Job} from '../../../coordinator/report/src/types';
import {configuration, job, three} from './jobs';

const has = (of: Job, pattern: RegExp, timings = {}): boolean =>
  advise(of, timings).some((one) => pattern.test(one));

test('a clear winner is to be used', () => {
  assert.ok(has(three(0.001), /^Use configuration 1\.$/));
  assert.ok(has(three(0.4), /^Use configuration 1 if you need one now; more repeats/));
});

test('one that is level and cheaper is named', () => {
  const runs = Object.fromEntries(
    three(0.4).configurations.flatMap((c) =>
      c.runs.map((run) => [run.run, {seconds: c.id === 0 ? 1 : 4}]),
    ),
  );
  assert.ok(has(three(0.4), /^Configuration 0 is level with it at 25.% of the time/, {runs}));
  assert.ok(!has(three(0.001), /is level with it/, {runs}));

  const far = three(0.4);
  far.configurations[0]!.mean = {roc_auc: 0.6};
  assert.ok(!has(far, /is level with it/, {runs}), 'too few folds to tell is no bargain');
});

function searched(best: number): Job {
  const rates = [0.01, 0.1, 1];
  const made = rates.map((rate, id) =>
    configuration(id, [0.7, 0.7], {parameters: {'optimizer.learning_rate': rate}}),
  );
  return job(made, {
    choice: {best, chosen: best},
    parameters: [{name: 'optimizer.learning_rate', scale: 'log'}],
  });
}

test('a best value at the edge asks for a wider range', () => {
  assert.ok(has(searched(2), /^Widen the range of learning rate \(1 was the largest tried\)/));
  assert.ok(has(searched(0), /\(0\.01 was the smallest tried\)/));
  assert.ok(!has(searched(1), /Widen/));

  const penalties = searched(0);
  penalties.configurations[0]!.parameters = {'optimizer.learning_rate': 0};
  assert.ok(!has(penalties, /Widen/), 'nothing lies below 0');
});

function withCurve(values: number[], more: Partial<Configuration> = {}): Job {
  const only = configuration(0, [values.at(-1)!, values.at(-1)!], more);
  for (const run of only.runs) {
    run.curve = values.map((value, i) => ({step: 10 * (i + 1), scores: {roc_auc: value}}));
  }
  return job([only]);
}

test('a curve that still rises asks for more steps, one that fell for fewer', () => {
  assert.ok(has(withCurve([0.5, 0.6, 0.7, 0.75, 0.8, 0.84]), /^Train longer/));
  assert.ok(!has(withCurve([0.5, 0.8, 0.84, 0.84, 0.84, 0.84]), /Train longer|Stop earlier/));
  assert.ok(has(withCurve([0.5, 0.8, 0.84, 0.8, 0.78, 0.75]), /^Stop earlier.*step 30 of 60/));
  const noisy = {standard_deviation: {roc_auc: 0.5}};
  assert.ok(!has(withCurve([0.5, 0.8, 0.84, 0.8, 0.78, 0.75], noisy), /Stop earlier/));
});

test('a fold that stands out is named', () => {
  const made = (last: number): Job => job([configuration(0, [0.9, 0.91, 0.905, 0.902, last])]);
  assert.ok(has(made(0.7), /^Look at the data of fold 4: it scores 0\.7000/));
  assert.ok(!has(made(0.91), /fold 4/));
});

test('failures say their most frequent reason', () => {
  const made = three(0.01);
  made.configurations.push(
    configuration(3, [], {
      state: 'failed',
      runs: ['a', 'b', 'b'].map((reason, fold) => ({
        run: `c003-r0-f${fold}`,
        repeat: 0,
        fold,
        state: 'failed',
        reason,
      })),
    }),
  );
  assert.ok(has(made, /^3 runs failed, most often because: b\./));
  made.configurations[3]!.runs.forEach((run, i) => {
    run.reason = `the loss of step ${i} is not finite; lower it, or clip`;
  });
  assert.ok(
    has(
      made,
      /^3 runs failed, because: the loss of step 0 is not finite\. Lower it, or clip; or leave/,
    ),
  );
});

test('probabilities and thresholds', () => {
  const made = three(0.01);
  made.curves = {
    configuration: 1,
    calibration: [{class: 'yes', error: 0.08, bins: []}],
    threshold: {metric: 'f1', value: 0.3, score: 0.7},
  };
  assert.ok(has(made, /^Calibrate before .* 8.% on average/));
  assert.ok(has(made, /^Decide at 0\.30 instead of 0\.5 if F1/));
  made.curves.threshold!.applied = true;
  assert.ok(!has(made, /Decide/), 'it decides there already');
  assert.ok(!has(made, /class weights/));
  made.spec = 'training:\n  class_weights: balanced\n';
  assert.ok(has(made, /^Calibrate .* as class weights make them\.$/));
  made.spec = 'training:\n  class_weights: none\n';
  assert.ok(!has(made, /class weights/));
  made.curves = {
    configuration: 1,
    calibration: [{class: 'yes', error: 0.02, bins: []}],
    threshold: {metric: 'f1', value: 0.52, score: 0.7},
  };
  assert.ok(!has(made, /Calibrate|Decide/));
});

test('the class that is recognized least', () => {
  const made = job([configuration(0, [0.9, 0.9])]);
  made.curves = {
    configuration: 0,
    confusion: {
      classes: ['a', 'b', 'c'],
      counts: [
        [9, 1, 0],
        [0, 10, 0],
        [1, 3, 6],
      ],
    },
  };
  assert.ok(has(made, /class “c”: only 60.% of it is recognized; it is most often taken for “b”/));
});

test('when nothing stands out it says so', () => {
  assert.deepEqual(advise(job([configuration(0, [0.9, 0.9])]), {}), [
    'Nothing stands out: use the model as it is.',
  ]);
});
