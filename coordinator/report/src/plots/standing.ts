// How a configuration stands beside the best, and the marks that show it.

import * as Plot from '@observablehq/plot';

import {legend} from '../figure';
import {score} from '../../../web/src/format';
import {kColor} from '../../../web/src/look';
import {bestOf, chosenOf, described, isLevel, meanOf} from '../summary';
import type {Configuration, Job} from '../types';

type Standing = 'chosen' | 'level' | 'worse' | 'partial';

// How a configuration stands beside the best; decides how its marks are filled.
export function standing(job: Job, configuration: Configuration): Standing {
  if (configuration === chosenOf(job)) return 'chosen';
  if (configuration.state !== 'done') return 'partial';
  return configuration === bestOf(job) || isLevel(configuration) !== false ? 'level' : 'worse';
}

export const fillOf = (of: Standing): string =>
  of === 'chosen' ? kColor.accent : of === 'level' ? kColor.ink : kColor.page;
export const strokeOf = (of: Standing): string =>
  of === 'chosen' ? kColor.accent : of === 'partial' ? kColor.faint : kColor.ink;

export function standingLegend(job: Job, extra: {mark: string; text: string}[] = []): HTMLElement {
  const drawn = job.configurations.filter((c) => meanOf(job, c) !== undefined);
  const standings = new Set(drawn.map((c) => standing(job, c)));
  const entries = [
    {of: 'chosen', mark: 'dot accent', text: 'chosen'},
    {of: 'level', mark: 'dot ink', text: 'level with the best'},
    {of: 'worse', mark: 'ring ink', text: 'worse than the best (p < 0.05)'},
    {of: 'partial', mark: 'ring faint', text: 'not trained to the end'},
  ] as const;
  return legend(...entries.filter(({of}) => standings.has(of)), ...extra);
}

export function tipOf(job: Job, c: Configuration, metric: string): string {
  const ends = c.interval?.[metric];
  const lines = [
    `Configuration ${c.id}: ${score(c.mean?.[metric])}`,
    ...(ends ? [`95 % interval ${score(ends[0])} to ${score(ends[1])}`] : []),
    ...described(job, c).split(', '),
  ];
  return lines.filter((line) => line !== '').join('\n');
}

export function comparisonDots(
  job: Job,
  scored: Configuration[],
  x: (c: Configuration) => number,
  y: (c: Configuration) => number,
): Plot.Markish[] {
  const chosenLast = [...scored].sort(
    (a, b) => Number(standing(job, a) === 'chosen') - Number(standing(job, b) === 'chosen'),
  );
  return [
    Plot.dot(chosenLast, {
      x,
      y,
      r: (c: Configuration) => (standing(job, c) === 'chosen' ? 6 : 4.5),
      fill: (c: Configuration) => fillOf(standing(job, c)),
      stroke: (c: Configuration) => strokeOf(standing(job, c)),
      strokeWidth: 1.5,
    }),
    Plot.tip(
      scored,
      Plot.pointer({
        x,
        y,
        title: (c: Configuration) => tipOf(job, c, job.metric.name),
        fill: kColor.page,
        stroke: kColor.rule,
      }),
    ),
  ];
}
