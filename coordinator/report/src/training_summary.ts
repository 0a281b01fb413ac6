// A training run in words. Pure.

import {
  capitalized,
  count,
  largerIsBetter,
  metricName,
  percent,
  plural,
  score,
} from '../../web/src/format';
import type {Summary} from './summary';
import type {HistoryLine, Scores, Task, Training} from './types';

// The metric to name first of those that a split has.
export function leadingMetric(task: Task, scores: Scores | undefined): string | undefined {
  const order =
    task === 'regression'
      ? ['rmse', 'mae', 'r2', 'loss']
      : task === 'binary'
        ? ['roc_auc', 'accuracy', 'log_loss', 'loss']
        : ['accuracy', 'roc_auc', 'log_loss', 'loss'];
  return order.find((name) => scores?.[name] !== undefined);
}

// The split that says most about data the model has not seen, and was not chosen by.
export function tellingSplit(metrics: Training['metrics']): string | undefined {
  return ['test', 'validation', 'train'].find((split) => metrics?.[split] !== undefined);
}

export function stepsReached(training: Training): number {
  return training.history.reduce((most, line) => Math.max(most, line.step), 0);
}

export function summarizeTraining(training: Training): Summary {
  const split = tellingSplit(training.metrics);
  const scores = split === undefined ? undefined : training.metrics?.[split];
  return {
    headline: headline(training, split, leadingMetric(training.task, scores)),
    tiles: tiles(training),
    facts: [
      {term: 'What was trained', text: trained(training)},
      {term: 'How well it does', text: quality(training)},
      {term: 'When it says yes', text: decision(training)},
      {term: 'Does it generalize', text: generalization(training)},
    ].filter((fact) => fact.text !== ''),
  };
}

function headline(
  training: Training,
  split: string | undefined,
  metric: string | undefined,
): string {
  if (training.state !== 'done') return 'This run is not finished.';
  if (split === undefined || metric === undefined) return 'The run is done; nothing was measured.';
  const value = score(training.metrics?.[split]?.[metric]);
  return `${capitalized(metricName(metric))} ${value} on the ${split} examples.`;
}

function trained(training: Training): string {
  const steps = stepsReached(training);
  const epochs = training.history.reduce((most, line) => Math.max(most, line.epoch ?? 0), 0);
  const examples = training.examples?.['train'];
  const task = {binary: 'two classes', multiclass: 'classes', regression: 'a number'}[
    training.task
  ];
  const classes = training.classes?.length ?? 0;
  const what =
    training.task === 'multiclass' && classes > 0 ? plural(classes, 'class', 'classes') : task;
  const on = examples === undefined ? '' : ` on ${plural(examples, 'example')}`;
  const of =
    training.state !== 'done' && training.steps !== undefined ? ` of ${count(training.steps)}` : '';
  const went =
    steps === 0 ? '' : ` It has taken ${count(steps)}${of} steps in ${plural(epochs, 'epoch')}.`;
  return `A model that predicts ${what}, trained${on}.${went}`;
}

function quality(training: Training): string {
  const split = tellingSplit(training.metrics);
  const scores = split === undefined ? undefined : training.metrics?.[split];
  if (split === undefined || !scores) return '';
  const said = Object.entries(scores)
    .filter(([name]) => name !== 'loss')
    .slice(0, 4)
    .map(([name, value]) => `${metricName(name)} ${score(value)}`);
  return said.length === 0 ? '' : `On the ${split} examples: ${said.join(', ')}.`;
}

// How to read the table of final metrics.
export function finalNotes(training: Training): string[] {
  const weighed = training.class_weights
    ? 'The training loss weighs the classes, that of other examples does not.'
    : '';
  return [decision(training), weighed].filter((one) => one !== '');
}

function decision({threshold, classes}: Training): string {
  if (!threshold) return '';
  const yes = classes?.[1] === undefined ? 'positive' : `“${classes[1]}”`;
  const on =
    threshold.chosen_on === 'validation'
      ? 'the validation examples'
      : 'held-out examples of the folds';
  return (
    `An output above ${threshold.value.toFixed(2)} counts as ${yes}: there ${metricName(threshold.metric)} was ` +
    `highest on ${on}, ${score(threshold.score)}. Curves, and figures of the training examples, are at 0.5.`
  );
}

// Loss is measured on every split; on training examples with dropout and before the epoch's end.
// Where classes are weighed, or the cut is another, the figures of the two are of different things.
function generalization(training: Training): string {
  const seen = training.metrics?.['train'];
  const split = tellingSplit(training.metrics);
  const unseen = split === undefined || split === 'train' ? undefined : training.metrics?.[split];
  if (training.class_weights) return '';
  const metric = training.task === 'regression' || training.threshold ? 'loss' : 'accuracy';
  const [a, b] = [seen?.[metric], unseen?.[metric]];
  if (a === undefined || b === undefined) return '';
  const name = metricName(metric);
  const values = `${name} is ${score(a)} on the training examples and ${score(b)} on the ${split} examples`;
  const worse = largerIsBetter(metric) ? a - b : (b - a) / Math.max(Math.abs(a), 1e-12);
  if (worse > (largerIsBetter(metric) ? 0.05 : 0.5)) {
    return `Partly: ${values}, so it has learnt some of its examples by heart.`;
  }
  return `Yes: ${values}.`;
}

export function adviseTraining(training: Training): string[] {
  if (training.state !== 'done') {
    return ['Go on with it by `ballast resume`, and make this report again when it is done.'];
  }
  const lines = training.history.filter((line) => line.validation?.['loss'] !== undefined);
  const losses = lines.map((line) => line.validation!['loss']!);
  const advice = losses.length < 5 ? [] : onLosses(lines, losses);
  if (!training.metrics?.['test']) {
    advice.push(
      'Give a test file (data.test) to learn how it does on examples that decided nothing.',
    );
  }
  return advice.length > 0 ? advice : ['Nothing stands out: use the model as it is.'];
}

function onLosses(lines: HistoryLine[], losses: number[]): string[] {
  const end = losses.at(-1)!;
  const low = Math.min(...losses);
  const best = lines[losses.indexOf(low)]!;
  const before = losses[Math.floor((losses.length - 1) * 0.8)]!;
  const rise = (end - low) / Math.max(low, 1e-12);
  if (rise > 0.1) {
    return [
      `Stop earlier or regularize more: the validation loss was lowest after epoch ${best.epoch ?? '–'} and is ${percent(rise)} higher at the end.`,
    ];
  }
  if (before - end > 0.05 * (losses[0]! - end)) {
    return ['Train longer: the validation loss was still falling at the end.'];
  }
  return [];
}

export function splitsOf(training: Training): string[] {
  return ['train', 'validation', 'test'].filter((split) => training.metrics?.[split] !== undefined);
}

function tiles(training: Training): Summary['tiles'] {
  const all = splitsOf(training)
    .reverse()
    .map((split) => {
      const scores = training.metrics![split]!;
      const metric = leadingMetric(training.task, scores);
      const examples = training.examples?.[split];
      return {
        label: `${capitalized(split)} ${metricName(metric ?? '')}`,
        value: score(metric === undefined ? undefined : scores[metric]),
        note: examples === undefined ? '' : plural(examples, 'example'),
      };
    });
  const steps = stepsReached(training);
  const of = training.state !== 'done' && training.steps ? ` of ${count(training.steps)}` : '';
  all.push({
    label: 'Steps',
    value: `${count(steps)}${of}`,
    note: training.state === 'done' ? 'finished' : 'not finished',
  });
  return all;
}
