// What all plots have in common. Colours are variables of the style sheet, so that changing the theme
// draws nothing anew.

import * as Plot from '@observablehq/plot';

import {logTicks} from './domains';

export const kColor = {
  ink: 'var(--ink)',
  muted: 'var(--muted)',
  faint: 'var(--faint)',
  rule: 'var(--rule)',
  accent: 'var(--accent)',
  second: 'var(--second)',
  third: 'var(--third)',
  page: 'var(--page)',
};

// Okabe and Ito's palette, darkened or lightened by theme: told apart by all kinds of colour vision.
export const kSeries = [1, 2, 3, 4, 5, 6].map((i) => `var(--series-${i})`);
export const kDashes = ['none', '6 3', '2 3', '8 3 2 3', '4 2', '1 2'];

// From low to high; lightness alone orders them too.
export const kSequence = [1, 2, 3, 4, 5, 6, 7].map((i) => `var(--sequence-${i})`);

export function isNarrow(width: number): boolean {
  return width < 520;
}

// The side of a plot whose axes mean the same.
export function square(width: number): number {
  return Math.min(width, 470);
}

export function plot(width: number, options: Plot.PlotOptions): Element {
  return Plot.plot({
    width,
    marginTop: 30,
    marginRight: 16,
    marginBottom: 40,
    marginLeft: 52,
    style: {
      fontFamily: 'inherit',
      fontSize: '12px',
      background: 'transparent',
      overflow: 'visible',
    },
    ...options,
  });
}

// Plain decimals where they are short.
export function tickText(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e4) return Plot.formatNumber()(value);
  return size !== 0 && size < 1e-4 ? value.toExponential() : String(Number(value.toPrecision(6)));
}

export function ticksFor(width: number): number {
  return isNarrow(width) ? 4 : 7;
}

export function gridX(options: Plot.GridXOptions = {}): Plot.Markish {
  return Plot.gridX({stroke: kColor.rule, strokeOpacity: 1, ...options});
}

export function gridY(options: Plot.GridYOptions = {}): Plot.Markish {
  return Plot.gridY({stroke: kColor.rule, strokeOpacity: 1, ...options});
}

// Both axes with no line of their own: the grid is enough.
export function axes(
  width: number,
  labels: {x?: string; y?: string},
  options: {x?: Plot.AxisXOptions; y?: Plot.AxisYOptions} = {},
): Plot.Markish[] {
  return [
    Plot.axisX({
      ticks: ticksFor(width),
      tickSize: 0,
      tickPadding: 8,
      label: labels.x ?? null,
      labelArrow: 'none',
      labelAnchor: 'right',
      labelOffset: 36,
      ...options.x,
    }),
    Plot.axisY({
      ticks: 5,
      tickSize: 0,
      tickPadding: 8,
      label: labels.y ?? null,
      labelArrow: 'none',
      labelOffset: 44,
      ...options.y,
    }),
  ];
}

// Those of the default write 200m for 0.2, and draw nine lines for each power of ten.
export function logAxis(values: number[]): {y: {ticks: number[]; tickFormat: typeof tickText}} {
  return {y: {ticks: logTicks(values), tickFormat: tickText}};
}
