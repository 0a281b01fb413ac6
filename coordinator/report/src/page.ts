// The frame of a report: masthead, contents, sections, the switch of the theme.

import {h, type Child} from './dom';
import type {Summary} from './summary';

export interface Section {
  id: string;
  title: string;
  content: Child[];
}

export interface PageOptions {
  name: string;
  kind: string;
  details: string[];
  summary: Summary;
  advice: string[];
  sections: Section[];
  ballast: string | undefined;
}

export function buildPage(options: PageOptions): void {
  document.title = `${options.name} · ${options.kind} · Ballast`;
  const sections = options.sections.filter((one) =>
    one.content.some((child) => child !== undefined),
  );
  const target = sections.find((one) => one.id === 'runs') ?? sections.at(-1);
  document.body.replaceChildren(
    h('a', {class: 'skip', href: '#summary'}, 'Skip to the summary'),
    ...(target ? [h('a', {class: 'skip', href: `#${target.id}`}, `Skip to: ${target.title}`)] : []),
    h('div', {class: 'page'}, masthead(options), main(options, sections), foot(options.ballast)),
  );
}

function masthead(options: PageOptions): HTMLElement {
  return h(
    'header',
    {class: 'masthead'},
    h('div', {class: 'brand'}, h('span', {class: 'wordmark'}, 'Ballast'), themeSwitch()),
    h('p', {class: 'kind'}, options.kind),
    h('h1', {}, options.name),
    h('p', {class: 'details'}, options.details.join('  ·  ')),
  );
}

function main(options: PageOptions, sections: Section[]): HTMLElement {
  const links = sections.map((one) => h('li', {}, h('a', {href: `#${one.id}`}, one.title)));
  return h(
    'main',
    {},
    summarySection(options.summary, options.advice),
    h('nav', {'aria-label': 'Sections'}, h('ul', {}, ...links)),
    ...sections.map((one) =>
      h(
        'section',
        {id: one.id, 'aria-labelledby': `${one.id}-title`, tabindex: -1},
        h('h2', {id: `${one.id}-title`}, one.title),
        ...one.content,
      ),
    ),
  );
}

function summarySection(summary: Summary, advice: string[]): HTMLElement {
  const tiles = summary.tiles.map((tile) =>
    h(
      'div',
      {class: 'tile'},
      h('dt', {}, tile.label),
      h('dd', {class: 'value'}, tile.value),
      h('dd', {class: 'note'}, tile.note),
    ),
  );
  const todo =
    advice.length === 1 ? advice[0]! : h('ul', {}, ...advice.map((one) => h('li', {}, one)));
  const facts = [
    ...summary.facts.map((fact) => [fact.term, fact.text] as const),
    ['What to do', todo] as const,
  ];
  return h(
    'section',
    {id: 'summary', class: 'summary', 'aria-labelledby': 'summary-title', tabindex: -1},
    h('h2', {id: 'summary-title', class: 'headline'}, summary.headline),
    h('dl', {class: 'tiles'}, ...tiles),
    h(
      'dl',
      {class: 'facts'},
      ...facts.map(([term, text]) => h('div', {}, h('dt', {}, term), h('dd', {}, text))),
    ),
  );
}

function foot(ballast: string | undefined): HTMLElement {
  const version = ballast === undefined ? 'Ballast' : `Ballast ${ballast}`;
  return h('footer', {}, `Made by ${version}. This file is complete in itself and loads nothing.`);
}

function themeSwitch(): HTMLElement {
  const root = document.documentElement;
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  const button = h(
    'button',
    {type: 'button', class: 'theme', 'aria-pressed': String(dark.matches)},
    'Dark',
  );
  const show = (isDark: boolean): void => button.setAttribute('aria-pressed', String(isDark));
  button.addEventListener('click', () => {
    const isDark = button.getAttribute('aria-pressed') !== 'true';
    root.dataset['theme'] = isDark ? 'dark' : 'light';
    show(isDark);
  });
  // What the system says counts until somebody decides otherwise.
  dark.addEventListener('change', () => {
    if (root.dataset['theme'] === undefined) show(dark.matches);
  });
  return button;
}

export function grid(...figures: (HTMLElement | undefined)[]): HTMLElement | undefined {
  const all = figures.filter((one): one is HTMLElement => one !== undefined);
  return all.length > 0 ? h('div', {class: 'grid'}, ...all) : undefined;
}

export function code(title: string, text: string): HTMLElement {
  const block = h('pre', {tabindex: 0, role: 'region', 'aria-label': title}, h('code', {}, text));
  return h('div', {class: 'code'}, h('h3', {}, title), block);
}
