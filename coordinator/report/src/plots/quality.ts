// How good the chosen configuration's predictions on unseen folds are.

import * as Plot from '@observablehq/plot';

import {h} from '../dom';
import {figure, legend} from '../figure';
import {capitalized, count, metricName, percent, score, shortened} from '../../../web/src/format';
import {axes, gridX, gridY, kColor, kDashes, kSeries, plot, square} from '../../../web/src/look';
import {cell, type TableData} from '../table';
import type {Job, Pair, QualityCurves} from '../types';
import {regressionFigures} from './regression';

// More classes than this cannot be told apart by colour: the worst three keep one.
const kColoredMax = 6;
const kWorstShown = 3;
const kCountsShownMax = 16;

interface ClassLine {
  name: string;
  value: number;
  color: string;
  dash: string;
  points: {x: number; y: number}[];
}

// REQUIRES: from the worst class to the best.
function colored(lines: Omit<ClassLine, 'color' | 'dash'>[]): ClassLine[] {
  const many = lines.length > kColoredMax;
  return lines.map((line, i) => {
    if (lines.length === 1) return {...line, color: kColor.accent, dash: 'none'};
    if (many && i >= kWorstShown) return {...line, color: kColor.faint, dash: 'none'};
    return {...line, color: kSeries[i]!, dash: kDashes[i]!};
  });
}

function lineLegend(lines: ClassLine[], what: string): HTMLElement {
  const shown = lines.filter((line) => line.color !== kColor.faint);
  const rest = lines.length - shown.length;
  return legend(
    ...shown.map((line, i) => ({
      mark: lines.length === 1 ? 'line accent' : `line series-${i + 1} dash-${i + 1}`,
      text: `${line.name}: ${what} ${score(line.value)}`,
    })),
    ...(rest > 0 ? [{mark: 'line faint', text: `the ${rest} other classes`}] : []),
  );
}

interface UnitPlot {
  x: string;
  y: string;
  // The line that tells nothing, from left to right.
  chance?: [Pair, Pair];
}

function drawUnit(
  width: number,
  lines: ClassLine[],
  options: UnitPlot,
  more: Plot.Markish[] = [],
): Element {
  const side = square(width);
  return plot(side, {
    height: side,
    x: {domain: [0, 1]},
    y: {domain: [0, 1]},
    r: {range: [2, 9]},
    marks: [
      gridX({ticks: 5}),
      gridY({ticks: 5}),
      ...axes(width, {x: options.x, y: options.y}, {x: {ticks: 5}}),
      ...(options.chance
        ? [Plot.line(options.chance, {stroke: kColor.muted, strokeDasharray: '3 4'})]
        : []),
      ...[...lines].reverse().map((line) =>
        Plot.line(line.points, {
          x: 'x',
          y: 'y',
          stroke: line.color,
          strokeWidth: line.color === kColor.faint ? 1.2 : 2.4,
          strokeDasharray: line.dash,
        }),
      ),
      ...more,
    ],
  });
}

const asPoint = ([x, y]: Pair): {x: number; y: number} => ({x, y});

function pointRows(lines: ClassLine[]): {cells: ReturnType<typeof cell>[]}[] {
  return lines.flatMap((line) =>
    line.points.map((p) => ({cells: [cell(line.name), cell(score(p.x)), cell(score(p.y))]})),
  );
}

export function qualityFigures(job: Job): HTMLElement[] {
  const curves = job.curves;
  if (!curves) return [];
  const figures = [
    curves.confusion ? confusionFigure(curves.confusion, job) : undefined,
    curves.calibration?.length ? calibrationFigure(curves.calibration) : undefined,
    curves.roc?.length ? rocFigure(curves.roc) : undefined,
    curves.precision_recall?.length ? recallFigure(job, curves) : undefined,
    ...(curves.regression ? regressionFigures(curves.regression) : []),
  ];
  return figures.filter((one): one is HTMLElement => one !== undefined);
}

function rocFigure(roc: NonNullable<QualityCurves['roc']>): HTMLElement {
  const sorted = [...roc].sort((a, b) => a.auc - b.auc);
  const lines = colored(
    sorted.map((c) => ({name: c.class, value: c.auc, points: c.points.map(asPoint)})),
  );
  return figure({
    title: 'ROC curve',
    size: 'half',
    name: `ROC curve, area ${lines.map((l) => `${score(l.value)} for class ${l.name}`).join(', ')}.`,
    caption: [lineLegend(lines, 'area'), ' The dashed diagonal is guessing.'],
    draw: (width) =>
      drawUnit(width, lines, {
        x: 'false positive rate',
        y: 'true positive rate',
        chance: [
          [0, 0],
          [1, 1],
        ],
      }),
    table: () => ({
      caption: 'Points of the ROC curve',
      columns: [
        {name: 'Class', header: true},
        {name: 'False positive rate', numeric: true},
        {name: 'True positive rate', numeric: true},
      ],
      rows: pointRows(lines),
    }),
  });
}

