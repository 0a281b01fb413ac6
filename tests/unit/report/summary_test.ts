import assert from 'node:assert/strict';
import {test} from 'node:test';

import {summarize} from '../../../coordinator/report/src/summary';
import type {Unfinished} from '../../../coordinator/report/src/types';
import {configuration, job, three} from './jobs';

const fact = (of: ReturnType<typeof summarize>, term: string): string =>
  of.facts.find((one) => one.term === term)?.text ?? 'no such fact';

test('a search whose winner is ahead by more than chance', () => {
  const summary = summarize(three(0.012), {seconds: 75});
  assert.equal(summary.headline, 'Configuration 1 won, with a ROC-AUC of 0.8400.');
  assert.equal(
    fact(summary, 'What was tried'),
    '3 configurations were trained on 2 stratified folds made of 100 examples: 6 runs, all finished. It took 1\u202fmin 15\u202fs.',
  );
  assert.equal(
    fact(summary, 'What won'),
    'Configuration 1: ROC-AUC 0.8400 on average over 2 folds (95\u202f% interval 0.8000 to 0.8800). ' +
      'It is ahead of the next one, configuration 0, by 0.0200.',
  );
  assert.equal(
    fact(summary, 'Is it real'),
    'Yes: configuration 1 beats configuration 0 by more than the folds vary (p = 0.012, corrected resampled t-test). The same holds for all others.',
  );
});

test('a search whose winner may owe it to chance', () => {
  const summary = summarize(three(0.34), {});
  assert.match(
    fact(summary, 'Is it real'),
    /^Not for certain: .*p = 0\.34.* 1 of the 2 others cannot be told from the best\.$/,
  );
  const level = summary.tiles.find((tile) => tile.label === 'Level with the best');
  assert.equal(level?.value, '1 of 2');
  assert.match(
    summary.tiles.find((tile) => tile.label === 'Lead over the next')?.note ?? '',
    /could be chance/,
  );
});

test('a nested search says what the search is worth', () => {
  const nested = {
    mean: {roc_auc: 0.83},
    interval: {roc_auc: [0.79, 0.87] as [number, number]},
    outer: [
      {fold: 0, chosen: 1, scores: {roc_auc: 0.82}},
      {fold: 1, chosen: 1, scores: {roc_auc: 0.84}},
    ],
  };
  const said = (of: typeof nested.outer): string =>
    fact(
      summarize({...three(0.3), nested: {...nested, outer: of}}, {}),
      'What the search is worth',
    );
  assert.equal(
    said(nested.outer),
    'ROC-AUC of the whole search on outer folds that had no say in it: 0.8300 on average (95\u202f% interval 0.7900 to 0.8700), ' +
      'where the winner’s own score is 0.8400. Configuration 1 was chosen in all of them.',
  );
  assert.match(
    said([nested.outer[0]!, {fold: 1, chosen: 0, scores: {roc_auc: 0.84}}]),
    / 2 configurations were chosen in 2 folds\.$/,
  );
  const unscored = {fold: 1, scores: {}} as (typeof nested.outer)[0];
  assert.match(
    said([nested.outer[0]!, unscored]),
    /1 of 2 folds have a score, so there is no average\.$/,
  );
  assert.equal(fact(summarize(three(0.3), {}), 'What the search is worth'), 'no such fact');
});

test('a winner ahead of the next, but not of one that varies much', () => {
  const made = three(0.012);
  made.configurations[2]!.versus_best!.p = 0.2;
  assert.match(
    fact(summarize(made, {}), 'Is it real'),
    /^Yes: .* 1 of the 2 others, though further behind, varies too much from fold to fold to be told from it\.$/,
  );
});

test('the runs of nested searches are counted apart', () => {
  const nested = {outer: [{fold: 0, chosen: 1, scores: {roc_auc: 0.82}}]};
  const seconds = {seconds: 1};
  const runs = {'c000-r0-f0': seconds, 'r0-f0-c000-r0-f0': seconds, 'r0-f0-c001-r0-f0': seconds};
  const summary = summarize({...three(0.3), nested}, {runs});
  assert.match(fact(summary, 'What was tried'), /took 2 more runs\.$/);
  const tile = summary.tiles.find((one) => one.label === 'Runs finished');
  assert.equal(tile?.value, '6');
  assert.equal(tile?.note, '3 configurations, 2 folds; 2 more within');
  assert.doesNotMatch(fact(summarize(three(0.3), {runs}), 'What was tried'), /more runs/);
});

