// How far a regression's predictions on unseen folds are off.

import * as Plot from '@observablehq/plot';

import {figure} from '../figure';
import {count, percent, score} from '../../../web/src/format';
import {axes, gridX, gridY, kColor, plot, square} from '../../../web/src/look';
import {paddedDomain} from '../../../web/src/domains';
import {cell, type TableData} from '../table';
import type {Pair, QualityCurves} from '../types';

export function regressionFigures({
  points,
  residual_quantiles: quantiles,
}: NonNullable<QualityCurves['regression']>): HTMLElement[] {
  const all = points.map(([actual, predicted]) => ({
    actual,
    predicted,
    residual: predicted - actual,
  }));
  const figures = [predictedFigure(all), residualFigure(all)];
  if (quantiles && quantiles.length > 1) figures.push(quantileFigure(quantiles));
  return figures;
}

interface Predicted {
  actual: number;
  predicted: number;
  residual: number;
}

// So many dots that they overlap say more when they are faint.
const dotOpacity = (dots: number): number => Math.max(0.22, Math.min(0.7, 400 / Math.max(1, dots)));

function predictedTable(all: Predicted[]): TableData {
  return {
    caption: 'Actual and predicted value of each example',
    columns: [
      {name: 'Actual', header: true, numeric: true},
      {name: 'Predicted', numeric: true},
      {name: 'Residual', numeric: true},
    ],
    rows: all.map((p) => ({
      cells: [cell(score(p.actual)), cell(score(p.predicted)), cell(score(p.residual))],
    })),
  };
}

function predictedFigure(all: Predicted[]): HTMLElement {
  const domain = paddedDomain(all.flatMap((p) => [p.actual, p.predicted]));
  return figure({
    title: 'Predicted against actual',
    size: 'half',
    name: `Scatter plot: predicted against actual value of ${count(all.length)} examples.`,
    caption: ['On the dashed diagonal the prediction is exact.'],
    draw: (width) =>
      plot(square(width), {
        height: square(width),
        marginLeft: 60,
        x: {domain},
        y: {domain},
        marks: [
          gridX({ticks: 5}),
          gridY({ticks: 5}),
          ...axes(width, {x: 'actual', y: 'predicted'}, {x: {ticks: 5}}),
          Plot.line(
            [
              [domain[0], domain[0]],
              [domain[1], domain[1]],
            ],
            {stroke: kColor.muted, strokeDasharray: '3 4'},
          ),
          Plot.dot(all, {
            x: 'actual',
            y: 'predicted',
            r: 2.4,
            fill: kColor.accent,
            fillOpacity: dotOpacity(all.length),
          }),
        ],
      }),
    table: () => predictedTable(all),
  });
}

function residualFigure(all: Predicted[]): HTMLElement {
  return figure({
    title: 'Residuals',
    size: 'half',
    name: `Scatter plot: predicted minus actual against the predicted value of ${count(all.length)} examples.`,
    caption: ['Predicted minus actual. A bend or a funnel shows what the model does not catch.'],
    draw: (width) =>
      plot(square(width), {
        height: square(width),
        marginLeft: 60,
        x: {domain: paddedDomain(all.map((p) => p.predicted))},
        y: {domain: paddedDomain(all.map((p) => p.residual))},
        marks: [
          gridY({ticks: 5}),
          ...axes(width, {x: 'predicted', y: 'residual'}, {x: {ticks: 5}}),
          Plot.ruleY([0], {stroke: kColor.muted, strokeDasharray: '3 4'}),
          Plot.dot(all, {
            x: 'predicted',
            y: 'residual',
            r: 2.4,
            fill: kColor.accent,
            fillOpacity: dotOpacity(all.length),
          }),
        ],
      }),
    table: () => predictedTable(all),
  });
}

function quantileFigure(quantiles: Pair[]): HTMLElement {
  return figure({
    title: 'How far off',
    size: 'half',
    name: `Line plot: share of examples whose residual is below a value; half lie below ${score(quantiles.find(([p]) => p >= 0.5)?.[1])}.`,
    caption: [
      'The share of the examples whose residual is below a value: the steeper, the better.',
    ],
    draw: (width) =>
      plot(square(width), {
        height: 0.75 * square(width),
        x: {domain: paddedDomain(quantiles.map(([, value]) => value))},
        y: {domain: [0, 1]},
        marks: [
          gridX({ticks: 5}),
          gridY({ticks: 5}),
          ...axes(width, {x: 'residual', y: 'share below'}, {x: {ticks: 5}}),
          Plot.ruleX([0], {stroke: kColor.muted, strokeDasharray: '3 4'}),
          Plot.line(quantiles, {
            x: (q: Pair) => q[1],
            y: (q: Pair) => q[0],
            stroke: kColor.accent,
            strokeWidth: 2.4,
            curve: 'monotone-y',
          }),
        ],
      }),
    table: () => ({
      caption: 'Quantiles of the residuals',
      columns: [
        {name: 'Share below', header: true, numeric: true},
        {name: 'Residual', numeric: true},
      ],
      rows: quantiles.map(([p, value]) => ({cells: [cell(percent(p)), cell(score(value))]})),
    }),
  });
}
