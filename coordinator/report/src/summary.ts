// The report in words: what was tried, what won, whether that is more than chance. What to do about
// it is in advice.ts. Pure, so that every sentence has a test.

import {
  capitalized,
  count,
  duration,
  listed,
  metricName,
  parameterNames,
  parameterValue,
  plural,
  pValue,
  score,
} from '../../web/src/format';
import {inOrder} from './scales';
import type {Configuration, Job, Nested, Timings, Unfinished} from './types';

export const kSignificance = 0.05;

export interface Tile {
  label: string;
  value: string;
  note: string;
}

export interface Summary {
  headline: string;
  tiles: Tile[];
  facts: {term: string; text: string}[];
}

// A configuration's scores in the metric that the job is decided by.
export function meanOf(job: Job, configuration: Configuration | undefined): number | undefined {
  return configuration?.mean?.[job.metric.name];
}

export function configurationOf(job: Job, id: number | undefined): Configuration | undefined {
  return job.configurations.find((c) => c.id === id);
}

export function ranked(job: Job): Configuration[] {
  return inOrder(job).filter((c) => c.state === 'done' && meanOf(job, c) !== undefined);
}

export function bestOf(job: Job): Configuration | undefined {
  return configurationOf(job, job.choice?.best) ?? ranked(job)[0];
}

export function chosenOf(job: Job): Configuration | undefined {
  return configurationOf(job, job.choice?.chosen) ?? bestOf(job);
}

// Whether the folds cannot tell a configuration from the best. Unknown where no test was made.
export function isLevel(configuration: Configuration): boolean | undefined {
  const p = configuration.versus_best?.p;
  return p === undefined ? undefined : p >= kSignificance;
}

export function levelWithBest(job: Job): Configuration[] {
  const best = bestOf(job);
  return ranked(job).filter((c) => c !== best && isLevel(c) === true);
}

export function runsOf(job: Job): Configuration['runs'] {
  return job.configurations.flatMap((c) => c.runs);
}

export function described(job: Job, configuration: Configuration): string {
  const names = parameterNames(job.parameters.map((p) => p.name));
  return job.parameters
    .filter((p) => configuration.parameters[p.name] !== undefined)
    .map((p) => `${names.get(p.name)} ${parameterValue(configuration.parameters[p.name])}`)
    .join(', ');
}

export function summarize(job: Job, timings: Timings): Summary {
  return {
    headline: headline(job),
    tiles: tiles(job, timings),
    facts: [
      {term: 'What is missing', text: job.unfinished ? missing(job.unfinished) : ''},
      {term: 'What was tried', text: tried(job, timings)},
      {term: job.configurations.length > 1 ? 'What won' : 'What came out', text: won(job)},
      {term: 'Is it real', text: certainty(job)},
      {term: 'When it says yes', text: decision(job)},
      {term: 'What the search is worth', text: job.nested ? nestedText(job, job.nested) : ''},
    ].filter((fact) => fact.text !== ''),
  };
}

function headline(job: Job): string {
  const chosen = chosenOf(job);
  const mean = meanOf(job, chosen);
  const metric = metricName(job.metric.name);
  if (!chosen || mean === undefined) {
    return job.configurations.length === 0 ? 'Nothing was run.' : 'No configuration finished.';
  }
  if (job.configurations.length === 1) {
    return `${capitalized(metric)} ${score(mean)} on average over ${folds(job)}.`;
  }
  const verb = chosen === bestOf(job) ? 'won' : 'was chosen';
  return `Configuration ${chosen.id} ${verb}, with ${article(metric)} ${metric} of ${score(mean)}.`;
}

// By ear: "an F1", "an RMSE", "a ROC-AUC".
function article(word: string): string {
  return /^([aeiou]|F1|R²|RMSE|MAE|MSE)/.test(word) ? 'an' : 'a';
}

function folds(job: Job): string {
  const {split} = job;
  const runs = Math.max(0, ...job.configurations.map((c) => c.runs.length));
  const repeats = split.repeats ?? 1;
  const number = split.folds ?? Math.round(runs / repeats);
  const text = plural(number, 'fold');
  return repeats > 1 ? `${text}, repeated ${count(repeats)} times` : text;
}

