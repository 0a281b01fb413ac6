import assert from 'node:assert/strict';
import {test} from 'node:test';

import {standings} from '../../../coordinator/dashboard/src/standings';
import type {RunResult, Runs} from '../../../coordinator/dashboard/src/types';

function run(configuration: number | null, score: number | null, state = 'done'): RunResult {
  const reason = state === 'failed' ? 'the loss is not finite' : null;
  return {run: 'r', configuration, state: state as RunResult['state'], reason, step: 1, score};
}

function runs(larger: boolean, ...all: RunResult[]): Runs {
  return {
    metric: 'loss',
    larger_is_better: larger,
    parameters: [],
    configurations: [],
    runs: all,
  };
}

const order = (of: Runs): number[] => standings(of).map(({id}) => id);

test('the best comes first, by the mean of what there is', () => {
  const all = [run(0, 0.5), run(0, 0.7), run(1, 0.4), run(2, 0.9), run(null, 0)];
  assert.deepEqual(order(runs(true, ...all)), [2, 0, 1]);
  assert.deepEqual(order(runs(false, ...all)), [1, 0, 2]);
  assert.equal(standings(runs(true, ...all))[1]!.mean, 0.6);
});

test('equal ones stand by their number', () => {
  assert.deepEqual(order(runs(true, run(3, 1), run(1, 1))), [1, 3]);
});

test('what has no score yet, or failed, comes last', () => {
  const all = runs(
    true,
    run(0, null, 'under_way'),
    run(1, 0.9),
    run(1, null, 'failed'),
    run(2, 0.1),
  );
  const [best, first, failed] = standings(all);
  assert.deepEqual([best!.id, first!.id, failed!.id], [2, 0, 1]);
  assert.deepEqual([first!.ended, first!.underWay], [0, 1]);
  assert.equal(failed!.mean, undefined);
  assert.equal(failed!.failure, 'the loss is not finite');
  assert.equal(failed!.ended, 2);
});
