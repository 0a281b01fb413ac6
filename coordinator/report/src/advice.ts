// What to do next, from what the scores, curves and parameters of a job show. Pure.

import {
  capitalized,
  causeAndRemedy,
  listed,
  metricName,
  parameterNames,
  parameterValue,
  percent,
  plural,
  score,
} from '../../web/src/format';
import {meanCurve} from './scales';
import {
  bestOf,
  chosenOf,
  foldScores,
  isLevel,
  kSignificance,
  levelWithBest,
  meanOf,
  ranked,
  runsOf,
} from './summary';
import type {Configuration, Job, Timings} from './types';

export function advise(job: Job, timings: Timings): string[] {
  const chosen = chosenOf(job);
  const all = [
    ...(chosen ? onTheChoice(job, chosen, timings) : []),
    ...onFailures(job),
    ...(chosen
      ? [
          ...onEdges(job, chosen),
          ...onLength(job, chosen),
          ...onFolds(job, chosen),
          ...onProbabilities(job),
          ...onConfusion(job),
          ...onOptimism(job),
        ]
      : []),
  ];
  return all.length > 0 ? all : ['Nothing stands out: use the model as it is.'];
}

function onFailures(job: Job): string[] {
  const failed = runsOf(job).filter((run) => run.state === 'failed');
  if (failed.length === 0) {
    return runsOf(job).length === 0 ? ['Check the spec: it asks for no run.'] : [];
  }
  const most = mostFrequent(failed.map((run) => run.reason ?? '').filter((one) => one !== ''));
  const scope = failed.length === runsOf(job).length ? 'Every run' : plural(failed.length, 'run');
  if (!most)
    return [`${scope} failed. Look at the logs, and cure the cause or leave these values out.`];
  const [cause, remedy] = causeAndRemedy(most.example);
  const often = most.times === failed.length ? '' : ' most often';
  const cure = remedy === '' ? 'Look at the logs, and cure the cause' : capitalized(remedy);
  return [`${scope} failed,${often} because: ${cause}. ${cure}; or leave these values out.`];
}

// The same happens at another step of each run: numbers do not tell reasons apart.
function mostFrequent(reasons: string[]): {example: string; times: number} | undefined {
  const tally = new Map<string, {example: string; times: number}>();
  for (const reason of reasons) {
    const kind = reason.replace(/\d+/g, '#');
    const {example, times} = tally.get(kind) ?? {example: reason, times: 0};
    tally.set(kind, {example, times: times + 1});
  }
  return [...tally.values()].sort((a, b) => b.times - a.times)[0];
}

function onTheChoice(job: Job, chosen: Configuration, timings: Timings): string[] {
  const best = bestOf(job);
  const next = ranked(job).find((c) => c !== best);
  if (!best || !next) return [];
  const p = next.versus_best?.p;
  if (p !== undefined && p < kSignificance) return [`Use configuration ${chosen.id}.`];
  const cheaper = cheapest(job, [best, ...levelWithBest(job)], best, timings);
  const advice = `Use configuration ${chosen.id} if you need one now; more repeats would tell whether it is better.`;
  return cheaper ? [advice, cheaper] : [advice];
}

export function meanSeconds(configuration: Configuration, timings: Timings): number | undefined {
  const seconds = configuration.runs
    .map((run) => timings.runs?.[run.run]?.seconds)
    .filter((value): value is number => value !== undefined);
  if (seconds.length === 0) return undefined;
  return seconds.reduce((sum, value) => sum + value, 0) / seconds.length;
}

// Among those that cannot be told apart the cheapest costs nothing but time saved.
function cheapest(
  job: Job,
  level: Configuration[],
  best: Configuration,
  timings: Timings,
): string | undefined {
  const own = meanSeconds(best, timings);
  // A few folds cannot tell apart what vary much: one that is far behind is no bargain all the same.
  const ends = best.interval?.[job.metric.name];
  const near = (c: Configuration): boolean => {
    const mean = meanOf(job, c);
    return mean !== undefined && ends !== undefined && mean >= ends[0] && mean <= ends[1];
  };
  const priced = level
    .filter((c) => c === best || near(c))
    .map((c) => ({c, seconds: meanSeconds(c, timings) ?? Infinity}))
    .sort((a, b) => a.seconds - b.seconds);
  const first = priced[0];
  if (own === undefined || !first || first.c === best || first.seconds > 0.8 * own)
    return undefined;
  return (
    `Configuration ${first.c.id} is level with it at ${percent(first.seconds / own)} of the time ` +
    `(${metricName(job.metric.name)} ${score(meanOf(job, first.c))}).`
  );
}

// A best value at the end of what was tried may have better ones beyond it.
function onEdges(job: Job, chosen: Configuration): string[] {
  const names = parameterNames(job.parameters.map((p) => p.name));
  const edges: string[] = [];
  for (const parameter of job.parameters) {
    const of = (c: Configuration): number | undefined => {
      const value = c.parameters[parameter.name];
      return typeof value === 'number' ? value : undefined;
    };
    const values = job.configurations.map(of).filter((v): v is number => v !== undefined);
    const own = of(chosen);
    if (parameter.scale === 'category' || own === undefined || new Set(values).size < 3) continue;
    const end =
      own === Math.max(...values) ? 'largest' : own === Math.min(...values) ? 'smallest' : '';
    // Below nothing, as of a penalty, is nothing to try.
    if (end === '' || (end === 'smallest' && own === 0)) continue;
    edges.push(`${names.get(parameter.name)} (${parameterValue(own)} was the ${end} tried)`);
  }
  if (edges.length === 0) return [];
  return [`Widen the range of ${listed(edges)}: better values may lie beyond.`];
}

