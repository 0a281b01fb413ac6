// Jobs and runs with the shapes that real ones have: scores that depend smoothly on parameters, folds
// that share their difficulty, curves that flatten, classifiers that separate two normal
// distributions. Equal on every machine: from a small generator and sums of it.

import {
  binaryCurves,
  curve,
  generator,
  rank,
  round,
  runName,
  summarizeConfiguration,
  timingsOf,
} from './shapes.mjs';

// Random search with halving on adult: twelve configurations, five folds.
export function binarySearch() {
  const random = generator(7);
  const metrics = ['accuracy', 'precision', 'recall', 'f1', 'roc_auc', 'log_loss'];
  const difficulty = Array.from({length: 5}, () => 0.0022 * random.normal());
  const rates = [0.003, 0.03, 0.3, 0.0008, 0.1, 0.012, 0.6, 0.05, 0.15, 0.006, 0.9, 0.08];
  const configurations = rates.map((rate, id) => {
    const l2 = round(10 ** (-6 + 4 * random.uniform()), 9);
    const batch = [64, 128, 256, 512][Math.floor(random.uniform() * 4)];
    const kind = id % 3 === 1 ? 'layers' : 'softmax';
    const distance = Math.log10(rate / 0.06);
    const quality = 0.9118 - 0.0075 * distance ** 2 - 0.9 * l2 + (kind === 'layers' ? 0.0007 : 0);
    const state = rate > 0.85 ? 'failed' : quality < 0.8955 ? 'halved' : 'done';
    const reason =
      state === 'failed'
        ? 'the loss is not finite at step 40; a smaller learning_rate may help'
        : '';
    const steps = state === 'halved' ? 400 : 3600;
    const runs = difficulty.map((shift, fold) => {
      const auc = quality + shift + 0.0006 * random.normal() - (state === 'halved' ? 0.004 : 0);
      const end = {
        roc_auc: round(auc),
        accuracy: round(0.8585 + 0.62 * (auc - 0.911) + 0.001 * random.normal()),
        precision: round(0.735 + 0.8 * (auc - 0.911) + 0.004 * random.normal()),
        recall: round(0.612 + 0.9 * (auc - 0.911) + 0.004 * random.normal()),
        f1: round(0.668 + 0.9 * (auc - 0.911) + 0.002 * random.normal()),
        log_loss: round(0.3085 - 1.1 * (auc - 0.911) + 0.001 * random.normal()),
        train_loss: 0.292 - 1.2 * (auc - 0.911),
      };
      const run = {
        run: runName(id, 0, fold),
        repeat: 0,
        fold,
        state,
        reason,
        train_examples: 39073 + Number(fold > 1),
        validation_examples: 9769 - Number(fold > 1),
        steps,
        epochs: round((steps * batch) / 39073, 2),
      };
      if (state === 'failed') return {...run, steps: 40, epochs: 0.1, scores: {}};
      const scores = Object.fromEntries(metrics.map((name) => [name, end[name]]));
      const start = {
        roc_auc: 0.71,
        accuracy: 0.76,
        precision: 0.4,
        recall: 0.3,
        f1: 0.36,
        log_loss: 0.55,
        train_loss: 0.3,
      };
      const points = state === 'halved' ? 4 : 24;
      return {
        ...run,
        scores,
        curve: curve({
          steps,
          epochs: run.epochs,
          points,
          end,
          start,
          rate: 7 + 2 * distance,
          metrics: scores,
          random,
        }),
      };
    });
    const configuration = {
      id,
      parameters: {
        'optimizer.learning_rate': rate,
        'optimizer.l2': l2,
        'training.batch': batch,
        'model.kind': kind,
      },
      state,
      reason,
      runs,
    };
    summarizeConfiguration(configuration, metrics);
    return configuration;
  });
  const best = rank(configurations, 'roc_auc', true);
  const curves = binaryCurves(random, 1.9, 1169, 3716, '>50K');
  const job = {
    ballast: '0.1.0',
    kind: 'search',
    name: 'adult-search',
    seed: 1,
    task: 'binary',
    classes: ['<=50K', '>50K'],
    metric: {name: 'roc_auc', larger_is_better: true},
    metrics,
    method: 'halving',
    split: {kind: 'stratified', folds: 5, repeats: 1},
    examples: 48842,
    parameters: [
      {name: 'optimizer.learning_rate', scale: 'log'},
      {name: 'optimizer.l2', scale: 'log'},
      {name: 'training.batch', scale: 'linear'},
      {name: 'model.kind', scale: 'category'},
    ],
    configurations,
    choice: {best: best.id, one_standard_error: best.id, chosen: best.id, rule: 'best'},
    curves: {
      configuration: best.id,
      roc: [curves.roc],
      precision_recall: [curves.precision_recall],
      calibration: [curves.calibration],
      confusion: {classes: ['<=50K', '>50K'], counts: curves.counts},
      threshold: curves.threshold,
    },
    refit: {
      directory: 'refit',
      digest: '5f2c9a1be07d4c3386f0a97e21d85b64c0be93f7a6d14852e37fb90c1d6a48e2',
      metrics: {test: {accuracy: 0.8588, roc_auc: 0.9116, log_loss: 0.3071}},
    },
  };
  const seconds = (c, run) =>
    (run.steps / 3600) *
    (2 + 900 / c.parameters['training.batch'] + (c.parameters['model.kind'] === 'layers' ? 4 : 0));
  return {job, timings: timingsOf(job, random, 4, seconds)};
}

