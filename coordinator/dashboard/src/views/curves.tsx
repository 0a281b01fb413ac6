// The curves of a run as they grow.

import * as Plot from '@observablehq/plot';
import {useState} from 'preact/hooks';

import {paddedDomain} from '../../../web/src/domains';
import {capitalized, count, metricName, score} from '../../../web/src/format';
import {
  batchPoints,
  drawPlain,
  drawSeries,
  metricsOf,
  seriesOf,
  type HistoryLine,
  type LinePoint,
  type Series,
} from '../../../web/src/lines';
import {axes, gridY, kColor, plot} from '../../../web/src/look';
import {thinned} from '../record';
import type {Pace} from '../watch';
import {Figure, Legend} from './plot';

const kPointsMax = 1200;

export function Curves({history}: {history: HistoryLine[]}) {
  const metrics = metricsOf(history.slice(-50));
  return (
    <>
      <SplitFigure history={history} title="Loss" metrics={['loss']} />
      {metrics.length > 0 && <SplitFigure history={history} title="Metrics" metrics={metrics} />}
      <BatchFigure history={history} title="Norm of the gradient" of="gradient_norm" />
      <BatchFigure history={history} title="Learning rate" of="learning_rate" />
    </>
  );
}

function seriesFor(history: HistoryLine[], metric: string): Series[] {
  return (['train', 'validation'] as const)
    .map((split) => seriesOf(history, split, metric))
    .map((series) => ({...series, points: thinned(series.points, kPointsMax)}))
    .filter((series) => series.points.length > 0);
}

function SplitFigure(props: {history: HistoryLine[]; title: string; metrics: string[]}) {
  const [chosen, choose] = useState(props.metrics[0]!);
  const metric = props.metrics.includes(chosen) ? chosen : props.metrics[0]!;
  const series = seriesFor(props.history, metric);
  const batches = metric === 'loss' ? thinned(batchPoints(props.history, 'loss'), kPointsMax) : [];
  const latest = series.map(({name, points}) => `${name} ${score(points.at(-1)!.value)}`);
  return (
    <Figure
      title={props.title}
      name={`Line plot: ${metricName(metric)} by step; latest: ${latest.join(', ') || score(batches.at(-1)?.value)}.`}
      of={[props.history, metric]}
      draw={(width) => drawSeries(width, 'step', metricName(metric), series, batches)}
      choice={
        props.metrics.length > 1 && (
          <label class="choice">
            <span>Metric</span>
            <select value={metric} onChange={(event) => choose(event.currentTarget.value)}>
              {props.metrics.map((name) => (
                <option key={name} value={name}>
                  {capitalized(metricName(name))}
                </option>
              ))}
            </select>
          </label>
        )
      }
      caption={
        <Legend
          entries={[
            ...(batches.length > 0 ? [{mark: 'line faint', text: 'single batches, smoothed'}] : []),
            ...series.map(({mark, name}) => ({mark, text: name})),
          ]}
        />
      }
    />
  );
}

function BatchFigure(props: {
  history: HistoryLine[];
  title: string;
  of: 'gradient_norm' | 'learning_rate';
}) {
  const points = thinned(batchPoints(props.history, props.of), kPointsMax);
  if (points.length < 2) return null;
  return (
    <Figure
      title={props.title}
      name={`Line plot: ${props.title.toLowerCase()} by step; latest: ${score(points.at(-1)!.value)}.`}
      of={[props.history]}
      draw={(width) => drawPlain(width, points)}
    />
  );
}

// Against time, since it is not in the history.
export function PaceFigure({pace, batch}: {pace: Pace[]; batch: number}) {
  if (pace.length < 5) return null;
  const end = pace.at(-1)!.at;
  const points: LinePoint[] = pace.map(({at, steps}) => ({
    z: 'pace',
    step: at - end,
    epoch: 0,
    value: steps * batch,
  }));
  return (
    <Figure
      title="Throughput"
      name={`Line plot: examples a second over the last minutes; now ${count(points.at(-1)!.value)}.`}
      of={[pace]}
      caption="Examples a second, while this page is open."
      draw={(width) =>
        plot(width, {
          height: 220,
          marginLeft: 60,
          y: {domain: paddedDomain([0, ...points.map((p) => p.value)], 0.04), zero: true},
          x: {domain: [Math.min(-10, points[0]!.step), 0]},
          marks: [
            gridY({ticks: 4}),
            ...axes(width, {x: 'seconds'}),
            Plot.line(points, {x: 'step', y: 'value', stroke: kColor.accent, strokeWidth: 2}),
          ],
        })
      }
    />
  );
}
