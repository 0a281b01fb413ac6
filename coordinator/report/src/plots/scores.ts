// The scores of each configuration in every fold.

import * as Plot from '@observablehq/plot';

import {figure, legend} from '../figure';
import {capitalized, largerIsBetter, metricName, score} from '../../../web/src/format';
import {gridX, isNarrow, kColor, plot} from '../../../web/src/look';
import {paddedDomain} from '../../../web/src/domains';
import {inOrder} from '../scales';
import {bestOf, chosenOf, meanOf} from '../summary';
import {cell, type TableData} from '../table';
import type {Configuration, Job} from '../types';
import {fillOf, standing, standingLegend, strokeOf, tipOf} from './standing';

const kDrawnMax = 40;

function metricChoice(job: Job): {label: string; options: {value: string; text: string}[]} {
  const names = [job.metric.name, ...job.metrics.filter((name) => name !== job.metric.name)];
  return {label: 'Metric', options: names.map((value) => ({value, text: metricName(value)}))};
}

interface FoldScore {
  configuration: Configuration;
  label: string;
  fold: string;
  value: number;
}

function foldName(repeat: number, fold: number, repeats: number): string {
  return repeats > 1 ? `repeat ${repeat}, fold ${fold}` : `fold ${fold}`;
}

export function foldScoresOf(
  job: Job,
  configurations: Configuration[],
  metric: string,
): FoldScore[] {
  const repeats = job.split.repeats ?? 1;
  return configurations.flatMap((configuration) =>
    configuration.runs.flatMap((run) => {
      const value = run.scores?.[metric];
      if (value === undefined) return [];
      const fold = foldName(run.repeat, run.fold, repeats);
      return [{configuration, label: `${configuration.id}`, fold, value}];
    }),
  );
}

export function scoresFigure(job: Job): HTMLElement {
  const all = inOrder(job).filter((c) => meanOf(job, c) !== undefined);
  const shown = all.slice(0, kDrawnMax);
  const single = all.length === 1;
  const chosen = chosenOf(job);
  const omitted =
    all.length > shown.length
      ? ` The first ${shown.length} of ${all.length} are drawn; the table below has all.`
      : '';
  return figure({
    title: single ? 'Score of each fold' : 'Scores of each configuration',
    name: single
      ? `Strip plot: ${metricName(job.metric.name)} of every fold, with mean and interval.`
      : `Strip plot: ${metricName(job.metric.name)} of every fold for ${shown.length} configurations, ` +
        `with means and intervals; configuration ${chosen?.id} is chosen.`,
    choices: job.metrics.length > 1 ? [metricChoice(job)] : [],
    caption: single
      ? [
          legend(
            {mark: 'dot ink', text: 'one fold'},
            {mark: 'tick accent', text: 'mean'},
            {mark: 'band accent', text: '95\u202f% interval of the mean'},
          ),
        ]
      : [
          standingLegend(job, [
            {mark: 'dot small', text: 'one fold'},
            {mark: 'band', text: '95\u202f% interval of the mean'},
          ]),
          omitted,
        ],
    draw: (width, [metric = job.metric.name]) =>
      single && shown[0]
        ? drawFolds(job, shown[0], width, metric)
        : drawScores(job, shown, width, metric),
    table: ([metric = job.metric.name]) => scoreTable(job, all, metric),
  });
}

