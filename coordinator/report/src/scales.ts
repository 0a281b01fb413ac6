// Domains, bins and layouts: what plots need to know before they draw.

import type {Configuration, CurvePoint, Job, Pair, Parameter, ParameterValue} from './types';

// Which of `bins` equal parts of the domain a value falls into.
export function binOf(value: number, [low, high]: Pair, bins: number): number {
  if (high <= low) return bins - 1;
  const at = Math.floor(((value - low) / (high - low)) * bins);
  return Math.min(bins - 1, Math.max(0, at));
}

export interface Span {
  began: number;
  ended: number;
}

// Gives each span the first lane that is free when it begins: as many lanes as ran at once.
export function packLanes(spans: Span[]): number[] {
  const order = spans.map((_, i) => i).sort((a, b) => spans[a]!.began - spans[b]!.began || a - b);
  const free: number[] = [];
  const lanes = new Array<number>(spans.length).fill(0);
  for (const i of order) {
    const {began, ended} = spans[i]!;
    let lane = free.findIndex((until) => until <= began + 1e-9);
    if (lane < 0) lane = free.length;
    free[lane] = ended;
    lanes[i] = lane;
  }
  return lanes;
}

// More distinct values than this are placed by their size.
const kEvenMax = 6;

export interface AxisScale {
  kind: 'log' | 'linear' | 'category';
  categories: string[];
  // Where a value lies between 0 and 1; undefined when it has none.
  position(value: ParameterValue | undefined): number | undefined;
  ticks: {at: number; value: ParameterValue}[];
}

// One axis of parallel coordinates. A parameter whose values are not all numbers (or, for a
// logarithmic one, not all positive) is drawn by its distinct values.
export function axisScale(parameter: Parameter, values: (ParameterValue | undefined)[]): AxisScale {
  const given = values.filter((v): v is ParameterValue => v !== undefined && v !== null);
  const numbers = given.filter((v): v is number => typeof v === 'number' && Number.isFinite(v));
  const usable =
    numbers.length === given.length &&
    given.length > 0 &&
    (parameter.scale === 'linear' || (parameter.scale === 'log' && numbers.every((v) => v > 0)));
  return usable ? numericAxis(parameter.scale as 'log' | 'linear', numbers) : categoryAxis(given);
}

function numericAxis(kind: 'log' | 'linear', numbers: number[]): AxisScale {
  const into = kind === 'log' ? Math.log10 : (v: number): number => v;
  const out = kind === 'log' ? (v: number): number => 10 ** v : (v: number): number => v;
  const low = into(Math.min(...numbers));
  const high = into(Math.max(...numbers));
  const position = (value: ParameterValue | undefined): number | undefined => {
    if (typeof value !== 'number' || !Number.isFinite(into(value))) return undefined;
    return high > low ? (into(value) - low) / (high - low) : 0.5;
  };
  const ticks = [0, 0.5, 1].map((at) => {
    const value = out(low + at * (high - low));
    return {at: position(value) ?? 0.5, value};
  });
  return {kind, categories: [], position, ticks: high > low ? ticks : ticks.slice(1, 2)};
}

function categoryAxis(values: ParameterValue[]): AxisScale {
  const categories = [...new Set(values.map(String))].sort();
  const at = (name: string): number | undefined => {
    const index = categories.indexOf(name);
    if (index < 0) return undefined;
    return categories.length > 1 ? index / (categories.length - 1) : 0.5;
  };
  return {
    kind: 'category',
    categories,
    position: (value) => (value === undefined || value === null ? undefined : at(String(value))),
    ticks: categories.map((name) => ({at: at(name) ?? 0.5, value: name})),
  };
}

