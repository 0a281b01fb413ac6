// The tables of a job: configurations, and every run.

import {meanSeconds} from './advice';
import {h} from './dom';
import {
  capitalized,
  causeAndRemedy,
  count,
  duration,
  metricName,
  parameterNames,
  parameterValue,
  pValue,
  score,
  signed,
  stateName,
} from '../../web/src/format';
import {inOrder} from './scales';
import {chosenOf} from './summary';
import {
  cell,
  scrollable,
  sortableTable,
  type Cell,
  type Column,
  type Row,
  type TableData,
} from './table';
import type {Job, ParameterValue, Timings} from './types';

// A sheet of paper is no wider; the file results.csv has all.
const kPrintedMax = 6;

const none: Cell = {text: '–', key: undefined};

function numberCell(value: number | undefined, text: (v: number) => string): Cell {
  return value === undefined ? none : {text: text(value), key: value};
}

function parameterCell(value: ParameterValue | undefined): Cell {
  if (value === undefined || value === null) return none;
  return {text: parameterValue(value), key: typeof value === 'number' ? value : String(value)};
}

export function configurationTable(job: Job, timings: Timings): HTMLElement {
  const metric = job.metric.name;
  const chosen = chosenOf(job);
  const names = parameterNames(job.parameters.map((p) => p.name));
  const columns: Column[] = [
    {name: 'Configuration', header: true, numeric: true},
    {name: 'Rank', numeric: true},
    {name: 'State'},
    ...job.parameters.map((p) => ({name: capitalized(names.get(p.name)!), numeric: true})),
    {name: `Mean ${metricName(metric)}`, numeric: true},
    {name: 'Deviation', numeric: true},
    {name: '95\u202f% interval', numeric: true},
    {name: 'Behind the best', numeric: true},
    {name: 'p', numeric: true},
    {name: 'Time per run', numeric: true},
  ];
  const rows = inOrder(job).map((c): Row => {
    const ends = c.interval?.[metric];
    const cells = [
      {
        text: c === chosen ? `${c.id} ✓` : `${c.id}`,
        key: c.id,
        ...(c === chosen ? {title: 'chosen'} : {}),
      },
      numberCell(c.rank, count),
      stateCell(c.state, c.reason),
      ...job.parameters.map((p) => parameterCell(c.parameters[p.name])),
      numberCell(c.mean?.[metric], score),
      numberCell(c.standard_deviation?.[metric], score),
      ends ? {text: `${score(ends[0])} – ${score(ends[1])}`, key: ends[0]} : none,
      numberCell(c.versus_best?.difference, signed),
      numberCell(c.versus_best?.p, (p) => pValue(p).replace(/^p (= )?/, '')),
      numberCell(meanSeconds(c, timings), duration),
    ];
    return {cells, ...(c === chosen ? {class: 'chosen'} : {})};
  });
  return sortable('Configurations', {caption: 'All configurations, the best first', columns, rows});
}

function stateCell(state: string, reason: string | undefined): Cell {
  // What may help is the same in every row, and in the summary.
  const text = reason ? `${stateName(state)}: ${causeAndRemedy(reason)[0]}` : stateName(state);
  return {text, class: `state ${state}`, ...(reason ? {title: reason} : {})};
}

export function runTable(job: Job, timings: Timings): HTMLElement {
  const chosen = chosenOf(job);
  const metrics = [job.metric.name, ...job.metrics.filter((name) => name !== job.metric.name)];
  const repeats = (job.split.repeats ?? 1) > 1;
  const several = job.configurations.length > 1;
  const columns: Column[] = [
    {name: 'Run', header: true},
    ...(several ? [{name: 'Configuration', numeric: true}] : []),
    ...(repeats ? [{name: 'Repeat', numeric: true}] : []),
    {name: 'Fold', numeric: true},
    {name: 'State'},
    ...metrics.map((name, i) => ({
      name: capitalized(metricName(name)),
      numeric: true,
      screenOnly: i >= kPrintedMax,
    })),
    {name: 'Steps', numeric: true},
    {name: 'Trained on', numeric: true},
    {name: 'Scored on', numeric: true},
    {name: 'Time', numeric: true},
  ];
  const rows = inOrder(job).flatMap((c) =>
    c.runs.map(
      (run): Row => ({
        cells: [
          cell(run.run),
          ...(several ? [cell(`${c.id}`, c.id)] : []),
          ...(repeats ? [cell(`${run.repeat}`, run.repeat)] : []),
          cell(`${run.fold}`, run.fold),
          stateCell(run.state, run.reason),
          ...metrics.map((name) => numberCell(run.scores?.[name], score)),
          numberCell(run.steps, count),
          numberCell(run.train_examples, count),
          numberCell(run.validation_examples, count),
          numberCell(timings.runs?.[run.run]?.seconds, duration),
        ],
        ...(c === chosen ? {class: 'chosen'} : {}),
      }),
    ),
  );
  return sortable('All runs', {caption: 'All runs', columns, rows});
}

// A table with headers to sort by and, when it is long, a field to search it.
function sortable(label: string, data: TableData): HTMLElement {
  const {element, filter} = sortableTable(data);
  const region = scrollable(label, element);
  if (data.rows.length <= 10) return h('div', {class: 'table-block'}, region);
  const input = h('input', {type: 'search', autocomplete: 'off', spellcheck: 'false'});
  const total = `${count(data.rows.length)} rows`;
  const status = h('output', {class: 'note', 'aria-live': 'polite'}, total);
  input.addEventListener('input', () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = filter((row) =>
      words.every((word) => row.cells.some((of) => of.text.toLowerCase().includes(word))),
    );
    status.textContent = words.length ? `${count(shown)} of ${total}` : total;
  });
  const search = h('label', {class: 'choice'}, h('span', {}, 'Find in this table'), input);
  return h('div', {class: 'table-block'}, h('div', {class: 'table-head'}, search, status), region);
}
