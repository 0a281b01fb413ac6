// How the configurations of a search stand, by the runs that have ended.

import type {Runs} from './types';

export interface Standing {
  id: number;
  mean: number | undefined; // Of the scores there are.
  ended: number;
  underWay: number;
  failure: string; // Of the first run that failed; empty: none did.
}

// The best first; then those without a score. What one failed run leaves of a mean does not count.
export function standings(runs: Runs): Standing[] {
  const found = new Map<number, Standing & {scores: number[]}>();
  for (const run of runs.runs) {
    if (run.configuration === null) continue;
    const id = run.configuration;
    const one = found.get(id) ?? {
      id,
      mean: undefined,
      ended: 0,
      underWay: 0,
      failure: '',
      scores: [],
    };
    found.set(id, one);
    if (run.state === 'under_way') one.underWay += 1;
    else one.ended += 1;
    if (run.state === 'failed' && one.failure === '') one.failure = run.reason || 'no reason given';
    if (run.score !== null) one.scores.push(run.score);
  }
  const sign = runs.larger_is_better ? -1 : 1;
  const all = [...found.values()].map(({scores, ...one}) => ({
    ...one,
    mean:
      one.failure === '' && scores.length > 0
        ? scores.reduce((a, b) => a + b, 0) / scores.length
        : undefined,
  }));
  return all.sort((a, b) => {
    if (a.mean === undefined || b.mean === undefined) {
      return Number(a.mean === undefined) - Number(b.mean === undefined) || a.id - b.id;
    }
    return sign * (a.mean - b.mean) || a.id - b.id;
  });
}
