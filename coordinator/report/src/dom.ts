// Elements from values. Text always becomes text nodes, so no name in a job can become markup.

export type Child = Node | string | undefined;
type Attributes = Record<string, string | number | boolean | undefined>;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child): child is Node | string => child !== undefined));
  return element;
}

let ids = 0;

export function freshId(prefix: string): string {
  ids += 1;
  return `${prefix}-${ids}`;
}

// What only a screen reader says.
export function hidden(text: string): HTMLElement {
  return h('span', {class: 'visually-hidden'}, text);
}
