// What the tests in a browser share: finding one, and what is asked of any page of ours.

import {accessSync, constants} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';

export const kLooks = [
  {width: 1400, scheme: 'light'},
  {width: 1400, scheme: 'dark'},
  {width: 400, scheme: 'light'},
  {width: 400, scheme: 'dark'},
];

const failures = [];

export function expect(holds, where, what) {
  if (!holds) failures.push(`${where}: ${what}`);
}

// Says what did not hold, and fails the process if anything did not.
export function report() {
  for (const failure of failures) console.log(`FAILED: ${failure}`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

// Its path; undefined: there is none.
export function findChromium() {
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  const folders = (process.env['PATH'] ?? '').split(':');
  return [
    ...(process.env['BALLAST_CHROMIUM'] ? [process.env['BALLAST_CHROMIUM']] : []),
    ...names.flatMap((name) => folders.map((folder) => path.join(folder, name))),
  ].find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

// `packages` is where `npm ci` put playwright-core.
export async function launch(packages, executablePath) {
  const {chromium} = createRequire(path.resolve(packages, 'package.json'))('playwright-core');
  return chromium.launch({executablePath});
}

// In the page: what is cut off by the window's edges, and by how much the page is wider.
export function inspectEdges() {
  const wide = document.documentElement.clientWidth;
  const cut = [];
  for (const element of document.querySelectorAll(
    'h1, h2, h3, p, dt, dd, li, figcaption, select, pre code, .plot svg, .plot text',
  )) {
    const box = element.getBoundingClientRect();
    if (box.width === 0 || element.closest('.scroll, .visually-hidden')) continue;
    if (box.left < -0.5 || box.right > wide + 0.5)
      cut.push(`${element.tagName} "${element.textContent.slice(0, 30)}"`);
  }
  return {cut, overflow: document.documentElement.scrollWidth - wide};
}

// In the page: its luminance, and the lowest contrast of these texts with it and with a panel on it
// (WCAG 2.2, relative luminance).
export function inspectContrast({panel: above, texts}) {
  const parse = (color) => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) =>
      v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const page = luminance(parse(getComputedStyle(document.body).backgroundColor));
  const panel = luminance(parse(getComputedStyle(document.querySelector(above)).backgroundColor));
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const inks = texts
    .map((name) => document.querySelector(name))
    .filter(Boolean)
    .map((element) => luminance(parse(getComputedStyle(element).color)));
  return {page, lowest: Math.min(...inks.flatMap((ink) => [ratio(ink, page), ratio(ink, panel)]))};
}
