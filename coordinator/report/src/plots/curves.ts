// Learning curves of a job.

import * as Plot from '@observablehq/plot';

import {weighsClasses} from '../advice';
import {figure, legend} from '../figure';
import {capitalized, count, metricName, score} from '../../../web/src/format';
import type {LinePoint} from '../../../web/src/lines';
import {axes, gridY, kColor, logAxis, plot} from '../../../web/src/look';
import {logTicks, paddedDomain, wantsLog} from '../../../web/src/domains';
import {curveValue, meanCurve} from '../scales';
import {chosenOf} from '../summary';
import {cell, type TableData} from '../table';
import type {Configuration, Job} from '../types';

export const kAgainst = {
  label: 'Against',
  options: [
    {value: 'step', text: 'steps'},
    {value: 'epoch', text: 'epochs'},
  ],
};

function foldLines(configuration: Configuration, quantity: string): LinePoint[] {
  return configuration.runs.flatMap((run) =>
    (run.curve ?? []).flatMap((point) => {
      const value = curveValue(point, quantity);
      return value === undefined
        ? []
        : [{z: run.run, step: point.step, epoch: point.epoch ?? 0, value}];
    }),
  );
}

function meanLine(configuration: Configuration, quantity: string): LinePoint[] {
  return meanCurve(configuration, quantity).map((p) => ({z: `mean ${configuration.id}`, ...p}));
}

export function hasCurves(job: Job): boolean {
  return job.configurations.some((c) => c.runs.some((run) => (run.curve ?? []).length > 1));
}

function quantities(job: Job): string[] {
  const points = job.configurations.flatMap((c) => c.runs.flatMap((run) => run.curve ?? []));
  const known = new Set(points.flatMap((point) => Object.keys(point.scores ?? {})));
  return [job.metric.name, ...job.metrics.filter((name) => name !== job.metric.name)].filter(
    (name) => known.has(name),
  );
}

export function learningFigures(job: Job): HTMLElement[] {
  const chosen =
    chosenOf(job) ?? job.configurations.find((c) => meanCurve(c, 'train_loss').length > 1);
  if (!chosen || !hasCurves(job)) return [];
  const metrics = quantities(job);
  const figures: HTMLElement[] = [];
  if (metrics.length > 0) figures.push(scoreCurves(job, chosen, metrics));
  if (foldLines(chosen, 'train_loss').length > 1) figures.push(lossCurves(job, chosen));
  return figures;
}

function scoreCurves(job: Job, chosen: Configuration, metrics: string[]): HTMLElement {
  const others = job.configurations.filter((c) => c !== chosen);
  const hasMean = meanCurve(chosen, metrics[0]!).length > 1;
  const metric = metricName(metrics[0]!);
  return figure({
    title: 'Score while training',
    size: 'half',
    name: `Line plot: validation ${metric} by step, of configuration ${chosen.id} in each fold and on average${others.length ? ', and of the others' : ''}.`,
    choices: [
      {label: 'Metric', options: metrics.map((value) => ({value, text: metricName(value)}))},
      kAgainst,
    ],
    caption: [
      legend(
        ...(hasMean
          ? [
              {
                mark: 'line accent',
                text: others.length ? `chosen (${chosen.id}), mean` : 'mean of the folds',
              },
            ]
          : []),
        {mark: 'line accent thin', text: 'its folds'},
        ...(others.length ? [{mark: 'line faint', text: 'others, mean'}] : []),
      ),
    ],
    draw: (width, [quantity = metrics[0]!, against = 'step']) =>
      drawCurves(width, against, metricName(quantity), {
        back: others.flatMap((c) => meanLine(c, quantity)),
        folds: foldLines(chosen, quantity),
        mean: meanLine(chosen, quantity),
      }),
    table: ([quantity = metrics[0]!]) => curveTable(job.configurations, quantity),
  });
}