const kSplits: Record<string, string> = {
  k_fold: '',
  stratified: 'stratified',
  grouped: 'grouped',
  stratified_grouped: 'stratified, grouped',
  leave_one_group_out: 'leave-one-group-out',
  shuffled: 'shuffled',
  stratified_shuffled: 'stratified, shuffled',
  expanding: 'expanding-window',
  sliding: 'sliding-window',
  given: 'given',
};

function tried(job: Job, timings: Timings): string {
  const runs = runsOf(job);
  if (runs.length === 0) return 'The job holds no run.';
  const kind = kSplits[job.split.kind] ?? job.split.kind;
  const over = folds(job).replace(' fold', kind === '' ? ' fold' : ` ${kind} fold`);
  const what =
    job.configurations.length === 1
      ? 'One configuration was trained'
      : `${plural(job.configurations.length, 'configuration')}${searched(job)} were ${job.unfinished ? 'to be ' : ''}trained`;
  const on = job.examples === undefined ? '' : ` made of ${plural(job.examples, 'example')}`;
  const time = timings.seconds === undefined ? '' : ` It took ${duration(timings.seconds)}.`;
  return `${what} on ${over}${on}: ${plural(runs.length, 'run')}${outcome(job)}.${innerText(job, timings)}${time}`;
}

// Runs that have no score in this report: those within each training part of a nested search. Where
// the outer race gave up what they chose, its run (r0-f1-outer) is one of them.
export function innerRuns(job: Job, timings: Timings): string[] {
  if (!job.nested) return [];
  const own = new Set(runsOf(job).map((run) => run.run));
  return Object.keys(timings.runs ?? {}).filter((run) => !own.has(run));
}

function innerText(job: Job, timings: Timings): string {
  const inner = innerRuns(job, timings).length;
  return inner === 0 ? '' : ` The nested searches within them took ${plural(inner, 'more run')}.`;
}

function searched(job: Job): string {
  const names = [...parameterNames(job.parameters.map((p) => p.name)).values()];
  const over = names.length === 0 ? '' : ` over ${listed(names)}`;
  if (job.method === undefined) return over;
  if (job.method === 'grid') return ` from a grid${over}`;
  const raced = {random: '', halving: ', raced by halving,', hyperband: ', raced by Hyperband,'};
  return ` from random draws${over}${raced[job.method]}`;
}

function outcome(job: Job): string {
  const runs = runsOf(job);
  const of = (state: string): number => runs.filter((run) => run.state === state).length;
  const parts = [
    [of('halved'), 'stopped by halving'],
    [of('stopped_early'), 'stopped early'],
    [of('failed'), 'failed'],
    [of('unfinished'), 'unfinished'],
  ] as const;
  const said = parts.filter(([n]) => n > 0).map(([n, what]) => `${count(n)} ${what}`);
  if (said.length === 0) return runs.length === 1 ? ', finished' : ', all finished';
  const every = parts.find(([n]) => n === runs.length && n > 1);
  return every ? `, all ${every[1]}` : `, of which ${listed(said)}`;
}

function won(job: Job): string {
  const chosen = chosenOf(job);
  const best = bestOf(job);
  const mean = meanOf(job, chosen);
  if (!chosen || !best || mean === undefined) return '';
  const metric = metricName(job.metric.name);
  if (job.configurations.length === 1) return spread(job, chosen);
  const what = described(job, chosen);
  const named = what === '' ? `Configuration ${chosen.id}` : `Configuration ${chosen.id} (${what})`;
  const text = `${named}: ${metric} ${score(mean)} on average over ${folds(job)}${interval(job, chosen)}.`;
  if (chosen === best) return text + lead(job, best);
  return (
    `${text} Configuration ${best.id} scored ${score(meanOf(job, best))}, but by the ` +
    'one-standard-error rule the simplest configuration within one standard error of it is taken.'
  );
}

function interval(job: Job, configuration: Configuration): string {
  const ends = configuration.interval?.[job.metric.name];
  return ends ? ` (95\u202f% interval ${score(ends[0])} to ${score(ends[1])})` : '';
}

