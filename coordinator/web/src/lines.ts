// The curves of a training run, from the lines of its history.jsonl.

import * as Plot from '@observablehq/plot';

import {logTicks, paddedDomain, smoothed, wantsLog} from './domains';
import {count, score} from './format';
import {axes, gridY, kColor, logAxis, plot} from './look';

// A line of history.jsonl: of a step (loss of its batch), or of an epoch (scores by split).
export interface HistoryLine {
  step: number;
  epoch?: number;
  loss?: number;
  accuracy?: number;
  gradient_norm?: number;
  learning_rate?: number;
  train?: Record<string, number>;
  validation?: Record<string, number>;
  test?: Record<string, number>;
}

export interface LinePoint {
  z: string;
  step: number;
  epoch: number;
  value: number;
}

export function isEpochLine(line: HistoryLine): boolean {
  return line.train !== undefined || line.validation !== undefined || line.test !== undefined;
}

export interface Series {
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

export function seriesOf(
  history: HistoryLine[],
  split: 'train' | 'validation' | 'test',
  metric: string,
): Series {
  const perEpoch = stepsPerEpoch(history);
  const points = history.flatMap((line) => {
    const value = line[split]?.[metric];
    return value === undefined
      ? []
      : [{z: split, step: line.step, epoch: line.step / perEpoch, value}];
  });
  return {name: split, ...kSplitLook[split]!, points};
}

export function batchPoints(
  history: HistoryLine[],
  of: 'loss' | 'accuracy' | 'gradient_norm' | 'learning_rate',
): LinePoint[] {
  const perEpoch = stepsPerEpoch(history);
  return history.flatMap((line) => {
    const value = isEpochLine(line) ? undefined : line[of];
    return value === undefined
      ? []
      : [{z: of, step: line.step, epoch: line.step / perEpoch, value}];
  });
}

// What was measured besides the loss.
export function metricsOf(history: HistoryLine[]): string[] {
  const names = history.flatMap((line) => Object.keys(line.validation ?? line.train ?? {}));
  return [...new Set(names)].filter((name) => name !== 'loss');
}

export function drawSeries(
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

// One line without a name of its own, from zero.
export function drawPlain(width: number, points: LinePoint[]): Element {
  return plot(width, {
    height: 220,
    marginLeft: 60,
    y: {domain: paddedDomain([0, ...points.map((p) => p.value)], 0.04), zero: true},
    x: {domain: [0, Math.max(1, ...points.map((p) => p.step))]},
    marks: [
      gridY({ticks: 4}),
      ...axes(width, {x: 'steps'}),
      Plot.line(points, {x: 'step', y: 'value', stroke: kColor.accent, strokeWidth: 2}),
    ],
  });
}