function drawScores(job: Job, shown: Configuration[], width: number, metric: string): Element {
  const dots = foldScoresOf(job, shown, metric);
  const withMean = shown.filter((c) => c.mean?.[metric] !== undefined);
  const ends = withMean.flatMap((c) => c.interval?.[metric] ?? []);
  const domain = paddedDomain([...dots.map((d) => d.value), ...ends], 0.04);
  const narrow = isNarrow(width);
  const label = (c: Configuration): string => `${c.id}`;
  const best = bestOf(job)?.mean?.[metric];
  return plot(width, {
    height: 56 + shown.length * (narrow ? 24 : 28),
    marginLeft: 40,
    marginRight: 74,
    x: {domain},
    y: {domain: shown.map(label), type: 'band', padding: 0.2},
    marks: [
      gridX({ticks: narrow ? 4 : 8}),
      ...(best === undefined
        ? []
        : [Plot.ruleX([best], {stroke: kColor.accent, strokeDasharray: '2 3'})]),
      Plot.ruleY(
        withMean.filter((c) => c.interval?.[metric]),
        {
          y: label,
          x1: (c: Configuration) => c.interval![metric]![0],
          x2: (c: Configuration) => c.interval![metric]![1],
          stroke: (c: Configuration) => strokeOf(standing(job, c)),
          strokeOpacity: 0.28,
          strokeWidth: 8,
          strokeLinecap: 'round',
        },
      ),
      Plot.dot(dots, {
        x: 'value',
        y: 'label',
        r: 2.6,
        fill: (d: FoldScore) => strokeOf(standing(job, d.configuration)),
        fillOpacity: 0.6,
      }),
      Plot.dot(withMean, {
        x: (c: Configuration) => c.mean![metric],
        y: label,
        r: 5.5,
        fill: (c: Configuration) => fillOf(standing(job, c)),
        stroke: (c: Configuration) => strokeOf(standing(job, c)),
        strokeWidth: 1.5,
      }),
      Plot.axisY({
        tickSize: 0,
        tickPadding: 10,
        label: 'configuration',
        labelAnchor: 'top',
        labelArrow: 'none',
        labelOffset: 32,
        fontVariant: 'tabular-nums',
      }),
      Plot.axisX({
        ticks: narrow ? 4 : 8,
        tickSize: 0,
        tickPadding: 8,
        label: axisName(job, metric),
        labelArrow: 'none',
        labelAnchor: 'right',
        labelOffset: 34,
      }),
      Plot.text(withMean, {
        y: label,
        frameAnchor: 'right',
        textAnchor: 'end',
        dx: 70,
        text: (c: Configuration) => score(c.mean![metric]),
        fill: (c: Configuration) => (standing(job, c) === 'chosen' ? kColor.accent : kColor.muted),
        fontVariant: 'tabular-nums',
      }),
      Plot.tip(
        withMean,
        Plot.pointerY({
          x: (c: Configuration) => c.mean![metric],
          y: label,
          title: (c: Configuration) => tipOf(job, c, metric),
          fill: kColor.page,
          stroke: kColor.rule,
        }),
      ),
    ],
  });
}

function axisName(job: Job, metric: string): string {
  const larger = metric === job.metric.name ? job.metric.larger_is_better : largerIsBetter(metric);
  return `${metricName(metric)}, ${larger ? 'more' : 'less'} is better`;
}

function drawFolds(job: Job, only: Configuration, width: number, metric: string): Element {
  const dots = foldScoresOf(job, [only], metric);
  const ends = only.interval?.[metric];
  const mean = only.mean?.[metric];
  const domain = paddedDomain([...dots.map((d) => d.value), ...(ends ?? [])], 0.1);
  const names = dots.map((d) => d.fold);
  return plot(width, {
    height: 60 + dots.length * 26,
    marginLeft: (job.split.repeats ?? 1) > 1 ? 110 : 60,
    marginRight: 74,
    x: {domain},
    y: {domain: names, type: 'band', padding: 0.2},
    marks: [
      ...(ends
        ? [Plot.rect([ends], {x1: ends[0], x2: ends[1], fill: kColor.accent, fillOpacity: 0.14})]
        : []),
      gridX({ticks: isNarrow(width) ? 4 : 8}),
      ...(mean === undefined ? [] : [Plot.ruleX([mean], {stroke: kColor.accent, strokeWidth: 2})]),
      ...(mean === undefined
        ? []
        : [Plot.ruleY(dots, {x1: mean, x2: 'value', y: 'fold', stroke: kColor.faint})]),
      Plot.dot(dots, {x: 'value', y: 'fold', r: 5, fill: kColor.ink}),
      Plot.axisY({tickSize: 0, tickPadding: 10, label: null}),
      Plot.axisX({
        ticks: isNarrow(width) ? 4 : 8,
        tickSize: 0,
        tickPadding: 8,
        label: axisName(job, metric),
        labelArrow: 'none',
        labelAnchor: 'right',
        labelOffset: 34,
      }),
      Plot.text(dots, {
        y: 'fold',
        frameAnchor: 'right',
        textAnchor: 'end',
        dx: 70,
        fill: kColor.muted,
        text: (d: FoldScore) => score(d.value),
        fontVariant: 'tabular-nums',
      }),
    ],
  });
}

function scoreTable(job: Job, configurations: Configuration[], metric: string): TableData {
  const rows = foldScoresOf(job, configurations, metric);
  return {
    caption: `${capitalized(metricName(metric))} of each configuration and fold`,
    columns: [
      {name: 'Configuration', header: true, numeric: true},
      {name: 'Fold'},
      {name: capitalized(metricName(metric)), numeric: true},
    ],
    rows: rows.map((row) => ({cells: [cell(row.label), cell(row.fold), cell(score(row.value))]})),
  };
}