function lead(job: Job, best: Configuration): string {
  const next = ranked(job).find((c) => c !== best);
  const gap = Math.abs((meanOf(job, best) ?? NaN) - (meanOf(job, next) ?? NaN));
  if (!next || !Number.isFinite(gap)) return ' No other configuration finished.';
  if (gap === 0) return ` Configuration ${next.id} has the same mean.`;
  return ` It is ahead of the next one, configuration ${next.id}, by ${score(gap)}.`;
}

export function foldScores(job: Job, configuration: Configuration): number[] {
  return configuration.runs
    .map((run) => run.scores?.[job.metric.name])
    .filter((value): value is number => value !== undefined);
}

function spread(job: Job, only: Configuration): string {
  const scores = foldScores(job, only);
  const metric = metricName(job.metric.name);
  const range =
    scores.length < 2
      ? ''
      : ` Single folds lie between ${score(Math.min(...scores))} and ${score(Math.max(...scores))}.`;
  return (
    `There was nothing to compare with. ${capitalized(metric)} is ${score(meanOf(job, only))} on ` +
    `average over ${folds(job)}${interval(job, only)}.${range}`
  );
}

function certainty(job: Job): string {
  const best = bestOf(job);
  const others = ranked(job).filter((c) => c !== best);
  const next = others[0];
  if (!best || !next) return '';
  const p = next.versus_best?.p;
  if (p === undefined) return 'No test was made: it takes two folds or more.';
  const level = levelWithBest(job).length;
  const verdict =
    p < kSignificance
      ? `Yes: configuration ${best.id} beats configuration ${next.id} by more than the folds vary ` +
        `(${pValue(p)}, corrected resampled t-test).`
      : `Not for certain: the lead of configuration ${best.id} over configuration ${next.id} could ` +
        `be chance (${pValue(p)}, corrected resampled t-test).`;
  return verdict + levelText(level, others.length, p < kSignificance);
}

// Where somebody asked for a threshold. What would be gained by one that nobody asked for is advice.
export function decision(job: Job): string {
  const threshold = job.curves?.threshold;
  if (!threshold?.applied) return '';
  const yes = job.classes?.[1] === undefined ? 'positive' : `“${job.classes[1]}”`;
  const what = job.refit ? 'An output of the final model' : 'An output';
  return (
    `${what} above ${threshold.value.toFixed(2)} counts as ${yes}: there ${metricName(threshold.metric)} was highest on ` +
    `held-out examples of the folds, ${score(threshold.score)}. Scores of folds, curves, and figures of the training examples are at 0.5.`
  );
}

function missing(unfinished: Unfinished): string {
  const {budget, limit, runs, refit, depends_on_time: onTime} = unfinished;
  const left = [
    ...(runs > 0 ? [plural(runs, 'run')] : []),
    ...(refit ? ['the training of the chosen configuration on all examples'] : []),
  ];
  const spent = onTime
    ? `The time of the job (${duration(limit)})`
    : `Its budget of ${count(limit)} steps`;
  const why = onTime
    ? 'Which ones depends on how fast the machines were, and so do these results: the same job may come to others.'
    : 'The same is left out each time, so these results are the job’s at this budget.';
  return `${spent} did not reach for ${left.length ? listed(left) : 'what would have followed'} (${budget}). ${why}`;
}

// The score of a search that chose without the examples that it is scored on.
export function nestedText(job: Job, nested: Nested): string {
  const metric = job.metric.name;
  const scores = nested.outer
    .map((one) => one.scores[metric])
    .filter((value): value is number => value !== undefined);
  const what = `${capitalized(metricName(metric))} of the whole search on outer folds that had no say in it`;
  if (scores.length < nested.outer.length || scores.length === 0) {
    return `${what}: ${count(scores.length)} of ${count(nested.outer.length)} folds have a score, so there is no average.`;
  }
  const mean = nested.mean?.[metric] ?? scores.reduce((a, b) => a + b, 0) / scores.length;
  const ends = nested.interval?.[metric];
  const between = ends ? ` (95\u202f% interval ${score(ends[0])} to ${score(ends[1])})` : '';
  const chosen = [...new Set(nested.outer.map((one) => one.chosen))];
  const same =
    chosen.length === 1
      ? ` Configuration ${chosen[0]} was chosen in all of them.`
      : ` ${plural(chosen.length, 'configuration')} were chosen in ${plural(nested.outer.length, 'fold')}.`;
  return `${what}: ${score(mean)} on average${between}, where the winner’s own score is ${score(meanOf(job, chosenOf(job)))}.${same}`;
}

