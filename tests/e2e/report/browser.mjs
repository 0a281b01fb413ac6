// Opens reports as their readers do and says what is wrong with them.
//
// Usage: node browser.mjs PACKAGES DIRECTORY [PICTURES]
//
// DIRECTORY holds one directory with a report.html for each name below. PACKAGES is where `npm ci`
// put playwright-core. With PICTURES, screenshots and prints are left there.

import {mkdirSync} from 'node:fs';
import path from 'node:path';
import {pathToFileURL} from 'node:url';

import {
  expect,
  findChromium,
  inspectContrast,
  inspectEdges,
  kLooks,
  launch,
  report,
} from '../browser/browser.mjs';

const [packages, directory, pictures] = process.argv.slice(2);

// How many plots each has, so that none goes missing unnoticed, and rows in its table of runs.
const pages = {
  'binary-search': {plots: 14, runs: 60},
  'multiclass-cv': {plots: 8, runs: 10},
  'regression-grid': {plots: 11, runs: 36},
  failed: {plots: 0, runs: 6},
  empty: {plots: 0, runs: 0},
  training: {plots: 4, runs: 0},
  nested: {plots: 12, runs: 12},
  unfinished: {plots: 4, runs: 0},
};

const chromium = findChromium();
if (!chromium) {
  console.log(
    'FAILED: the report is looked at in Chromium, and there is none: run `./dev setup --test` ' +
      '(Debian: apt-get install chromium), or name one in $BALLAST_CHROMIUM',
  );
  process.exit(1);
}

const kContrast = {
  panel: '.summary',
  texts: ['.details', '.kind', '.note', 'footer', 'h1', 'figcaption', '.plot'],
};

// ---- what is asked of a page, inside of it -------------------------------------------------------

