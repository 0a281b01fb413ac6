// Small jobs to ask questions about.

import type {Configuration, Job, Training} from '../../../coordinator/report/src/types';

export function configuration(
  id: number,
  scores: number[],
  more: Partial<Configuration> = {},
): Configuration {
  const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
  return {
    id,
    parameters: {},
    state: 'done',
    mean: {roc_auc: mean},
    standard_deviation: {roc_auc: 0.01},
    runs: scores.map((score, fold) => ({
      run: `c00${id}-r0-f${fold}`,
      repeat: 0,
      fold,
      state: 'done',
      scores: {roc_auc: score},
    })),
    ...more,
  };
}

export function job(configurations: Configuration[], more: Partial<Job> = {}): Job {
  return {
    kind: 'search',
    name: 'small',
    task: 'binary',
    classes: ['no', 'yes'],
    metric: {name: 'roc_auc', larger_is_better: true},
    metrics: ['roc_auc'],
    split: {kind: 'stratified', folds: 2, repeats: 1},
    parameters: [],
    configurations,
    ...more,
  };
}

// Configuration 1 is best, 0 next with the given p, 2 clearly worse.
export function three(p: number): Job {
  const versus = (difference: number, of: number): Partial<Configuration> => ({
    versus_best: {difference, t: -1, p: of},
  });
  return job(
    [
      configuration(0, [0.8, 0.84], {rank: 2, ...versus(-0.02, p)}),
      configuration(1, [0.82, 0.86], {rank: 1, interval: {roc_auc: [0.8, 0.88]}}),
      configuration(2, [0.6, 0.62], {rank: 3, ...versus(-0.23, 0.0004)}),
    ],
    {choice: {best: 1, one_standard_error: 1, chosen: 1, rule: 'best'}, examples: 100},
  );
}

export function training(more: Partial<Training> = {}): Training {
  return {
    kind: 'training',
    state: 'done',
    name: 'run',
    task: 'multiclass',
    classes: ['a', 'b', 'c'],
    steps: 20,
    spec: 'name: run\n',
    digest: 'ab',
    examples: {train: 1000, validation: 100, test: 50},
    metrics: {
      train: {loss: 0.1, accuracy: 0.98},
      test: {accuracy: 0.97, roc_auc: 0.99, loss: 0.12},
    },
    history: [
      {step: 10, epoch: 1, train: {loss: 0.4}, validation: {loss: 0.5}},
      {step: 20, epoch: 2, train: {loss: 0.1}, validation: {loss: 0.2}},
    ],
    ...more,
  };
}