// The same axis with its values evenly apart where there are only a few: 0, 1e-6 and 1e-4 would lie
// on top of each other by size, and have no place at all on a logarithmic axis.
export function evenAxis(parameter: Parameter, values: (ParameterValue | undefined)[]): AxisScale {
  const scale = axisScale(parameter, values);
  const numbers = values.filter((v): v is number => typeof v === 'number' && Number.isFinite(v));
  const distinct = [...new Set(numbers)].sort((a, b) => a - b);
  const given = values.filter((v) => v !== undefined && v !== null);
  if (numbers.length < given.length || distinct.length < 2 || distinct.length > kEvenMax) {
    return scale;
  }
  const at = (value: ParameterValue | undefined): number | undefined => {
    const index = distinct.indexOf(value as number);
    return index < 0 ? undefined : index / (distinct.length - 1);
  };
  const ticks = distinct.map((value) => ({at: at(value)!, value}));
  return {...scale, position: at, ticks};
}

// What of a curve's point a plot shows.
export function curveValue(point: CurvePoint, quantity: string): number | undefined {
  return quantity === 'train_loss' ? point.train_loss : point.scores?.[quantity];
}

export interface MeanPoint {
  step: number;
  epoch: number;
  value: number;
}

// The mean over the folds, at the steps that all of them have; or, where folds are of different sizes
// and so take different steps in an epoch, at the epochs, and a mean step of each.
export function meanCurve(configuration: Configuration, quantity: string): MeanPoint[] {
  const curves = configuration.runs
    .map((run) => (run.curve ?? []).filter((p) => curveValue(p, quantity) !== undefined))
    .filter((curve) => curve.length > 0);
  const bySteps = alignedBy(curves, (point) => point.step, quantity);
  const byEpochs = alignedBy(curves, (point) => point.epoch, quantity);
  return byEpochs.length > bySteps.length ? byEpochs : bySteps;
}

function alignedBy(
  curves: CurvePoint[][],
  keyOf: (point: CurvePoint) => number | undefined,
  quantity: string,
): MeanPoint[] {
  const at = new Map<number, CurvePoint[]>();
  for (const point of curves.flat()) {
    const key = keyOf(point);
    if (key !== undefined) at.set(key, [...(at.get(key) ?? []), point]);
  }
  const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  return [...at]
    .filter(([, points]) => points.length === curves.length)
    .sort(([a], [b]) => a - b)
    .map(([, points]) => ({
      step: Math.round(mean(points.map((point) => point.step))),
      epoch: points[0]!.epoch ?? 0,
      value: mean(points.map((point) => curveValue(point, quantity)!)),
    }));
}

// Ranked configurations in their order, then the others: halved ones, then failed ones.
export function inOrder(job: Job): Configuration[] {
  const sign = job.metric.larger_is_better ? -1 : 1;
  const of = (c: Configuration): number => {
    const mean = c.mean?.[job.metric.name];
    return mean === undefined ? Infinity : sign * mean;
  };
  const group = (c: Configuration): number => {
    if (c.rank !== undefined) return 0;
    return c.state === 'done' ? 1 : c.state === 'halved' ? 2 : 3;
  };
  const ascending = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1);
  return [...job.configurations].sort(
    (a, b) =>
      ascending(group(a), group(b)) ||
      ascending(a.rank ?? 0, b.rank ?? 0) ||
      ascending(of(a), of(b)) ||
      a.id - b.id,
  );
}

// Places things that share a column side by side around its middle, in their order.
export function inColumns<T>(things: T[], columnOf: (thing: T) => number): Map<T, number> {
  const sizes = new Map<number, number>();
  for (const thing of things) sizes.set(columnOf(thing), (sizes.get(columnOf(thing)) ?? 0) + 1);
  const most = Math.max(1, ...sizes.values());
  const step = Math.min(0.12, 0.7 / most);
  const next = new Map<number, number>();
  const places = new Map<T, number>();
  for (const thing of things) {
    const column = columnOf(thing);
    const index = next.get(column) ?? 0;
    next.set(column, index + 1);
    places.set(thing, column + step * (index - (sizes.get(column)! - 1) / 2));
  }
  return places;
}
