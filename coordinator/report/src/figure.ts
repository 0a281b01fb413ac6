// A figure: title, plot, one sentence on how to read it, and its numbers as a table for whoever does
// not see it. Plots are drawn for the width they get, again when that changes, and for paper.

import {freshId, h, type Child} from './dom';
import {scrollable, table, type TableData} from './table';

export interface Choice {
  label: string;
  options: {value: string; text: string}[];
}

export interface FigureOptions {
  title: string;
  // How to read it.
  caption?: Child[];
  size?: 'full' | 'half';
  // The accessible name: what the plot shows, in a sentence.
  name: string;
  choices?: Choice[];
  draw(width: number, chosen: string[]): Element;
  table(chosen: string[]): TableData;
}

const kPaperWidth = {full: 700, half: 345};
const kTableRowsMax = 1000;

interface Drawn {
  draw(width?: number): void;
  holder: HTMLElement;
  paper: number;
}

const drawn: Drawn[] = [];

export function figure(options: FigureOptions): HTMLElement {
  const id = freshId('figure');
  const holder = h('div', {class: 'plot'});
  const selects = (options.choices ?? []).map(select);
  const chosen = (): string[] => selects.map(({input}) => input.value);
  const alternative = tableAlternative(options, chosen);
  const entry: Drawn = {
    holder,
    paper: kPaperWidth[options.size ?? 'full'],
    draw: (width = holder.clientWidth) => {
      if (width <= 0) return;
      const plot = options.draw(width, chosen());
      const svg = plot.matches('svg') ? plot : plot.querySelector('svg')!;
      svg.setAttribute('role', 'img');
      svg.setAttribute('aria-label', options.name);
      holder.replaceChildren(plot);
    },
  };
  for (const {input} of selects) {
    input.addEventListener('change', () => {
      entry.draw();
      alternative.refresh();
    });
  }
  drawn.push(entry);
  return h(
    'figure',
    {class: options.size ?? 'full', 'aria-labelledby': id},
    h(
      'div',
      {class: 'figure-head'},
      h('h3', {id}, options.title),
      ...selects.map((s) => s.element),
    ),
    holder,
    options.caption ? h('figcaption', {}, ...options.caption) : undefined,
    alternative.element,
  );
}

function select(choice: Choice): {element: HTMLElement; input: HTMLSelectElement} {
  const input = h('select', {});
  for (const option of choice.options)
    input.append(h('option', {value: option.value}, option.text));
  return {element: h('label', {class: 'choice'}, h('span', {}, choice.label), input), input};
}

// Filled when it is opened: thousands of numbers that nobody asked for slow a page down.
function tableAlternative(
  options: FigureOptions,
  chosen: () => string[],
): {element: HTMLElement; refresh: () => void} {
  const element = h('details', {class: 'numbers'}, h('summary', {}, 'Show as a table'));
  const refresh = (): void => {
    if (!element.open) return;
    const data = options.table(chosen());
    const rows = data.rows.slice(0, kTableRowsMax);
    const note = `The first ${kTableRowsMax} of ${data.rows.length} rows.`;
    element.replaceChildren(
      element.firstElementChild!,
      scrollable(data.caption, table({...data, rows})),
      ...(rows.length < data.rows.length ? [h('p', {class: 'note'}, note)] : []),
    );
  };
  element.addEventListener('toggle', refresh);
  return {element, refresh};
}

// Draws all figures now that they have a place, and whenever their width changes.
export function drawFigures(): void {
  const widths = new Map<Element, number>();
  const observer = new ResizeObserver((entries) => {
    for (const {target, contentRect} of entries) {
      if (Math.round(widths.get(target) ?? 0) === Math.round(contentRect.width)) continue;
      widths.set(target, contentRect.width);
      drawn.find((one) => one.holder === target)?.draw();
    }
  });
  for (const one of drawn) {
    widths.set(one.holder, one.holder.clientWidth);
    one.draw();
    observer.observe(one.holder);
  }
  window.addEventListener('beforeprint', () => drawn.forEach((one) => one.draw(one.paper)));
  window.addEventListener('afterprint', () => drawn.forEach((one) => one.draw()));
}

// A line of a legend: the mark in the colours of the plot, and what it stands for.
export function legend(...entries: {mark: string; text: string}[]): HTMLElement {
  return h(
    'span',
    {class: 'legend'},
    ...entries.map(({mark, text}) =>
      h(
        'span',
        {class: 'legend-entry'},
        h('i', {class: `mark ${mark}`, 'aria-hidden': 'true'}),
        text,
      ),
    ),
  );
}