function levelText(level: number, others: number, nextIsWorse: boolean): string {
  if (others === 1) return '';
  // Further behind on average, and yet not told apart, since its folds vary more.
  if (nextIsWorse && level > 0) {
    return ` ${count(level)} of the ${count(others)} others, though further behind, ${level === 1 ? 'varies' : 'vary'} too much from fold to fold to be told from it.`;
  }
  if (level === 0) return ' The same holds for all others.';
  if (level === others) return ' None of the configurations can be told from the best.';
  return ` ${count(level)} of the ${count(others)} others cannot be told from the best.`;
}

function tiles(job: Job, timings: Timings): Tile[] {
  const chosen = chosenOf(job);
  const mean = meanOf(job, chosen);
  const all: Tile[] = [];
  if (chosen && mean !== undefined) {
    const ends = chosen.interval?.[job.metric.name];
    all.push({
      label: `Mean ${metricName(job.metric.name)}`,
      value: score(mean),
      note: ends ? `${score(ends[0])} – ${score(ends[1])}, 95\u202f%` : folds(job),
    });
  }
  all.push(...comparisonTiles(job), runTile(job, timings));
  if (timings.seconds !== undefined) all.push(timeTile(timings.seconds, timings));
  return all;
}

function comparisonTiles(job: Job): Tile[] {
  const best = bestOf(job);
  const others = ranked(job).filter((c) => c !== best);
  const next = others[0];
  if (!best || !next) return [];
  const gap = Math.abs((meanOf(job, best) ?? NaN) - (meanOf(job, next) ?? NaN));
  const p = next.versus_best?.p;
  const lead = chosenOf(job) === best ? leadTile(gap, p) : behindTile(job, best);
  if (others.every((c) => isLevel(c) === undefined)) return [lead];
  const level = {
    label: 'Level with the best',
    value: `${count(levelWithBest(job).length)} of ${count(others.length)}`,
    note: `other configurations, p\u00a0≥\u00a0${kSignificance}`,
  };
  return [lead, level];
}

function leadTile(gap: number, p: number | undefined): Tile {
  const verdict = p !== undefined && p < kSignificance ? 'significant' : 'could be chance';
  const note = p === undefined ? 'not tested' : `${verdict}, ${pValue(p)}`;
  return {label: 'Lead over the next', value: score(gap), note};
}

function behindTile(job: Job, best: Configuration): Tile {
  const gap = Math.abs((meanOf(job, best) ?? NaN) - (meanOf(job, chosenOf(job)) ?? NaN));
  return {label: 'Behind the best', value: score(gap), note: 'one-standard-error rule'};
}

function runTile(job: Job, timings: Timings): Tile {
  const runs = runsOf(job);
  const inner = innerRuns(job, timings).length;
  const finished = runs.filter((run) => run.state === 'done' || run.state === 'stopped_early');
  const failed = runs.filter((run) => run.state === 'failed').length;
  const halved = runs.filter((run) => run.state === 'halved').length;
  const unfinished = runs.filter((run) => run.state === 'unfinished').length;
  const rest = [
    ...(halved ? [`${count(halved)} halved`] : []),
    ...(failed ? [`${count(failed)} failed`] : []),
    ...(unfinished ? [`${count(unfinished)} unfinished`] : []),
  ];
  const note = rest.length
    ? listed(rest)
    : `${plural(job.configurations.length, 'configuration')}, ${folds(job)}`;
  return {
    label: 'Runs finished',
    value: rest.length ? `${count(finished.length)} of ${count(runs.length)}` : count(runs.length),
    note: inner === 0 ? note : `${note}; ${count(inner)} more within`,
  };
}

function timeTile(seconds: number, timings: Timings): Tile {
  const spent = Object.values(timings.runs ?? {}).reduce((sum, run) => sum + run.seconds, 0);
  return {label: 'Wall time', value: duration(seconds), note: `${duration(spent)} in runs`};
}