test('how a search went', () => {
  const parameters = [{name: 'optimizer.l2', scale: 'log' as const}];
  const said = (method: 'grid' | 'random' | 'halving'): string =>
    fact(summarize({...three(0.3), parameters, method}, {}), 'What was tried');
  assert.match(said('grid'), /^3 configurations from a grid over L2 were trained on/);
  assert.match(said('random'), /^3 configurations from random draws over L2 were trained on/);
  assert.match(said('halving'), /draws over L2, raced by halving, were trained on/);
});

test('a threshold that was asked for is a fact', () => {
  const threshold = {metric: 'f1', value: 0.3, score: 0.7};
  const said = (applied: boolean): string =>
    fact(
      summarize(
        {...three(0.3), curves: {configuration: 1, threshold: {...threshold, applied}}},
        {},
      ),
      'When it says yes',
    );
  assert.match(said(true), /^An output above 0\.30 counts as “yes”: there F1 was highest/);
  assert.equal(said(false), 'no such fact');
});

test('what a budget left undone is said first', () => {
  const of = (unfinished: object): string =>
    fact(
      summarize({...three(0.3), unfinished: {refit: false, ...unfinished} as Unfinished}, {}),
      'What is missing',
    );
  assert.equal(
    of({budget: 'job.steps', limit: 900, runs: 3, refit: true, depends_on_time: false}),
    'Its budget of 900 steps did not reach for 3 runs and the training of the chosen configuration on all examples (job.steps). ' +
      'The same is left out each time, so these results are the job’s at this budget.',
  );
  assert.match(
    of({budget: 'job.seconds', limit: 60, runs: 1, depends_on_time: true}),
    /did not reach for 1 run \(job\.seconds\)\. Which ones depends on how fast the machines were/,
  );
  assert.equal(fact(summarize(three(0.3), {}), 'What is missing'), 'no such fact');
});

test('the threshold itself is not significant', () => {
  assert.match(fact(summarize(three(0.05), {}), 'Is it real'), /^Not for certain/);
  assert.match(fact(summarize(three(0.0499), {}), 'Is it real'), /^Yes/);
});

test('the one-standard-error rule takes another than the best', () => {
  const summary = summarize(
    {...three(0.3), choice: {best: 1, chosen: 0, rule: 'one_standard_error'}},
    {},
  );
  assert.equal(summary.headline, 'Configuration 0 was chosen, with a ROC-AUC of 0.8200.');
  assert.match(
    fact(summary, 'What won'),
    /Configuration 1 scored 0\.8400, but by the one-standard-error rule/,
  );
  assert.equal(summary.tiles.find((tile) => tile.label === 'Behind the best')?.value, '0.0200');
});

test('one configuration has nothing to compare with', () => {
  const summary = summarize(
    job([configuration(0, [0.8, 0.9])], {
      kind: 'cross_validation',
      split: {kind: 'k_fold', folds: 2, repeats: 3},
    }),
    {},
  );
  assert.equal(summary.headline, 'ROC-AUC 0.8500 on average over 2 folds, repeated 3 times.');
  assert.match(fact(summary, 'What came out'), /Single folds lie between 0\.8000 and 0\.9000\.$/);
  assert.equal(fact(summary, 'Is it real'), 'no such fact');
});

test('where less is better the least wins', () => {
  const made = job([configuration(0, [3, 3]), configuration(1, [2, 2])], {
    metric: {name: 'rmse', larger_is_better: false},
    task: 'regression',
  });
  for (const c of made.configurations) c.mean = {rmse: c.mean!['roc_auc']!};
  assert.equal(summarize(made, {}).headline, 'Configuration 1 won, with an RMSE of 2.0000.');
  assert.equal(
    fact(summarize(made, {}), 'Is it real'),
    'No test was made: it takes two folds or more.',
  );
});

test('nothing finished, or nothing was there', () => {
  const failed = configuration(0, [0.5], {state: 'failed'});
  delete failed.mean;
  failed.runs = failed.runs.map(({run, repeat, fold}) => ({
    run,
    repeat,
    fold,
    state: 'failed',
    reason: 'x',
  }));
  const summary = summarize(job([failed]), {});
  assert.equal(summary.headline, 'No configuration finished.');
  assert.match(fact(summary, 'What was tried'), /1 run, of which 1 failed\.$/);
  assert.equal(summarize(job([]), {}).headline, 'Nothing was run.');
});
