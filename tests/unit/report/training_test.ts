import assert from 'node:assert/strict';
import {test} from 'node:test';

import {
  adviseTraining,
  finalNotes,
  summarizeTraining,
} from '../../../coordinator/report/src/training_summary';
import type {HistoryLine} from '../../../coordinator/report/src/types';
import {training} from './jobs';

const fact = (of: ReturnType<typeof summarizeTraining>, term: string): string =>
  of.facts.find((one) => one.term === term)?.text ?? 'no such fact';

test('a finished run', () => {
  const summary = summarizeTraining(training());
  assert.equal(summary.headline, 'Accuracy 0.9700 on the test examples.');
  assert.equal(
    fact(summary, 'What was trained'),
    'A model that predicts 3 classes, trained on 1\u202f000 examples. It has taken 20 steps in 2 epochs.',
  );
  assert.equal(
    fact(summary, 'How well it does'),
    'On the test examples: accuracy 0.9700, ROC-AUC 0.9900.',
  );
  assert.match(
    fact(summary, 'Does it generalize'),
    /^Yes: accuracy is 0\.9800 .* and 0\.9700 on the test examples\.$/,
  );
});

test('a model that knows its examples by heart', () => {
  const metrics = {train: {accuracy: 0.99}, validation: {accuracy: 0.8}};
  assert.match(fact(summarizeTraining(training({metrics})), 'Does it generalize'), /^Partly/);
});

test('a run that is not finished', () => {
  const run = training({state: 'unfinished', steps: 400});
  delete run.digest;
  delete run.metrics;
  const summary = summarizeTraining(run);
  assert.equal(summary.headline, 'This run is not finished.');
  assert.equal(summary.tiles.at(-1)?.value, '20 of 400');
  assert.match(adviseTraining(run)[0] ?? '', /ballast resume/);
});

test('a run of a job has metrics and no model', () => {
  const run = training();
  delete run.digest;
  assert.equal(summarizeTraining(run).headline, 'Accuracy 0.9700 on the test examples.');
});

const losses = (values: number[]): HistoryLine[] =>
  values.map((loss, i) => ({step: 10 * (i + 1), epoch: i + 1, validation: {loss}}));

test('advice follows the validation loss', () => {
  const advice = (values: number[]): string =>
    adviseTraining(training({history: losses(values)})).join(' ');
  assert.match(advice([1, 0.5, 0.4, 0.5, 0.6]), /Stop earlier.* after epoch 3 and is 50.% higher/);
  assert.match(advice([1, 0.8, 0.6, 0.4, 0.2]), /Train longer/);
  assert.match(advice([1, 0.5, 0.4, 0.4, 0.4]), /Nothing stands out/);
});

test('a threshold of its own', () => {
  const threshold = {metric: 'f1', value: 0.7, score: 0.69, chosen_on: 'validation' as const};
  const summary = summarizeTraining(training({threshold, task: 'binary', classes: ['no', 'yes']}));
  assert.match(
    fact(summary, 'When it says yes'),
    /^An output above 0\.70 counts as “yes”: there F1 was highest on the validation examples, 0\.6900\./,
  );
  // Accuracy is at 0.5 on the training examples alone.
  assert.match(fact(summary, 'Does it generalize'), /^Yes: loss is 0\.1000 .* and 0\.1200 on/);
  assert.equal(fact(summarizeTraining(training()), 'When it says yes'), 'no such fact');
});

test('class weights make training figures of another kind', () => {
  const weighed = training({class_weights: true});
  assert.equal(fact(summarizeTraining(weighed), 'Does it generalize'), 'no such fact');
  assert.match(finalNotes(weighed).join(' '), /training loss weighs the classes/);
  assert.deepEqual(finalNotes(training()), []);
});