// The share of a class's examples among all: what precision is when everything is called positive.
function shareOfClass(job: Job, name: string): number | undefined {
  const confusion = job.curves?.confusion;
  const at = confusion?.classes.indexOf(name) ?? -1;
  const sums = confusion?.counts.map((row) => row.reduce((a, b) => a + b, 0));
  const all = sums?.reduce((a, b) => a + b, 0) ?? 0;
  return sums && at >= 0 && all > 0 ? sums[at]! / all : undefined;
}

function recallFigure(job: Job, curves: QualityCurves): HTMLElement {
  const sorted = [...curves.precision_recall!].sort(
    (a, b) => a.average_precision - b.average_precision,
  );
  const lines = colored(
    sorted.map((c) => ({name: c.class, value: c.average_precision, points: c.points.map(asPoint)})),
  );
  const share = lines.length === 1 ? shareOfClass(job, lines[0]!.name) : undefined;
  const threshold = curves.threshold;
  const best = threshold
    ? ` ${capitalized(metricName(threshold.metric))} is highest, ${score(threshold.score)}, when outputs above ${threshold.value.toFixed(2)} count as positive.`
    : '';
  return figure({
    title: 'Precision and recall',
    size: 'half',
    name: `Precision-recall curve, average precision ${lines.map((l) => `${score(l.value)} for class ${l.name}`).join(', ')}.`,
    caption: [
      lineLegend(lines, 'average precision'),
      (share === undefined ? '' : ' The dashed line is guessing.') + best,
    ],
    draw: (width) =>
      drawUnit(width, lines, {
        x: 'recall',
        y: 'precision',
        ...(share === undefined
          ? {}
          : {
              chance: [
                [0, share],
                [1, share],
              ] as [Pair, Pair],
            }),
      }),
    table: () => ({
      caption: 'Points of the precision-recall curve',
      columns: [
        {name: 'Class', header: true},
        {name: 'Recall', numeric: true},
        {name: 'Precision', numeric: true},
      ],
      rows: pointRows(lines),
    }),
  });
}

// Shares of a handful of examples say nothing and jump about; the table has them all the same.
const kBinExamplesMin = 10;

function calibrationFigure(calibration: NonNullable<QualityCurves['calibration']>): HTMLElement {
  const sorted = [...calibration].sort((a, b) => b.error - a.error);
  const firm = (c: (typeof sorted)[0]): (typeof sorted)[0]['bins'] =>
    c.bins.filter((bin) => bin.examples >= kBinExamplesMin);
  const lines = colored(
    sorted.map((c) => ({
      name: c.class,
      value: c.error,
      points: firm(c).map((bin) => ({x: bin.predicted, y: bin.observed})),
    })),
  ).filter((line) => line.color !== kColor.faint);
  const dots = lines.flatMap((line, i) =>
    firm(sorted[i]!).map((bin) => ({...bin, color: line.color})),
  );
  const few =
    lines.length < sorted.length ? ` The worst ${lines.length} of ${sorted.length} classes.` : '';
  return figure({
    title: 'Calibration',
    size: 'half',
    name: `Calibration: observed share against predicted probability, mean error ${lines.map((l) => `${score(l.value)} for class ${l.name}`).join(', ')}.`,
    caption: [
      lineLegend(lines, 'error'),
      `${few} On the dashed diagonal a predicted 70\u202f% comes true 70\u202f% of the time. Larger dots stand for more examples.`,
    ],
    draw: (width) =>
      drawUnit(
        width,
        lines,
        {
          x: 'predicted',
          y: 'observed',
          chance: [
            [0, 0],
            [1, 1],
          ],
        },
        [
          Plot.dot(dots, {
            x: 'predicted',
            y: 'observed',
            r: (d) => Math.sqrt(d.examples),
            fill: (d) => d.color,
            fillOpacity: 0.75,
            stroke: kColor.page,
          }),
        ],
      ),
    table: () => calibrationTable(sorted),
  });
}

function calibrationTable(calibration: NonNullable<QualityCurves['calibration']>): TableData {
  return {
    caption: 'Bins of the calibration',
    columns: [
      {name: 'Class', header: true},
      {name: 'Predicted', numeric: true},
      {name: 'Observed', numeric: true},
      {name: 'Examples', numeric: true},
    ],
    rows: calibration.flatMap((c) =>
      c.bins.map((bin) => ({
        cells: [
          cell(c.class),
          cell(score(bin.predicted)),
          cell(score(bin.observed)),
          cell(count(bin.examples)),
        ],
      })),
    ),
  };
}

interface ConfusionCell {
  actual: string;
  predicted: string;
  examples: number;
  share: number;
  hit: boolean;
}

