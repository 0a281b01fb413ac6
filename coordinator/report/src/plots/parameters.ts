// What each parameter does to the score, and what a score costs.

import type * as Plot from '@observablehq/plot';
import {ruleX} from '@observablehq/plot';

import {meanSeconds} from '../advice';
import {figure} from '../figure';
import {
  capitalized,
  duration,
  metricName,
  parameterNames,
  parameterValue,
  score,
  shortened,
} from '../../../web/src/format';
import {axes, gridY, plot} from '../../../web/src/look';
import {logTicks, paddedDomain} from '../../../web/src/domains';
import {axisScale, inColumns} from '../scales';
import {meanOf} from '../summary';
import {cell} from '../table';
import type {Configuration, Job, Parameter, ParameterValue, Timings} from '../types';
import {comparisonDots, standing, standingLegend, strokeOf} from './standing';

// Intervals of more configurations hide one another.
const kIntervalsMax = 60;

export function parameterFigures(job: Job): HTMLElement[] {
  const names = parameterNames(job.parameters.map((p) => p.name));
  return job.parameters.map((parameter) => {
    const scored = job.configurations.filter(
      (c) => meanOf(job, c) !== undefined && c.parameters[parameter.name] !== undefined,
    );
    const name = names.get(parameter.name) ?? parameter.name;
    const metric = metricName(job.metric.name);
    return figure({
      title: capitalized(name),
      size: 'half',
      name: `Scatter plot: mean ${metric} of ${scored.length} configurations by ${name}.`,
      draw: (width) => drawParameter(job, parameter, scored, width, name),
      table: () => ({
        caption: `Mean ${metric} by ${name}`,
        columns: [
          {name: 'Configuration', header: true, numeric: true},
          {name: capitalized(name), numeric: true},
          {name: capitalized(metric), numeric: true},
        ],
        rows: scored.map((c) => ({
          cells: [
            cell(`${c.id}`),
            cell(parameterValue(c.parameters[parameter.name])),
            cell(score(meanOf(job, c))),
          ],
        })),
      }),
    });
  });
}

function drawParameter(
  job: Job,
  parameter: Parameter,
  scored: Configuration[],
  width: number,
  name: string,
): Element {
  const metric = job.metric.name;
  const {x, options, axis} = parameterAxis(parameter, scored, width);
  const ends = scored.flatMap((c) => c.interval?.[metric] ?? []);
  return plot(width, {
    height: 270,
    marginLeft: 60,
    x: options,
    y: {domain: paddedDomain([...scored.map((c) => meanOf(job, c)!), ...ends], 0.04)},
    marks: [
      gridY({ticks: 5}),
      ...axes(width, {x: name, y: metricName(metric)}, {x: axis}),
      ruleX(scored.length > kIntervalsMax ? [] : scored.filter((c) => c.interval?.[metric]), {
        x,
        y1: (c: Configuration) => c.interval![metric]![0],
        y2: (c: Configuration) => c.interval![metric]![1],
        stroke: (c: Configuration) => strokeOf(standing(job, c)),
        strokeOpacity: 0.3,
        strokeWidth: 3,
        strokeLinecap: 'round',
      }),
      ...comparisonDots(job, scored, x, (c) => meanOf(job, c)!),
    ],
  });
}

interface ParameterAxis {
  x: (c: Configuration) => number;
  options: Plot.ScaleOptions;
  axis: Plot.AxisXOptions;
}

// Names, and numbers of which only a few were tried, get a column each, with the configurations side
// by side in it; a scale would draw them on top of each other.
function parameterAxis(
  parameter: Parameter,
  scored: Configuration[],
  width: number,
): ParameterAxis {
  const of = (c: Configuration): ParameterValue => c.parameters[parameter.name]!;
  const scale = axisScale(parameter, scored.map(of));
  const tickFormat = (value: number): string => parameterValue(value);
  const distinct = [...new Set(scored.map(of))];
  const apart = scale.kind === 'log' && distinct.length === scored.length;
  if (scale.kind !== 'category' && (distinct.length > 6 || apart)) {
    return {
      x: (c) => of(c) as number,
      options: {type: scale.kind, insetLeft: 14, insetRight: 14},
      axis: {ticks: scale.kind === 'log' ? firmTicks(distinct as number[]) : 4, tickFormat},
    };
  }
  const columns =
    scale.kind === 'category' ? scale.categories : (distinct as number[]).sort((a, b) => a - b);
  // Plots leave 76 pixels to what is beside the columns; a letter takes 6.5.
  const letters = Math.max(3, Math.floor((width - 76) / columns.length / 6.5) - 1);
  const places = inColumns(scored, (c) =>
    columns.findIndex((value) => String(value) === String(of(c))),
  );
  return {
    x: (c) => places.get(c)!,
    options: {domain: [-0.5, columns.length - 0.5]},
    axis: {
      ticks: [...columns.keys()],
      tickFormat: (i: number) => shortened(parameterValue(columns[i]), letters),
    },
  };
}

// Values that lie between two ticks get the ends.
function firmTicks(values: number[]): number[] {
  const ticks = logTicks(values);
  return ticks.length >= 2 ? ticks : [Math.min(...values), Math.max(...values)];
}

export function costFigure(job: Job, timings: Timings): HTMLElement | undefined {
  const priced = job.configurations.flatMap((c) => {
    const seconds = meanSeconds(c, timings);
    return seconds === undefined || meanOf(job, c) === undefined ? [] : [{c, seconds}];
  });
  if (priced.length < 2) return undefined;
  const metric = metricName(job.metric.name);
  const secondsOf = (c: Configuration): number => priced.find((p) => p.c === c)!.seconds;
  const configurations = priced.map((p) => p.c);
  return figure({
    title: 'What a score costs',
    name: `Scatter plot: mean ${metric} against mean seconds per run for ${priced.length} configurations.`,
    caption: [standingLegend(job)],
    draw: (width) =>
      plot(width, {
        height: 300,
        marginLeft: 60,
        x: {domain: paddedDomain(priced.map((p) => p.seconds)), type: 'linear'},
        y: {
          domain: paddedDomain(
            configurations.map((c) => meanOf(job, c)!),
            0.1,
          ),
        },
        marks: [
          gridY({ticks: 5}),
          ...axes(width, {x: 'seconds per run', y: metric}),
          ...comparisonDots(job, configurations, secondsOf, (c) => meanOf(job, c)!),
        ],
      }),
    table: () => ({
      caption: `Mean seconds per run and mean ${metric}`,
      columns: [
        {name: 'Configuration', header: true, numeric: true},
        {name: 'Time per run', numeric: true},
        {name: capitalized(metric), numeric: true},
      ],
      rows: priced.map(({c, seconds}) => ({
        cells: [cell(`${c.id}`), cell(duration(seconds)), cell(score(meanOf(job, c)))],
      })),
    }),
  });
}