// One configuration on digits, five folds repeated twice; ten classes.
export function multiclassCv() {
  const random = generator(21);
  const metrics = ['accuracy', 'f1', 'roc_auc', 'log_loss'];
  const classes = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
  const runs = [0, 1].flatMap((repeat) =>
    [0, 1, 2, 3, 4].map((fold) => {
      const accuracy = 0.9765 + 0.0062 * random.normal();
      const end = {
        accuracy: round(accuracy),
        f1: round(accuracy - 0.0006),
        roc_auc: round(0.9994 - 0.02 * (0.98 - accuracy)),
        log_loss: round(0.081 + 2.2 * (0.9765 - accuracy)),
        train_loss: 0.012,
      };
      const start = {accuracy: 0.72, f1: 0.7, roc_auc: 0.96, log_loss: 1.5, train_loss: 1.9};
      const scores = Object.fromEntries(metrics.map((name) => [name, end[name]]));
      return {
        run: runName(0, repeat, fold),
        repeat,
        fold,
        state: 'done',
        reason: '',
        train_examples: 1437,
        validation_examples: 360,
        steps: 920,
        epochs: 40,
        scores,
        curve: curve({
          steps: 920,
          epochs: 40,
          points: 40,
          end,
          start,
          rate: 8,
          metrics: scores,
          random,
        }),
      };
    }),
  );
  const configuration = {id: 0, parameters: {}, state: 'done', reason: '', runs};
  summarizeConfiguration(configuration, metrics);
  configuration.rank = 1;
  const confused = [
    [8, 1, 9],
    [1, 8, 6],
    [9, 5, 5],
    [3, 8, 4],
    [5, 9, 3],
    [7, 4, 2],
    [2, 3, 2],
    [4, 1, 2],
    [6, 0, 1],
    [9, 3, 4],
    [8, 3, 3],
  ];
  const counts = classes.map((_, i) => classes.map((__, j) => (i === j ? 356 : 0)));
  for (const [actual, predicted, n] of confused) {
    counts[actual][predicted] = n;
    counts[actual][actual] -= n;
  }
  const each = classes.map((name, i) =>
    binaryCurves(generator(50 + i), 4 + 0.25 * ((i * 7) % 10), 180, 1620, name),
  );
  const job = {
    ballast: '0.1.0',
    kind: 'cross_validation',
    name: 'digits-mlp',
    seed: 1,
    task: 'multiclass',
    classes,
    metric: {name: 'accuracy', larger_is_better: true},
    metrics,
    split: {kind: 'stratified', folds: 5, repeats: 2},
    examples: 1797,
    parameters: [],
    configurations: [configuration],
    choice: {best: 0, one_standard_error: 0, chosen: 0, rule: 'best'},
    curves: {
      configuration: 0,
      roc: each.map((e) => e.roc),
      precision_recall: each.map((e) => e.precision_recall),
      calibration: each.map((e) => e.calibration),
      confusion: {classes, counts},
    },
  };
  return {job, timings: timingsOf(job, random, 3, () => 1.1)};
}