function confusionCells({
  classes,
  counts,
}: NonNullable<QualityCurves['confusion']>): ConfusionCell[] {
  return counts.flatMap((row, i) => {
    const all = row.reduce((a, b) => a + b, 0);
    return row.map((examples, j) => ({
      actual: classes[i]!,
      predicted: classes[j]!,
      examples,
      share: all > 0 ? examples / all : 0,
      hit: i === j,
    }));
  });
}

// Where the two classes part: there the chosen threshold is applied, else 0.5 is.
function cutText({task, classes, curves}: Job): string {
  const threshold = curves?.threshold;
  if (task !== 'binary' || !threshold) return '';
  const yes = classes?.[1] === undefined ? 'positive' : `“${classes[1]}”`;
  return threshold.applied
    ? ` Outputs above ${threshold.value.toFixed(2)}, where ${metricName(threshold.metric)} is highest, count as ${yes}.`
    : ` Outputs above 0.5 count as ${yes}.`;
}

function confusionFigure(
  confusion: NonNullable<QualityCurves['confusion']>,
  job: Job,
): HTMLElement {
  const cells = confusionCells(confusion);
  const hits = cells.filter((c) => c.hit).reduce((sum, c) => sum + c.examples, 0);
  const all = cells.reduce((sum, c) => sum + c.examples, 0);
  return figure({
    title: 'Confusion matrix',
    size: 'half',
    name: `Confusion matrix of ${confusion.classes.length} classes: ${count(hits)} of ${count(all)} examples are on the diagonal.`,
    caption: [
      legend({mark: 'block accent', text: 'right'}, {mark: 'block second', text: 'wrong'}),
      ` ${count(hits)} of ${count(all)} right (${percent(all ? hits / all : 0, 1)}). The darker, the larger the share of its row.${cutText(job)}`,
    ],
    draw: (width) => drawConfusion(square(width), confusion, cells),
    table: () => ({
      caption: 'Examples by actual class (rows) and predicted class (columns)',
      columns: [
        {name: 'Actual', header: true},
        ...confusion.classes.map((name) => ({name: `predicted ${name}`, numeric: true})),
      ],
      rows: confusion.classes.map((name, i) => ({
        cells: [cell(name), ...confusion.counts[i]!.map((n) => cell(count(n)))],
      })),
    }),
  });
}

function drawConfusion(
  width: number,
  {classes}: {classes: string[]},
  cells: ConfusionCell[],
): Element {
  const longest = Math.max(...classes.map((name) => name.length));
  const left = Math.min(0.34 * width, 34 + 6.5 * Math.min(longest, 14));
  const step = (width - left - 8) / classes.length;
  const letters = Math.floor((left - 30) / 6.5);
  // Names that do not fit below their column stand upright, and only as many as have room.
  const upright = Math.min(longest, letters) * 7 > step;
  const below = upright ? left - 12 : 40;
  const every = Math.ceil(14 / step);
  const ticks = classes.filter((_, i) => i % every === 0);
  const tickFormat = (name: string): string => shortened(name, letters);
  return plot(width, {
    height: width - left + 30 + below,
    marginLeft: left,
    marginRight: 8,
    marginTop: 22,
    marginBottom: below,
    x: {domain: classes, type: 'band', padding: 0.03},
    y: {domain: classes, type: 'band', padding: 0.03},
    opacity: {domain: [0, 1], range: [0.05, 1]},
    marks: [
      Plot.cell(cells, {
        x: 'predicted',
        y: 'actual',
        fill: (c: ConfusionCell) => (c.hit ? kColor.accent : kColor.second),
        // Mistakes are few: their square root shows which there are.
        fillOpacity: (c: ConfusionCell) => (c.hit ? 0.15 + 0.85 * c.share : Math.sqrt(c.share)),
        rx: 3,
      }),
      ...(classes.length <= kCountsShownMax
        ? [
            Plot.text(
              cells.filter((c) => c.examples > 0),
              {
                x: 'predicted',
                y: 'actual',
                text: (c: ConfusionCell) => count(c.examples),
                fill: (c: ConfusionCell) =>
                  (c.hit ? c.share : Math.sqrt(c.share)) > 0.5 ? kColor.page : kColor.ink,
                fontSize: Math.max(8, Math.min(15, step / 3)),
                fontVariant: 'tabular-nums',
              },
            ),
          ]
        : []),
      Plot.axisX({
        ticks,
        tickSize: 0,
        tickFormat,
        tickRotate: upright ? -90 : 0,
        label: 'predicted',
        labelArrow: 'none',
        labelAnchor: 'right',
        labelOffset: below - 2,
      }),
      Plot.axisY({ticks, tickSize: 0, tickFormat, label: 'actual', labelArrow: 'none'}),
    ],
  });
}

export function qualityNote(job: Job): HTMLElement {
  const which =
    job.configurations.length > 1 ? ` of configuration ${job.curves?.configuration}` : '';
  return h(
    'p',
    {class: 'intro'},
    `From the predictions${which} for examples that the model of their fold had not seen.`,
  );
}
