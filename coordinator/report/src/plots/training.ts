// The curves of one training run, from its history.

import {figure, legend} from '../figure';
import {capitalized, count, metricName, score} from '../../../web/src/format';
import {
  batchPoints,
  drawPlain,
  drawSeries,
  metricsOf,
  seriesOf,
  type LinePoint,
  type Series,
} from '../../../web/src/lines';
import {cell, type TableData} from '../table';
import type {Training} from '../types';
import {kAgainst} from './curves';

export function trainingFigures(training: Training): HTMLElement[] {
  const metrics = metricsOf(training.history);
  const figures = [splitFigure(training, 'Loss', ['loss'], batchPoints(training.history, 'loss'))];
  if (metrics.length > 0) figures.push(splitFigure(training, 'Metrics', metrics, []));
  for (const [of, title] of [
    ['gradient_norm', 'Norm of the gradient'],
    ['learning_rate', 'Learning rate'],
  ] as const) {
    const points = batchPoints(training.history, of);
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
      .map((split) => seriesOf(training.history, split, metric))
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

function plainFigure(title: string, points: LinePoint[]): HTMLElement {
  return figure({
    title,
    size: 'half',
    name: `Line plot: ${title.toLowerCase()} by step.`,
    draw: (width) => drawPlain(width, points),
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
