// Tables: sortable by their headers, which are buttons, and scrolled sideways by keyboard where they
// are wider than the page.

import {freshId, h, type Child} from './dom';

export interface Cell {
  text: string;
  // What sorting compares; the text when absent. Undefined sorts last either way.
  key?: number | string | undefined;
  class?: string;
  title?: string;
}

export interface Column {
  name: string;
  numeric?: boolean;
  // Stays in view while the others scroll.
  header?: boolean;
  // Left out on paper, which does not scroll.
  screenOnly?: boolean;
}

export interface Row {
  cells: Cell[];
  class?: string;
}

export interface TableData {
  caption: string;
  columns: Column[];
  rows: Row[];
}

export function cell(text: string, key?: number | string): Cell {
  return key === undefined ? {text} : {text, key};
}

export function scrollable(label: string, content: HTMLElement): HTMLElement {
  return h('div', {class: 'scroll', role: 'region', tabindex: 0, 'aria-label': label}, content);
}

export function table(data: TableData): HTMLTableElement {
  const heads = data.columns.map((column) =>
    h('th', {scope: 'col', class: classesOf(column)}, column.name),
  );
  return assemble(data, heads).element;
}

export function sortableTable(data: TableData): {
  element: HTMLTableElement;
  filter: (keep: (row: Row) => boolean) => number;
} {
  const heads: HTMLTableCellElement[] = data.columns.map((column, index) => {
    const button = h('button', {type: 'button', class: 'sort'}, column.name, arrow());
    button.addEventListener('click', () => sortBy(index));
    return h('th', {scope: 'col', class: classesOf(column)}, button);
  });
  const {element, body, rows} = assemble(data, heads);
  const sortBy = (index: number): void => {
    const head = heads[index]!;
    const way = head.getAttribute('aria-sort') === 'ascending' ? 'descending' : 'ascending';
    for (const other of heads) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', way);
    const order = [...rows.keys()].sort(
      (a, b) => compare(data.rows[a]!.cells[index]!, data.rows[b]!.cells[index]!, way) || a - b,
    );
    body.append(...order.map((i) => rows[i]!));
  };
  const filter = (keep: (row: Row) => boolean): number => {
    let shown = 0;
    rows.forEach((row, i) => {
      row.hidden = !keep(data.rows[i]!);
      if (!row.hidden) shown += 1;
    });
    return shown;
  };
  return {element, filter};
}

function classesOf(column: Column, more = ''): string | undefined {
  const all = [column.numeric ? 'numeric' : '', column.screenOnly ? 'screen-only' : '', more];
  return all.filter(Boolean).join(' ') || undefined;
}

function arrow(): HTMLElement {
  return h('span', {class: 'arrow', 'aria-hidden': 'true'});
}

export function compare(a: Cell, b: Cell, way: 'ascending' | 'descending'): number {
  const [x, y] = [keyOf(a), keyOf(b)];
  if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined);
  const sign = way === 'ascending' ? 1 : -1;
  if (typeof x === 'number' && typeof y === 'number') return sign * (x - y);
  return sign * String(x).localeCompare(String(y), 'en', {numeric: true});
}

function keyOf(of: Cell): number | string | undefined {
  if ('key' in of) return of.key;
  return of.text === '–' ? undefined : of.text;
}

function assemble(
  data: TableData,
  heads: HTMLTableCellElement[],
): {element: HTMLTableElement; body: HTMLTableSectionElement; rows: HTMLTableRowElement[]} {
  const rows = data.rows.map((row) =>
    h('tr', {class: row.class}, ...row.cells.map((of, i) => bodyCell(of, data.columns[i]!))),
  );
  const body = h('tbody', {}, ...rows);
  const caption = h('caption', {id: freshId('caption'), class: 'visually-hidden'}, data.caption);
  const element = h('table', {}, caption, h('thead', {}, h('tr', {}, ...heads)), body);
  return {element, body, rows};
}

function bodyCell(of: Cell, column: Column): HTMLElement {
  const attributes = {class: classesOf(column, of.class), title: of.title};
  const child: Child = of.text;
  return column.header ? h('th', {scope: 'row', ...attributes}, child) : h('td', attributes, child);
}
