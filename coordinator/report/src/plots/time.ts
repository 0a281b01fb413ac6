// When each run ran, and how long it took.

import * as Plot from '@observablehq/plot';

import {figure, legend} from '../figure';
import {duration, stateName} from '../../../web/src/format';
import {gridX, isNarrow, kColor, plot} from '../../../web/src/look';
import {packLanes} from '../scales';
import {chosenOf, innerRuns} from '../summary';
import {cell} from '../table';
import type {Job, Timings} from '../types';

interface Timed {
  run: string;
  state: string;
  // What stands on its bar.
  label: string;
  began: number;
  ended: number;
  lane: number;
  look: 'chosen' | 'done' | 'halved' | 'failed' | 'inner';
}

export function timedRuns(job: Job, timings: Timings): Timed[] {
  const chosen = chosenOf(job);
  const several = job.configurations.length > 1;
  const own = job.configurations.flatMap((c) =>
    c.runs.flatMap((run): Timed[] => {
      const time = timings.runs?.[run.run];
      if (time?.began === undefined) return [];
      const partial = run.state === 'failed' || run.state === 'halved' ? run.state : undefined;
      const look = partial ?? (c === chosen ? 'chosen' : 'done');
      return [
        {
          run: run.run,
          state: stateName(run.state),
          label: `${several ? c.id : run.fold}`,
          began: time.began,
          ended: time.began + time.seconds,
          lane: 0,
          look,
        },
      ];
    }),
  );
  const inner = innerRuns(job, timings).flatMap((run): Timed[] => {
    const {began, seconds} = timings.runs![run]!;
    if (began === undefined) return [];
    return [{run, state: '–', label: '', began, ended: began + seconds, lane: 0, look: 'inner'}];
  });
  const all = [...own, ...inner];
  const lanes = packLanes(all);
  return all.map((one, i) => ({...one, lane: lanes[i]!}));
}

const kFill = {
  chosen: kColor.accent,
  done: kColor.muted,
  halved: kColor.faint,
  failed: kColor.second,
  inner: kColor.third,
};

export function timeFigure(job: Job, timings: Timings): HTMLElement | undefined {
  const all = timedRuns(job, timings);
  if (all.length === 0) return undefined;
  const end = Math.max(...all.map((one) => one.ended));
  const lanes = Math.max(...all.map((one) => one.lane)) + 1;
  const looks = new Set(all.map((one) => one.look));
  const entries = [
    {
      look: 'chosen',
      mark: 'block accent',
      text: job.configurations.length > 1 ? 'chosen configuration' : 'done',
    },
    {look: 'done', mark: 'block muted', text: 'done'},
    {look: 'halved', mark: 'block faint', text: 'halved'},
    {look: 'failed', mark: 'block second', text: 'failed'},
    {look: 'inner', mark: 'block third', text: 'nested search'},
  ] as const;
  return figure({
    title: 'When each run ran',
    name: `Timeline: ${all.length} runs in ${duration(end)}, at most ${lanes} at once.`,
    caption: [
      legend(...entries.filter(({look}) => looks.has(look))),
      ` At most ${lanes} at once. Numbers are ${job.configurations.length > 1 ? 'configurations' : 'folds'}.`,
    ],
    draw: (width) => drawTimeline(all, lanes, end, width),
    table: () => ({
      caption: 'Beginning and duration of each run',
      columns: [
        {name: 'Run', header: true},
        {name: 'State'},
        {name: 'Began after', numeric: true},
        {name: 'Took', numeric: true},
      ],
      rows: all.map((one) => ({
        cells: [
          cell(one.run),
          cell(one.state),
          cell(duration(one.began)),
          cell(duration(one.ended - one.began)),
        ],
      })),
    }),
  });
}

function drawTimeline(all: Timed[], lanes: number, end: number, width: number): Element {
  const pixels = (width - 24) / Math.max(end, 1e-9);
  const roomy = all.filter((one) => (one.ended - one.began) * pixels > 18);
  const height = Math.max(14, Math.min(26, 420 / lanes));
  const unit = end >= 7200 ? 3600 : end >= 300 ? 60 : 1;
  const name = unit === 3600 ? 'hours' : unit === 60 ? 'minutes' : 'seconds';
  return plot(width, {
    height: 56 + lanes * height,
    marginLeft: 8,
    marginRight: 16,
    x: {domain: [0, end / unit]},
    y: {domain: [...Array(lanes).keys()], type: 'band', padding: 0.12, axis: null},
    marks: [
      gridX({ticks: isNarrow(width) ? 4 : 8}),
      Plot.barX(all, {
        x1: (one: Timed) => one.began / unit,
        x2: (one: Timed) => one.ended / unit,
        y: 'lane',
        fill: (one: Timed) => kFill[one.look],
        insetRight: 1,
        rx: 2,
      }),
      Plot.text(roomy, {
        x: (one: Timed) => (one.began + one.ended) / 2 / unit,
        y: 'lane',
        text: 'label',
        fill: (one: Timed) => (one.look === 'halved' ? kColor.ink : kColor.page),
        fontSize: 11,
        fontVariant: 'tabular-nums',
      }),
      Plot.axisX({
        ticks: isNarrow(width) ? 4 : 8,
        tickSize: 0,
        tickPadding: 8,
        label: name,
        labelArrow: 'none',
        labelAnchor: 'right',
        labelOffset: 34,
      }),
      Plot.tip(
        all,
        Plot.pointer({
          x: (one: Timed) => (one.began + one.ended) / 2 / unit,
          y: 'lane',
          title: (one: Timed) =>
            `${one.run}${one.state === '–' ? '' : `, ${one.state}`}\n${duration(one.ended - one.began)}`,
          fill: kColor.page,
          stroke: kColor.rule,
        }),
      ),
    ],
  });
}