function inspectPage() {
  const cut = [];
  // Text of a plot that lies beside it: over the column next to it.
  for (const text of document.querySelectorAll('.plot svg text')) {
    const box = text.getBoundingClientRect();
    const svg = text.closest('svg').getBoundingClientRect();
    if (
      box.width > 0 &&
      (box.left < svg.left - 3 || box.right > svg.right + 3 || box.bottom > svg.bottom + 3)
    ) {
      cut.push(`text "${text.textContent}" beyond its plot`);
    }
  }
  // What lies on top of something else: a block on the one before it, or two labels of an axis.
  const meet = (a, b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  const onTop = [];
  for (const section of document.querySelectorAll('main, section, .grid, figure')) {
    const boxes = [...section.children].map((child) => child.getBoundingClientRect());
    boxes.forEach((box, i) => {
      if (i > 0 && meet(boxes[i - 1], box)) {
        onTop.push(`"${section.children[i].textContent.slice(0, 30)}" on what is above`);
      }
    });
  }
  for (const axis of document.querySelectorAll('.plot svg [aria-label$="tick label"]')) {
    const texts = [...axis.querySelectorAll('text')];
    const boxes = texts.map((text) => text.getBoundingClientRect());
    boxes.forEach((box, i) => {
      const under = boxes.slice(0, i).findIndex((other) => meet(other, box));
      if (under >= 0) onTop.push(`"${texts[i].textContent}" on "${texts[under].textContent}"`);
    });
  }
  const svgs = [...document.querySelectorAll('.plot svg')];
  const figures = [...document.querySelectorAll('figure')];
  return {
    cut,
    onTop,
    plots: svgs.length,
    empty: svgs.filter((svg) => svg.querySelectorAll('path, circle, rect, line').length < 2).length,
    broken: svgs
      .filter((svg) => /NaN|undefined/.test(svg.outerHTML))
      .map((svg) => svg.getAttribute('aria-label')),
    unnamed: svgs.filter(
      (svg) =>
        svg.getAttribute('role') !== 'img' || (svg.getAttribute('aria-label') ?? '').length < 20,
    ).length,
    untitled: figures.filter(
      (one) => !document.getElementById(one.getAttribute('aria-labelledby'))?.textContent,
    ).length,
    untabled: figures.filter((one) => !one.querySelector('details')).length,
    twice: [...document.querySelectorAll('[id]')]
      .map((e) => e.id)
      .filter((id, i, all) => all.indexOf(id) !== i),
    odd: /undefined|NaN|\[object/.test(document.body.innerText),
    rows: document.querySelectorAll('#runs tbody tr').length,
    images: document.images.length,
    title: document.title,
    heading: document.querySelector('h1').textContent,
    scripts: document.scripts.length,
  };
}

// ---- the checks ----------------------------------------------------------------------------------

async function open(browser, name, {width, scheme}) {
  const page = await browser.newPage({viewport: {width, height: 900}, colorScheme: scheme});
  const where = `${name}, ${width} px, ${scheme}`;
  const address = pathToFileURL(path.join(directory, name, 'report.html')).href;
  page.on('console', (message) => expect(false, where, `the console says: ${message.text()}`));
  page.on('pageerror', (error) => expect(false, where, `an error: ${error.stack}`));
  page.on('request', (request) => {
    const url = request.url();
    expect(url === address || url === 'data:,', where, `asks for ${url}`);
  });
  page.on('dialog', (dialog) => {
    expect(false, where, `a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(address);
  return {page, where};
}

async function checkLook(browser, name, look) {
  const {page, where} = await open(browser, name, look);
  const seen = await page.evaluate(inspectPage);
  const edges = await page.evaluate(inspectEdges);
  expect(edges.overflow <= 0, where, `${edges.overflow} px wider than the window`);
  const cut = [...edges.cut, ...seen.cut];
  expect(cut.length === 0, where, `cut off: ${cut.slice(0, 5).join('; ')}`);
  expect(
    seen.onTop.length === 0,
    where,
    `on top of each other: ${seen.onTop.slice(0, 5).join('; ')}`,
  );
  expect(
    seen.plots === pages[name].plots,
    where,
    `${seen.plots} plots, expected ${pages[name].plots}`,
  );
  expect(seen.empty === 0, where, `${seen.empty} plots are empty`);
  expect(seen.broken.length === 0, where, `NaN in: ${seen.broken.join('; ')}`);
  expect(seen.unnamed === 0, where, `${seen.unnamed} plots have no accessible name`);
  expect(seen.untitled === 0, where, `${seen.untitled} figures have no title`);
  expect(seen.untabled === 0, where, `${seen.untabled} figures have no table beside them`);
  expect(seen.twice.length === 0, where, `ids twice: ${seen.twice.join(', ')}`);
  expect(!seen.odd, where, 'the text says undefined, NaN or [object');
  expect(
    seen.rows === pages[name].runs,
    where,
    `${seen.rows} rows of runs, expected ${pages[name].runs}`,
  );
  expect(seen.images === 0 && seen.scripts === 0, where, 'names became markup');
  expect(seen.title.startsWith(seen.heading), where, `the title is "${seen.title}"`);

  const {page: luminance, lowest} = await page.evaluate(inspectContrast, kContrast);
  expect(
    look.scheme === 'dark' ? luminance < 0.05 : luminance > 0.8,
    where,
    `the page's luminance is ${luminance}`,
  );
  expect(lowest >= 4.5, where, `text with a contrast of ${lowest.toFixed(2)}`);
  if (pictures) {
    const file = path.join(pictures, `${name}-${look.width}-${look.scheme}.png`);
    await page.screenshot({path: file, fullPage: true});
  }
  await page.close();
}

// What a reader does who has no mouse.
async function checkKeyboard(browser, name) {
  const {page, where} = await open(browser, name, {width: 1400, scheme: 'light'});
  const focused = () => page.evaluate(() => document.activeElement.textContent.trim());
  await page.keyboard.press('Tab');
  expect(
    (await focused()) === 'Skip to the summary',
    where,
    `Tab leads to "${await focused()}" first`,
  );
  await page.keyboard.press('Tab');
  expect(
    (await focused()) === 'Skip to: All runs',
    where,
    `Tab leads to "${await focused()}" second`,
  );
  await page.keyboard.press('Enter');
  const reach = async (selector) => {
    for (let i = 0; i < 12; ++i) {
      if (await page.evaluate((s) => document.activeElement.matches(s), selector)) return true;
      await page.keyboard.press('Tab');
    }
    return false;
  };
  expect(
    await reach('#runs .sort'),
    where,
    'the keyboard does not reach the headers of the table of runs',
  );

  const column = () =>
    page.evaluate(() =>
      [...document.querySelectorAll('#runs tbody tr > :first-child')].map((e) => e.textContent),
    );
  const before = await column();
  await page.keyboard.press('Enter');
  const up = await column();
  await page.keyboard.press('Enter');
  const down = await column();
  const way = await page.evaluate(() =>
    document.querySelector('#runs thead th').getAttribute('aria-sort'),
  );
  expect(way === 'descending', where, `after sorting twice aria-sort is ${way}`);
  expect(up.join() === [...before].sort().join(), where, 'sorting by run does not sort');
  expect(down.join() === [...up].reverse().join(), where, 'sorting again does not turn it around');

  await page.focus('.theme');
  await page.keyboard.press('Space');
  const dark = (await page.evaluate(inspectContrast, kContrast)).page;
  await page.keyboard.press('Space');
  const light = (await page.evaluate(inspectContrast, kContrast)).page;
  expect(
    dark < 0.05 && light > 0.8,
    where,
    `the switch of the theme gives luminance ${dark}, then ${light}`,
  );
  await page.close();
}

async function checkControls(browser) {
  const {page, where} = await open(browser, 'binary-search', {width: 1400, scheme: 'light'});
  const plot = () => page.evaluate(() => document.querySelector('#scores .plot').innerHTML);
  const before = await plot();
  await page.selectOption('#scores select', 'log_loss');
  expect((await plot()) !== before, where, 'another metric changes nothing');

  await page.fill('#runs input', 'c007 done');
  const found = await page.locator('#runs tbody tr:visible').count();
  expect(found === 5, where, `searching the runs of one configuration finds ${found}, expected 5`);

  const tables = await page.evaluate(() => {
    const all = [...document.querySelectorAll('figure details')];
    for (const one of all) one.open = true;
    return all.length;
  });
  await page.waitForFunction(
    (n) => document.querySelectorAll('figure details table').length === n,
    tables,
  );
  const poor = await page.evaluate(() =>
    [...document.querySelectorAll('figure details table')]
      .filter(
        (t) =>
          t.rows.length < 2 ||
          !t.caption?.textContent ||
          [...t.rows].some((r) => r.cells.length !== t.rows[0].cells.length),
      )
      .map((t) => t.caption?.textContent),
  );
  expect(poor.length === 0, where, `tables without rows, a caption or cells: ${poor.join('; ')}`);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow <= 0, where, 'open tables are wider than the window');

  await page.setViewportSize({width: 700, height: 900});
  await page.waitForFunction(() =>
    [...document.querySelectorAll('.plot svg')].every(
      (svg) => Number(svg.getAttribute('width')) <= 700,
    ),
  );
  await page.close();
}

async function checkPrint(browser, name) {
  const {page, where} = await open(browser, name, {width: 1400, scheme: 'dark'});
  const options = {preferCSSPageSize: true, printBackground: true};
  const pdf = await page.pdf(
    pictures ? {...options, path: path.join(pictures, `${name}.pdf`)} : options,
  );
  const sheets = (pdf.toString('latin1').match(/\/Type\s*\/Page\b/g) ?? []).length;
  expect(sheets >= 1 && sheets <= 12, where, `prints on ${sheets} sheets`);
  await page.emulateMedia({media: 'print'});
  const shown = await page.evaluate(() =>
    ['nav', '.theme', '.choice', '.numbers', '.skip'].filter((s) =>
      document.querySelector(s)?.checkVisibility(),
    ),
  );
  expect(shown.length === 0, where, `prints ${shown.join(', ')}`);
  // A sheet of A4 within its margins: what is wider is cut.
  await page.setViewportSize({width: 696, height: 1000});
  const wide = await page.evaluate(() =>
    [...document.querySelectorAll('table, pre, .tiles, h1, h2')]
      .filter(
        (e) => e.closest('details') === null && e.getBoundingClientRect().right > innerWidth + 1,
      )
      .map((e) => (e.caption ?? e).textContent.slice(0, 30)),
  );
  expect(wide.length === 0, where, `wider than a sheet: ${wide.join('; ')}`);
  const {page: luminance} = await page.evaluate(inspectContrast, kContrast);
  expect(luminance > 0.95, where, `prints on a page of luminance ${luminance}`);
  await page.close();
}

const browser = await launch(packages, chromium);
if (pictures) mkdirSync(pictures, {recursive: true});
for (const name of Object.keys(pages)) {
  for (const look of kLooks) await checkLook(browser, name, look);
  await checkPrint(browser, name);
  console.log(`looked at: ${name}`);
}
for (const name of ['binary-search', 'multiclass-cv']) await checkKeyboard(browser, name);
await checkControls(browser);
await browser.close();

report();