function onLength(job: Job, chosen: Configuration): string[] {
  const curve = meanCurve(chosen, job.metric.name);
  const last = curve.at(-1);
  if (curve.length < 5 || !last) return [];
  const sign = job.metric.larger_is_better ? 1 : -1;
  const values = curve.map((point) => sign * point.value);
  const end = values.at(-1)!;
  const before = values[Math.floor((curve.length - 1) * 0.8)]!;
  const gained = end - values[0]!;
  const peak = Math.max(...values);
  const at = curve[values.indexOf(peak)]!;
  const metric = capitalized(metricName(job.metric.name));
  if (gained > 0 && end - before > 0.05 * gained) {
    return [`Train longer: ${metricName(job.metric.name)} was still getting better at the end.`];
  }
  if (at.step < 0.7 * last.step && peak - end > standardError(job, chosen)) {
    return [
      `Stop earlier or regularize more: ${metric} was best at step ${at.step} of ${last.step} and fell off after.`,
    ];
  }
  return [];
}

function standardError(job: Job, configuration: Configuration): number {
  const scores = foldScores(job, configuration);
  const deviation = configuration.standard_deviation?.[job.metric.name] ?? Infinity;
  return deviation / Math.sqrt(Math.max(1, scores.length));
}

// A fold that lies four standard deviations of the others from their mean.
function onFolds(job: Job, chosen: Configuration): string[] {
  const metric = job.metric.name;
  const runs = chosen.runs.filter((run) => run.scores?.[metric] !== undefined);
  if (runs.length < 4) return [];
  for (const run of runs) {
    const own = run.scores![metric]!;
    const others = runs.filter((other) => other !== run).map((other) => other.scores![metric]!);
    const mean = others.reduce((a, b) => a + b, 0) / others.length;
    const variance = others.reduce((a, b) => a + (b - mean) ** 2, 0) / (others.length - 1);
    if (
      Math.abs(own - mean) > 4 * Math.sqrt(variance) &&
      Math.abs(own - mean) > 0.01 * Math.abs(mean)
    ) {
      return [
        `Look at the data of fold ${run.fold}: it scores ${score(own)} where the others have ${score(mean)} on average.`,
      ];
    }
  }
  return [];
}

function onProbabilities(job: Job): string[] {
  const worst = [...(job.curves?.calibration ?? [])].sort((a, b) => b.error - a.error)[0];
  const threshold = job.curves?.threshold;
  const advice: string[] = [];
  if (worst && worst.error > 0.05) {
    const why = weighsClasses(job) ? ', as class weights make them' : '';
    advice.push(
      `Calibrate before you read the outputs as probabilities: they are off by ${percent(worst.error)} on average${why}.`,
    );
  }
  if (threshold && !threshold.applied && Math.abs(threshold.value - 0.5) >= 0.05) {
    advice.push(
      `Decide at ${threshold.value.toFixed(2)} instead of 0.5 if ${metricName(threshold.metric)} is what counts: it becomes ${score(threshold.score)}.`,
    );
  }
  return advice;
}

// Then training loss and validation loss are of different things.
export function weighsClasses(job: Job): boolean {
  const tried = chosenOf(job)?.parameters['training.class_weights'];
  if (tried !== undefined) return tried !== 'none';
  return /^\s*class_weights:(?!\s*none\s*$)/m.test(job.spec ?? '');
}

function onConfusion(job: Job): string[] {
  const confusion = job.curves?.confusion;
  if (!confusion || confusion.classes.length < 3) return [];
  const shares = confusion.counts.map((row, i) => {
    const all = row.reduce((a, b) => a + b, 0);
    const wrong = row.map((n, j) => (i === j ? -1 : n));
    return {
      share: all > 0 ? (row[i] ?? 0) / all : 1,
      row: i,
      taken: wrong.indexOf(Math.max(...wrong)),
    };
  });
  const worst = shares.sort((a, b) => a.share - b.share)[0];
  if (!worst || worst.share > 0.99) return [];
  return [
    `Look at class “${confusion.classes[worst.row]}”: only ${percent(worst.share)} of it is recognized; it is most often taken for “${confusion.classes[worst.taken]}”.`,
  ];
}

// The maximum of noisy means lies above the mean of the maximum (Cawley and Talbot 2010).
function onOptimism(job: Job): string[] {
  const tried = ranked(job).length;
  if (tried < 2 || job.nested || job.refit?.metrics?.['test']) return [];
  const many = ranked(job).filter((c) => isLevel(c) !== false).length > 1;
  if (!many) return [];
  return [
    `Take the winner’s own score with a grain of salt: it is the best of ${tried} on the folds that chose it. A test file, or nested splits, would tell.`,
  ];
}