// A grid of two ridge penalties by three rates for bike rentals by the hour; leave-one-month-out.
export function regressionGrid() {
  const random = generator(99);
  const metrics = ['rmse', 'mae', 'r2'];
  const folds = 6;
  const difficulty = Array.from({length: folds}, () => 5.5 * random.normal());
  const configurations = [0.003, 0.01, 0.03].flatMap((rate, i) =>
    [1e-5, 1e-3].map((l2, j) => {
      const id = 2 * i + j;
      const runs = difficulty.map((shift, fold) => {
        const rmse = 47 + 9 * (2 - i) ** 1.3 + (j ? 2.1 : 0) + shift + 1.2 * random.normal();
        const end = {
          rmse: round(rmse, 4),
          mae: round(0.66 * rmse, 4),
          r2: round(1 - (rmse / 181) ** 2),
          train_loss: 900,
        };
        const scores = Object.fromEntries(metrics.map((name) => [name, end[name]]));
        const start = {rmse: 190, mae: 140, r2: 0, train_loss: 17000};
        return {
          run: runName(id, 0, fold),
          repeat: 0,
          fold,
          state: 'done',
          reason: '',
          train_examples: 14482,
          validation_examples: 2897,
          steps: 1140,
          epochs: 20,
          scores,
          curve: curve({
            steps: 1140,
            epochs: 20,
            points: 20,
            end,
            start,
            rate: 2.2 + 1.5 * i,
            metrics: scores,
            random,
          }),
        };
      });
      const configuration = {
        id,
        parameters: {'optimizer.learning_rate': rate, 'optimizer.l2': l2},
        state: 'done',
        reason: '',
        runs,
      };
      summarizeConfiguration(configuration, metrics);
      return configuration;
    }),
  );
  const best = rank(configurations, 'rmse', false);
  const points = Array.from({length: 1500}, () => {
    const actual = Math.max(1, 190 + 181 * random.normal() * (0.6 + 0.4 * random.uniform()));
    return [
      Math.round(actual),
      round(Math.max(0, 14 + 0.93 * actual + (12 + 0.17 * actual) * random.normal()), 2),
    ];
  });
  const residuals = points.map(([actual, predicted]) => predicted - actual).sort((a, b) => a - b);
  const quantiles = Array.from({length: 19}, (_, i) => [
    round((i + 1) / 20, 2),
    round(residuals[Math.floor((residuals.length * (i + 1)) / 20)], 2),
  ]);
  const job = {
    ballast: '0.1.0',
    kind: 'search',
    name: 'bikes',
    seed: 3,
    task: 'regression',
    metric: {name: 'rmse', larger_is_better: false},
    metrics,
    method: 'grid',
    split: {kind: 'grouped', folds, repeats: 1},
    examples: 17379,
    parameters: [
      {name: 'optimizer.learning_rate', scale: 'log'},
      {name: 'optimizer.l2', scale: 'log'},
    ],
    configurations,
    choice: {best: best.id, one_standard_error: 5, chosen: 5, rule: 'one_standard_error'},
    curves: {configuration: 5, regression: {points, residual_quantiles: quantiles}},
    nested: {
      outer: [0, 1, 2].map((fold) => ({
        fold,
        chosen: fold === 1 ? 5 : 4,
        scores: {rmse: round(48.4 + 2 * random.normal(), 3), mae: 33.1, r2: 0.92},
      })),
    },
    spec: 'name: bikes\nseed: 3\ndata:\n  train: hour.csv\n  label: cnt\nmodel: linear\ncross_validation: {split: grouped, folds: 6, group: month}\nsearch:\n  method: grid\n  choose: one_standard_error\n  parameters:\n    optimizer.learning_rate: [0.003, 0.01, 0.03]\n    optimizer.l2: [1.0e-5, 1.0e-3]\n',
  };
  return {job, timings: timingsOf(job, random, 2, (c) => 22 + 3 * c.id)};
}

// Every run failed, and names that would be markup if anybody let them.
export function failedJob() {
  const reason =
    '<img src=x onerror=alert(1)> the loss is not finite at step 12; a smaller learning_rate may help';
  const job = {
    ballast: '0.1.0',
    kind: 'search',
    name: '</script><script>document.title="broken"</script>',
    seed: 1,
    task: 'binary',
    classes: ['no', 'yes'],
    metric: {name: 'roc_auc', larger_is_better: true},
    metrics: ['roc_auc', 'accuracy'],
    split: {kind: 'k_fold', folds: 3, repeats: 1},
    examples: 300,
    parameters: [{name: 'optimizer.learning_rate', scale: 'log'}],
    configurations: [100, 1000].map((rate, id) => ({
      id,
      parameters: {'optimizer.learning_rate': rate},
      state: 'failed',
      reason,
      runs: [0, 1, 2].map((fold) => ({
        run: runName(id, 0, fold),
        repeat: 0,
        fold,
        state: 'failed',
        reason,
        train_examples: 200,
        validation_examples: 100,
      })),
    })),
    choice: {},
  };
  return {job, timings: {}};
}

export function emptyJob() {
  return {
    job: {
      ballast: '0.1.0',
      kind: 'cross_validation',
      name: 'nothing',
      task: 'regression',
      metric: {name: 'rmse', larger_is_better: false},
      metrics: ['rmse'],
      split: {kind: 'given'},
      parameters: [],
      configurations: [],
    },
    timings: {},
  };
}

export const fixtures = {
  'binary-search': binarySearch,
  'multiclass-cv': multiclassCv,
  'regression-grid': regressionGrid,
  failed: failedJob,
  empty: emptyJob,
};
