// Reads the job out of the page and builds the report.

import {advise} from './advice';
import {h, type Child} from './dom';
import {drawFigures} from './figure';
import {capitalized, count, metricName, plural, score} from '../../web/src/format';
import {buildPage, code, grid} from './page';
import {learningFigures} from './plots/curves';
import {parallelFigure} from './plots/parallel';
import {costFigure, parameterFigures} from './plots/parameters';
import {qualityFigures, qualityNote} from './plots/quality';
import {scoresFigure} from './plots/scores';
import {timeFigure} from './plots/time';
import {trainingFigures} from './plots/training';
import {decision, meanOf, nestedText, summarize} from './summary';
import {cell, scrollable, table} from './table';
import {configurationTable, runTable} from './tables';
import {adviseTraining, finalNotes, splitsOf, summarizeTraining} from './training_summary';
import type {Job, Nested, Scores, Timings, Training} from './types';

function read<T>(id: string): T {
  return JSON.parse(document.getElementById(id)!.textContent!) as T;
}

const kTasks = {binary: 'two classes', multiclass: 'classes', regression: 'regression'};

function taskText(task: Job['task'], classes: string[] | undefined): string {
  return task === 'multiclass' && classes
    ? plural(classes.length, 'class', 'classes')
    : kTasks[task];
}

function buildJob(job: Job, timings: Timings): void {
  const several = job.configurations.length > 1;
  const scored = job.configurations.filter((c) => meanOf(job, c) !== undefined);
  buildPage({
    name: job.name,
    kind: job.kind === 'search' ? 'Search' : 'Cross-validation',
    details: [
      taskText(job.task, job.classes),
      ...(job.examples === undefined ? [] : [plural(job.examples, 'example')]),
      `decided by ${metricName(job.metric.name)}`,
      ...(job.seed === undefined ? [] : [`seed ${job.seed}`]),
    ],
    summary: summarize(job, timings),
    advice: advise(job, timings),
    ballast: job.ballast,
    sections: [
      {id: 'scores', title: 'Scores', content: [scored.length > 0 ? scoresFigure(job) : undefined]},
      {id: 'parameters', title: 'Parameters', content: parameterContent(job, scored.length)},
      {id: 'learning', title: 'Learning', content: [grid(...learningFigures(job))]},
      {
        id: 'quality',
        title: 'Predictions',
        content: job.curves ? [qualityNote(job), grid(...qualityFigures(job))] : [],
      },
      {id: 'final', title: job.refit ? 'Final model' : 'Nested splits', content: finalContent(job)},
      {
        id: 'time',
        title: 'Time',
        content: [grid(timeFigure(job, timings), costFigure(job, timings))],
      },
      {
        id: 'configurations',
        title: 'Configurations',
        content: several ? [configurationTable(job, timings)] : [],
      },
      {
        id: 'runs',
        title: 'All runs',
        content: job.configurations.length > 0 ? [runTable(job, timings)] : [],
      },
      {
        id: 'spec',
        title: 'Spec',
        content: job.spec === undefined ? [] : [code('The job, as it was asked for', job.spec)],
      },
    ],
  });
}

function parameterContent(job: Job, scored: number): Child[] {
  if (job.parameters.length === 0 || scored < 2) return [];
  return [
    grid(...parameterFigures(job)),
    job.parameters.length > 1 ? parallelFigure(job) : undefined,
  ];
}

function finalContent(job: Job): Child[] {
  const content: Child[] = [];
  if (job.refit) {
    content.push(
      h(
        'p',
        {class: 'intro'},
        'The chosen configuration, trained once more on all examples of the folds.',
      ),
      ...digestLine(job.refit.digest),
      note(decision(job)),
      metricsTable('Metrics of the final model', job.refit.metrics ?? {}),
    );
  }
  if (job.nested) {
    if (job.refit) content.push(h('h3', {class: 'part'}, 'Nested splits'));
    content.push(...nestedContent(job, job.nested));
  }
  return content;
}

function nestedContent(job: Job, nested: Nested): Child[] {
  const metric = job.metric.name;
  const repeats = new Set(nested.outer.map((one) => one.repeat ?? 0)).size > 1;
  return [
    h('p', {class: 'intro'}, nestedText(job, nested)),
    scrollable(
      'Nested splits',
      table({
        caption: 'What the search chose and scored in each outer fold',
        columns: [
          ...(repeats ? [{name: 'Repeat', header: true, numeric: true}] : []),
          {name: 'Outer fold', header: true, numeric: true},
          {name: 'Chosen', numeric: true},
          {name: capitalized(metricName(metric)), numeric: true},
        ],
        rows: nested.outer.map((one) => ({
          cells: [
            ...(repeats ? [cell(`${one.repeat ?? 0}`)] : []),
            cell(`${one.fold}`),
            cell(one.chosen === undefined ? '–' : `${one.chosen}`),
            cell(one.scores[metric] === undefined ? '–' : score(one.scores[metric])),
          ],
        })),
      }),
    ),
  ];
}

function note(text: string): Child {
  return text === '' ? undefined : h('p', {class: 'note'}, text);
}

function digestLine(digest: string | undefined): Child[] {
  if (digest === undefined) return [];
  return [h('p', {class: 'digest'}, h('span', {}, 'SHA-256 of the model'), h('code', {}, digest))];
}

function metricsTable(caption: string, metrics: Record<string, Scores>): HTMLElement | undefined {
  const splits = ['train', 'validation', 'test'].filter((split) => metrics[split] !== undefined);
  const names = [...new Set(splits.flatMap((split) => Object.keys(metrics[split]!)))];
  if (names.length === 0) return undefined;
  return scrollable(
    caption,
    table({
      caption,
      columns: [
        {name: 'Metric', header: true},
        ...splits.map((name) => ({name: capitalized(name), numeric: true})),
      ],
      rows: names.map((name) => ({
        cells: [
          cell(metricName(name)),
          ...splits.map((split) => cell(score(metrics[split]![name]))),
        ],
      })),
    }),
  );
}

function buildTraining(training: Training): void {
  const examples = Object.entries(training.examples ?? {})
    .filter(([, n]) => n > 0)
    .map(([split, n]) => `${count(n)} ${split}`);
  const measured = splitsOf(training).length > 0;
  buildPage({
    name: training.name,
    kind: 'Training run',
    details: [
      taskText(training.task, training.classes),
      ...(examples.length ? [`${examples.join(', ')} examples`] : []),
      ...(training.seed === undefined ? [] : [`seed ${training.seed}`]),
    ],
    summary: summarizeTraining(training),
    advice: adviseTraining(training),
    ballast: training.ballast,
    sections: [
      {
        id: 'curves',
        title: 'Curves',
        content: training.history.length > 0 ? [grid(...trainingFigures(training))] : [],
      },
      {
        id: 'metrics',
        title: 'Final metrics',
        content: measured
          ? [
              ...finalNotes(training).map(note),
              metricsTable('Final metrics by split', training.metrics!),
            ]
          : [],
      },
      {id: 'model', title: 'Model', content: digestLine(training.digest)},
      {id: 'spec', title: 'Spec', content: [code('The job, as it was asked for', training.spec)]},
    ],
  });
}

const job = read<Job | Training>('job');
if (job.kind === 'training') {
  buildTraining(job);
} else {
  buildJob(job, read<Timings>('timings'));
}
drawFigures();