function lossCurves(job: Job, chosen: Configuration): HTMLElement {
  const validation = ['loss', 'log_loss', 'rmse'].find(
    (name) => meanCurve(chosen, name).length > 1,
  );
  const comparable = validation === 'rmse' ? undefined : validation;
  const which = job.configurations.length > 1 ? ` of configuration ${chosen.id}` : '';
  return figure({
    title: 'Loss while training',
    size: 'half',
    name: `Line plot: training loss${comparable ? ' and validation loss' : ''}${which} by step, in each fold and on average.`,
    choices: [kAgainst],
    caption: [
      legend(
        {mark: 'line ink', text: 'training'},
        ...(comparable ? [{mark: 'line second dashed', text: 'validation'}] : []),
      ),
      comparable && weighsClasses(job)
        ? ' The training loss weighs the classes, the other does not.'
        : comparable
          ? ' Where the two part, the model begins to learn its examples by heart.'
          : undefined,
    ],
    draw: (width, [against = 'step']) =>
      drawCurves(width, against, 'loss', {
        back: [],
        folds: foldLines(chosen, 'train_loss'),
        mean: meanLine(chosen, 'train_loss'),
        color: kColor.ink,
        ...(comparable
          ? {other: meanLine(chosen, comparable), otherFolds: foldLines(chosen, comparable)}
          : {}),
      }),
    table: () => curveTable([chosen], 'train_loss'),
  });
}

interface Lines {
  back: LinePoint[];
  folds: LinePoint[];
  mean: LinePoint[];
  color?: string;
  other?: LinePoint[];
  otherFolds?: LinePoint[];
}

function drawCurves(width: number, against: string, name: string, lines: Lines): Element {
  const color = lines.color ?? kColor.accent;
  const other = lines.other ?? [];
  const otherFolds = lines.otherFolds ?? [];
  const all = [...lines.back, ...lines.folds, ...lines.mean, ...other, ...otherFolds];
  const values = all.map((p) => p.value);
  const at = {x: against, y: 'value', z: 'z'};
  const log = wantsLog(values);
  return plot(width, {
    height: 300,
    marginLeft: 60,
    y: log ? {type: 'log'} : {domain: paddedDomain(values, 0.05)},
    x: {domain: [0, Math.max(1, ...all.map((p) => (against === 'epoch' ? p.epoch : p.step)))]},
    marks: [
      gridY({ticks: log ? logTicks(values) : 5}),
      ...axes(
        width,
        {x: against === 'epoch' ? 'epochs' : 'steps', y: name},
        log ? logAxis(values) : {},
      ),
      Plot.line(lines.back, {...at, stroke: kColor.faint, strokeWidth: 1, clip: true}),
      Plot.line(lines.folds, {
        ...at,
        stroke: color,
        strokeWidth: 1,
        strokeOpacity: 0.35,
        clip: true,
      }),
      Plot.line(otherFolds, {
        ...at,
        stroke: kColor.second,
        strokeWidth: 1,
        strokeOpacity: 0.35,
        clip: true,
      }),
      Plot.line(lines.mean, {...at, stroke: color, strokeWidth: 2.5, clip: true}),
      Plot.line(other, {
        ...at,
        stroke: kColor.second,
        strokeWidth: 2.5,
        strokeDasharray: '6 3',
        clip: true,
      }),
      Plot.tip(
        [...lines.mean, ...other],
        Plot.pointerX({
          ...at,
          title: (p: LinePoint) => `step ${count(p.step)}: ${score(p.value)}`,
          fill: kColor.page,
          stroke: kColor.rule,
        }),
      ),
    ],
  });
}

function curveTable(configurations: Configuration[], quantity: string): TableData {
  const rows = configurations.flatMap((c) =>
    meanCurve(c, quantity).map((point) => ({id: c.id, ...point})),
  );
  const name = quantity === 'train_loss' ? 'training loss' : metricName(quantity);
  return {
    caption: `Mean ${name} over the folds by step`,
    columns: [
      {name: 'Configuration', header: true, numeric: true},
      {name: 'Step', numeric: true},
      {name: 'Epochs', numeric: true},
      {name: capitalized(name), numeric: true},
    ],
    rows: rows.map((row) => ({
      cells: [
        cell(`${row.id}`),
        cell(count(row.step)),
        cell(row.epoch.toFixed(1)),
        cell(score(row.value)),
      ],
    })),
  };
}
