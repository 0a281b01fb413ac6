// The curves of one training run, from its history.

import * as Plot from '@observablehq/plot';

import {figure, legend} from '../figure';
import {capitalized, count, metricName, score} from '../format';
import {axes, gridY, kColor, plot} from '../look';
import {logTicks, paddedDomain, smoothed, wantsLog} from '../scales';
import {cell, type TableData} from '../table';
import {isEpochLine} from '../training_summary';
import type {HistoryLine, Training} from '../types';
import {kAgainst, logAxis, type LinePoint} from './curves';

interface Series {
  name: string;
  mark: string;
  color: string;
  dash: string;
  points: LinePoint[];
}

const kSplitLook: Record<string, {mark: string; color: string; dash: string}> = {
  train: {mark: 'line ink', color: kColor.ink, dash: 'none'},
  validation: {mark: 'line second dashed', color: kColor.second, dash: '6 3'},
  test: {mark: 'line third', color: kColor.third, dash: '2 3'},
};

// Step lines say the epoch they belong to; the epoch lines say how many steps that is.
function stepsPerEpoch(history: HistoryLine[]): number {
  const line = history.find((l) => isEpochLine(l) && l.epoch);
  return line ? line.step / line.epoch! : NaN;
}

function seriesOf(
  training: Training,
  split: 'train' | 'validation' | 'test',
  metric: string,
): Series {
  const perEpoch = stepsPerEpoch(training.history);
  const points = training.history.flatMap((line) => {
    const value = line[split]?.[metric];
    return value === undefined
      ? []
      : [{z: split, step: line.step, epoch: line.step / perEpoch, value}];
  });
  return {name: split, ...kSplitLook[split]!, points};
}

function batchPoints(
  training: Training,
  of: 'loss' | 'accuracy' | 'gradient_norm' | 'learning_rate',
): LinePoint[] {
  const perEpoch = stepsPerEpoch(training.history);
  return training.history.flatMap((line) => {
    const value = isEpochLine(line) ? undefined : line[of];
    return value === undefined
      ? []
      : [{z: of, step: line.step, epoch: line.step / perEpoch, value}];
  });
}

export function trainingFigures(training: Training): HTMLElement[] {
  const metrics = [
    ...new Set(
      training.history.flatMap((line) => Object.keys(line.validation ?? line.train ?? {})),
    ),
  ].filter((name) => name !== 'loss');
  const figures = [splitFigure(training, 'Loss', ['loss'], batchPoints(training, 'loss'))];
  if (metrics.length > 0) figures.push(splitFigure(training, 'Metrics', metrics, []));
  for (const [of, title] of [
    ['gradient_norm', 'Norm of the gradient'],
    ['learning_rate', 'Learning rate'],
  ] as const) {
    const points = batchPoints(training, of);
    if (points.length > 1) figures.push(plainFigure(title, points));
  }
  return figures;
}

function splitFigure(
  training: Training,
  title: string,
  metrics: string[],
  batches: LinePoint[],
): HTMLElement {
  const seriesFor = (metric: string): Series[] =>
    (['train', 'validation'] as const)
      .map((split) => seriesOf(training, split, metric))
      .filter((series) => series.points.length > 0);
  const first = seriesFor(metrics[0]!);
  const choices = [
    ...(metrics.length > 1
      ? [{label: 'Metric', options: metrics.map((value) => ({value, text: metricName(value)}))}]
      : []),
    kAgainst,
  ];
  const pick = (chosen: string[]): [string, string] =>
    metrics.length > 1
      ? [chosen[0] ?? metrics[0]!, chosen[1] ?? 'step']
      : [metrics[0]!, chosen[0] ?? 'step'];
  return figure({
    title,
    size: 'half',
    name: `Line plot: ${metrics.length > 1 ? 'a metric' : 'loss'} by step on ${first.map((s) => s.name).join(' and ') || 'batches'}.`,
    choices,
    caption: [
      legend(
        ...(batches.length ? [{mark: 'line faint', text: 'single batches, smoothed'}] : []),
        ...first.map(({mark, name}) => ({mark, text: name})),
      ),
    ],
    draw: (width, chosen) => {
      const [metric, against] = pick(chosen);
      return drawSeries(width, against, metricName(metric), seriesFor(metric), batches);
    },
    table: (chosen) => seriesTable(metricName(pick(chosen)[0]), seriesFor(pick(chosen)[0])),
  });
}

function drawSeries(
  width: number,
  against: string,
  name: string,
  series: Series[],
  batches: LinePoint[],
): Element {
  const soft = smoothed(
    batches.map((p) => p.value),
    batches.length > 40 ? 0.8 : 0.4,
  );
  const back = batches.map((point, i) => ({...point, value: soft[i]!}));
  const all = [...series.flatMap((s) => s.points), ...back];
  const values = all.map((p) => p.value);
  const dots = all.length < 4;
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
      Plot.line(back, {x: against, y: 'value', stroke: kColor.faint, strokeWidth: 1.2}),
      ...series.flatMap((s) => [
        Plot.line(s.points, {
          x: against,
          y: 'value',
          stroke: s.color,
          strokeWidth: 2.2,
          strokeDasharray: s.dash,
        }),
        ...(dots || s.points.length === 1
          ? [Plot.dot(s.points, {x: against, y: 'value', fill: s.color, r: 4})]
          : []),
      ]),
      Plot.tip(
        series.flatMap((s) => s.points),
        Plot.pointerX({
          x: against,
          y: 'value',
          title: (p: LinePoint) => `${p.z}, step ${count(p.step)}: ${score(p.value)}`,
          fill: kColor.page,
          stroke: kColor.rule,
        }),
      ),
    ],
  });
}

function plainFigure(title: string, points: LinePoint[]): HTMLElement {
  return figure({
    title,
    size: 'half',
    name: `Line plot: ${title.toLowerCase()} by step.`,
    draw: (width) =>
      plot(width, {
        height: 220,
        marginLeft: 60,
        y: {domain: paddedDomain([0, ...points.map((p) => p.value)], 0.04), zero: true},
        x: {domain: [0, Math.max(1, ...points.map((p) => p.step))]},
        marks: [
          gridY({ticks: 4}),
          ...axes(width, {x: 'steps'}),
          Plot.line(points, {x: 'step', y: 'value', stroke: kColor.accent, strokeWidth: 2}),
        ],
      }),
    table: () => seriesTable(title, [{name: title, mark: '', color: '', dash: '', points}]),
  });
}

function seriesTable(name: string, series: Series[]): TableData {
  const steps = [...new Set(series.flatMap((s) => s.points.map((p) => p.step)))].sort(
    (a, b) => a - b,
  );
  const maps = series.map((s) => new Map(s.points.map((p) => [p.step, p.value])));
  return {
    caption: `${capitalized(name)} by step`,
    columns: [
      {name: 'Step', header: true, numeric: true},
      ...series.map((s) => ({name: capitalized(s.name), numeric: true})),
    ],
    rows: steps.map((step) => ({
      cells: [cell(count(step)), ...maps.map((map) => cell(score(map.get(step))))],
    })),
  };
}
