// Parallel coordinates: every configuration as a line across its parameters and its score.

import * as Plot from '@observablehq/plot';

import {figure, legend} from '../figure';
import {
  capitalized,
  metricName,
  parameterNames,
  parameterValue,
  score,
  shortened,
} from '../../../web/src/format';
import {kColor, kSequence, plot} from '../../../web/src/look';
import {axisScale, binOf, evenAxis, type AxisScale} from '../scales';
import {meanOf} from '../summary';
import {cell} from '../table';
import type {Configuration, Job, Parameter} from '../types';
import {standing} from './standing';

interface Axis {
  name: string;
  scale: AxisScale;
  value(c: Configuration): number | undefined;
}

export function parallelFigure(job: Job): HTMLElement {
  const scored = job.configurations.filter((c) => meanOf(job, c) !== undefined);
  const metric = metricName(job.metric.name);
  return figure({
    title: 'All parameters together',
    name: `Parallel coordinates: each of ${scored.length} configurations is a line across its parameters and its mean ${metric}.`,
    caption: [
      legend(
        {mark: 'line accent', text: 'chosen'},
        {
          mark: 'ramp',
          text: job.metric.larger_is_better ? `low to high ${metric}` : `high to low ${metric}`,
        },
      ),
    ],
    draw: (width) => drawParallel(job, scored, width),
    table: () => ({
      caption: `Parameters and mean ${metric} of each configuration`,
      columns: [
        {name: 'Configuration', header: true, numeric: true},
        ...job.parameters.map((p) => ({name: p.name, numeric: true})),
        {name: capitalized(metric), numeric: true},
      ],
      rows: scored.map((c) => ({
        cells: [
          cell(`${c.id}`),
          ...job.parameters.map((p) => cell(parameterValue(c.parameters[p.name]))),
          cell(score(meanOf(job, c))),
        ],
      })),
    }),
  });
}

function axesOf(job: Job, scored: Configuration[]): Axis[] {
  const names = parameterNames(job.parameters.map((p) => p.name));
  const metric: Parameter = {name: job.metric.name, scale: 'linear'};
  const means = axisScale(
    metric,
    scored.map((c) => meanOf(job, c)),
  );
  return [
    ...job.parameters.map((p): Axis => {
      const scale = evenAxis(
        p,
        scored.map((c) => c.parameters[p.name]),
      );
      return {name: names.get(p.name)!, scale, value: (c) => scale.position(c.parameters[p.name])};
    }),
    {
      name: metricName(job.metric.name),
      scale: endsOnly(means),
      value: (c) => means.position(meanOf(job, c)),
    },
  ];
}

function endsOnly(scale: AxisScale): AxisScale {
  return {
    ...scale,
    ticks: scale.ticks.length > 2 ? [scale.ticks[0]!, scale.ticks.at(-1)!] : scale.ticks,
  };
}

// On a narrow page the axes lie one below the other instead of side by side.
function drawParallel(job: Job, scored: Configuration[], width: number): Element {
  const all = axesOf(job, scored);
  const flat = width < 150 * all.length;
  const means = scored.map((c) => meanOf(job, c)!);
  const domain: [number, number] = [Math.min(...means), Math.max(...means)];
  const color = (c: Configuration): string => {
    if (standing(job, c) === 'chosen') return kColor.accent;
    const bin = binOf(meanOf(job, c)!, domain, kSequence.length);
    return kSequence[job.metric.larger_is_better ? bin : kSequence.length - 1 - bin]!;
  };
  const sorted = [...scored].sort(
    (a, b) =>
      Number(standing(job, a) === 'chosen') - Number(standing(job, b) === 'chosen') ||
      (meanOf(job, a)! - meanOf(job, b)!) * (job.metric.larger_is_better ? 1 : -1),
  );
  const points = sorted.flatMap((c) =>
    all.map((axis, i) => ({c, axis: i, at: axis.value(c)})).filter((p) => p.at !== undefined),
  );
  const ticks = all.flatMap((axis, i) =>
    axis.scale.ticks.map((tick) => ({
      axis: i,
      at: tick.at,
      text: shortened(
        i === all.length - 1 ? score(tick.value as number) : parameterValue(tick.value),
        flat ? 14 : 10,
      ),
    })),
  );
  const place = flat ? {x: 'at', y: 'axis'} : {x: 'axis', y: 'at'};
  const ends = all.map((_, i) => i);
  const halo = {
    stroke: kColor.page,
    strokeWidth: 4,
    fill: kColor.muted,
    fontVariant: 'tabular-nums' as const,
  };
  return plot(width, {
    height: flat ? 40 + all.length * 74 : 340,
    marginLeft: flat ? 28 : 70,
    marginRight: flat ? 34 : 70,
    marginTop: 40,
    marginBottom: 24,
    x: flat ? {domain: [0, 1], axis: null} : {domain: [0, all.length - 1], axis: null},
    y: flat ? {domain: [all.length - 1, 0], axis: null} : {domain: [0, 1], axis: null},
    marks: [
      flat ? Plot.ruleY(ends, {stroke: kColor.faint}) : Plot.ruleX(ends, {stroke: kColor.faint}),
      Plot.line(points, {
        ...place,
        z: (p: {c: Configuration}) => p.c.id,
        stroke: (p: {c: Configuration}) => color(p.c),
        strokeWidth: (p: {c: Configuration}) => (standing(job, p.c) === 'chosen' ? 3.5 : 1.6),
        strokeOpacity: Math.max(0.2, Math.min(0.9, 40 / scored.length)),
        curve: flat ? 'bump-y' : 'bump-x',
      } as Plot.LineOptions),
      Plot.text(ticks, {
        ...place,
        ...halo,
        text: 'text',
        dx: flat ? 0 : -8,
        dy: flat ? 13 : 0,
        textAnchor: flat ? 'middle' : 'end',
      }),
      Plot.text(all, {
        x: flat ? () => 0 : (_: Axis, i: number) => i,
        y: flat ? (_: Axis, i: number) => i : () => 1,
        dx: flat ? -10 : 0,
        dy: flat ? -14 : -20,
        textAnchor: flat ? 'start' : 'middle',
        text: (axis: Axis) => shortened(axis.name, flat ? 40 : 20),
        fill: kColor.ink,
        stroke: kColor.page,
        strokeWidth: 4,
        fontWeight: 600,
      }),
    ],
  });
}
