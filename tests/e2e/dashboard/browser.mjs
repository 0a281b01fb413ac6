// Uses the dashboard of a real service as people do, and says what is wrong with it.
//
// Usage: node browser.mjs PACKAGES SCRATCH PICTURES
//
// BALLAST is the binary, BALLAST_DIGEST the SHA-256 that the model of examples/digits/mlp.yaml has.
// PACKAGES is where `npm ci` put playwright-core. The service is started, killed and started again
// here; its agents are somebody else's, and meet it at SCRATCH/service. Screenshots go to PICTURES.

import {execFileSync, spawn} from 'node:child_process';
import {createHash} from 'node:crypto';
import {mkdirSync, openSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {createInterface} from 'node:readline';

import {
  expect,
  findChromium,
  inspectContrast,
  inspectEdges,
  kLooks,
  launch,
  report,
} from '../browser/browser.mjs';

const [packages, scratch, pictures] = process.argv.slice(2);
const ballast = process.env['BALLAST'];
const kContrast = {
  panel: '.head',
  texts: ['.note', '.details', '.count', 'thead th', 'h1', '.plot'],
};
const kPatience = 60_000;

mkdirSync(pictures, {recursive: true});

// ---- the service ---------------------------------------------------------------------------------

let service;
let address; // Once it is known; a service that is started again has the same.

async function serve() {
  const log = openSync(path.join(scratch, 'serve.log'), 'a');
  service = spawn(
    ballast,
    [
      ...['serve', '--state', path.join(scratch, 'state'), '--jobs', '2'],
      ...['--listen', `ipc://${path.join(scratch, 'service')}`],
      ...['--http', address ? new URL(address).host : '127.0.0.1:0'],
      ...['--http-tokens', path.join(scratch, 'tokens')],
    ],
    {stdio: ['ignore', 'pipe', log]},
  );
  for await (const line of createInterface({input: service.stdout})) {
    const found = /^http at (\S+)/.exec(line);
    if (!found) continue;
    address = found[1];
    return;
  }
  throw new Error(`the service ended: ${readFileSync(path.join(scratch, 'serve.log'), 'utf8')}`);
}

// Whatever goes wrong here, it does not outlive this.
process.once('exit', () => service?.kill('SIGKILL'));

function endOf(process) {
  return new Promise((resolve) => process.once('exit', resolve));
}

// A verb, as its user: what it prints.
function verb(...words) {
  return execFileSync(ballast, words, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      ...process.env,
      BALLAST_COORDINATOR: address,
      BALLAST_TOKEN_FILE: path.join(scratch, 'ann'),
    },
  }).trim();
}

function submit(spec, ...options) {
  return Number(verb('submit', spec, '--data', 'examples/digits', ...options));
}

async function ask(method, place, body) {
  const response = await fetch(`${address}/api/v1${place}`, {
    method,
    headers: {Authorization: `Bearer ${secret('ann')}`},
    ...(body ? {body: JSON.stringify(body)} : {}),
  });
  if (!response.ok) throw new Error(`${method} ${place}: ${await response.text()}`);
  return response.status === 204 ? undefined : response.json();
}

function secret(name) {
  return readFileSync(path.join(scratch, name), 'utf8').trim();
}

// Seconds of a core that the service has used.
function cpuSeconds() {
  const fields = readFileSync(`/proc/${service.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

// ---- the page ------------------------------------------------------------------------------------

// While a connection is refused or a token asked for, the browser itself says so in the console.
let refusals = 0;

async function open(
  browser,
  place,
  {width = 1400, scheme = 'light', token = '', clock = false} = {},
) {
  const context = await browser.newContext({viewport: {width, height: 900}, colorScheme: scheme});
  const page = await context.newPage();
  if (clock) await page.clock.install();
  page.setDefaultTimeout(kPatience);
  const where = `${place}, ${width} px, ${scheme}`;
  page.on('console', (message) => {
    const isRefusal = message.text().startsWith('Failed to load resource');
    expect(refusals > 0 && isRefusal, where, `the console says: ${message.text()}`);
  });
  page.on('pageerror', (error) => expect(false, where, `an error: ${error.stack}`));
  if (token !== '') {
    await page.addInitScript((text) => sessionStorage.setItem('ballast.token', text), token);
  }
  await page.goto(`${address}/#${place}`);
  return page;
}

const text = (page, selector) => page.locator(selector).first().textContent();

// Step of the job that is looked at.
async function stepOf(page) {
  const note = await page.locator('.tile .note', {hasText: 'step '}).first().textContent();
  return Number(/step ([\d\u202f]+) of/.exec(note)[1].replaceAll('\u202f', ''));
}

async function waitForStep(page, step) {
  await page.waitForFunction(
    (least) => {
      const found = /step ([\d\u202f]+) of/.exec(document.querySelector('.tiles')?.textContent);
      return found && Number(found[1].replaceAll('\u202f', '')) >= least;
    },
    step,
    {timeout: kPatience},
  );
}

// ---- what people do ------------------------------------------------------------------------------

async function checkTokens(browser, job) {
  const where = 'tokens';
  ++refusals;
  const page = await open(browser, '/');
  await page.waitForSelector('dialog[open] input[name=token]');
  await page.fill('input[name=token]', 'x'.repeat(43));
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog[open] .problem');
  await page.screenshot({path: path.join(pictures, 'token.png')});
  await page.fill('input[name=token]', secret('eye'));
  await page.keyboard.press('Enter');
  await page.waitForSelector('.jobs tbody tr');
  expect((await page.locator('dialog[open]').count()) === 0, where, 'the prompt stays');
  expect((await text(page, '.who')).includes('eye, view'), where, 'it does not say who asks');

  // Whoever may only look sees the button, and why it does nothing.
  await page.goto(`${address}/#/jobs/${job}`);
  const cancel = page.getByRole('button', {name: 'Cancel', exact: true});
  await cancel.waitFor();
  expect((await cancel.getAttribute('aria-disabled')) === 'true', where, 'eye may cancel');
  expect((await text(page, '#why-not')).includes('may only look'), where, 'it does not say why');
  await cancel.click({force: true});
  expect((await page.locator('dialog[open]').count()) === 0, where, 'eye is asked whether');

  await page.getByRole('button', {name: 'Forget the token'}).click();
  await page.waitForSelector('dialog[open] input[name=token]');
  const kept = await page.evaluate(() => JSON.stringify({...sessionStorage, ...localStorage}));
  expect(kept === '{}', where, `a forgotten token is kept: ${kept}`);
  await page.context().close();
  --refusals;
}

async function checkGrowth(page, job) {
  const where = 'a running job';
  await waitForStep(page, 1);
  await page.waitForSelector('figure .plot svg');
  const curve = () =>
    page.evaluate(() => ({
      points: [...document.querySelectorAll('.plot svg path[d]')]
        .map((one) => one.getAttribute('d').split('L').length)
        .reduce((a, b) => Math.max(a, b), 0),
      name: document.querySelector('.plot svg').getAttribute('aria-label'),
    }));
  const before = await curve();
  const log = await text(page, '.log .line:last-child');
  await page.waitForFunction(
    ({points, name, last}) => {
      const most = [...document.querySelectorAll('.plot svg path[d]')]
        .map((one) => one.getAttribute('d').split('L').length)
        .reduce((a, b) => Math.max(a, b), 0);
      return (
        most > points + 5 &&
        document.querySelector('.plot svg').getAttribute('aria-label') !== name &&
        document.querySelector('.log .line:last-child').textContent !== last
      );
    },
    {...before, last: log},
    {timeout: kPatience},
  );
  await page.waitForSelector('#checkpoints tbody tr');
  const members = await page.evaluate(() => ({
    workers: document.querySelectorAll('#workers tbody tr').length,
    servers: document.querySelectorAll('#servers tbody tr').length,
    partitions: document.querySelector('#servers tbody td.numeric').textContent,
  }));
  expect(
    members.workers >= 1 && members.servers === 1,
    where,
    `members: ${JSON.stringify(members)}`,
  );
  expect(members.partitions === '64', where, `the server owns ${members.partitions} partitions`);
  const title = await page.title();
  expect(title === `Job ${job} · Ballast`, where, `its title is "${title}"`);
}

// Who reads events, as the service says it.
async function watchers() {
  const response = await fetch(`${address}/metrics`, {
    headers: {Authorization: `Bearer ${secret('ann')}`},
  });
  return Number(/^ballast_service_watchers (\S+)/m.exec(await response.text())[1]);
}

async function waitForWatchers(holds, where) {
  const end = performance.now() + kPatience;
  while (!holds(await watchers())) {
    await new Promise((resolve) => setTimeout(resolve, 100)); // Asked more often it refuses.
    if (performance.now() > end)
      return expect(false, where, `${await watchers()} streams are open`);
  }
}

// A page that nobody sees asks for nothing.
async function checkRest(browser, job) {
  const where = 'a hidden page';
  const before = await watchers();
  const page = await open(browser, `/jobs/${job}`, {token: secret('ann'), clock: true});
  await waitForWatchers((count) => count === before + 2, where);
  const show = (hidden) =>
    page.evaluate((value) => {
      Object.defineProperty(document, 'hidden', {value, configurable: true});
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  await show(true);
  await page.clock.fastForward(31_000);
  await waitForWatchers((count) => count === before, where);
  await show(false);
  await waitForWatchers((count) => count === before + 2, where);
  await page.context().close();
  await waitForWatchers((count) => count === before, where);
}

// The service dies and comes back; nobody touches the page.
async function checkRestart(page) {
  const where = 'a service that was killed';
  const before = await stepOf(page);
  ++refusals;
  const gone = endOf(service);
  service.kill('SIGKILL');
  await gone;
  await page.waitForSelector('.banner');
  await page.screenshot({path: path.join(pictures, 'lost.png')});
  await serve();
  await page.waitForSelector('.banner', {state: 'detached'});
  await page.waitForSelector('.link.open');
  --refusals;
  await waitForStep(page, before + 200);
  expect((await page.locator('.problem').count()) === 0, where, 'it still speaks of a problem');
}

async function checkQueue(page) {
  const where = 'a long queue';
  const ids = [];
  const spec = readFileSync('examples/digits/mlp.yaml', 'utf8');
  for (let i = 0; i < 60; ++i) {
    ids.push((await ask('POST', '/jobs', {spec, name: `queued-${i}`, priority: -1})).id);
  }
  await page.goto(`${address}/#/`);
  await page.waitForSelector('.jobs');
  const rows = () => page.locator('.jobs tbody tr').count();
  await page.waitForFunction(() => document.querySelectorAll('.jobs tbody tr').length === 50);
  await page.getByRole('button', {name: 'Show older jobs'}).click();
  await page.waitForFunction(() => document.querySelectorAll('.jobs tbody tr').length > 60);
  await page.getByRole('button', {name: /^Running/}).click();
  await page.waitForFunction(() => document.querySelectorAll('.jobs tbody tr').length <= 2);
  expect((await page.locator('.jobs .badge.running').count()) === (await rows()), where, 'others');
  await page.getByRole('button', {name: /^Queued/}).click();
  await page.waitForFunction(() => document.querySelectorAll('.jobs .badge.queued').length === 50);
  await page.screenshot({path: path.join(pictures, 'queue.png')});
  for (const id of ids) {
    await ask('POST', `/jobs/${id}/cancel`);
    await ask('DELETE', `/jobs/${id}`);
  }
  await page.waitForFunction(() => document.querySelectorAll('.jobs tbody tr').length === 0);
  await page.getByRole('button', {name: /^All/}).click();
  await page.waitForSelector('.jobs .badge.running');
}

async function checkCancel(page, job) {
  const where = 'cancelling';
  await page.goto(`${address}/#/jobs/${job}`);
  // As it is done without a mouse.
  const cancel = page.getByRole('button', {name: 'Cancel', exact: true});
  await cancel.focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog[open] #cancel-title');
  await page.screenshot({path: path.join(pictures, 'cancel.png')});
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog[open]', {state: 'detached'});
  expect((await ask('GET', `/jobs/${job}`)).state === 'running', where, 'Escape cancels');
  await cancel.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', {name: 'Cancel the job'}).click();
  await page.waitForSelector('.job-head .badge.cancelled');
  expect((await ask('GET', `/jobs/${job}`)).state === 'cancelled', where, 'the service differs');
  await page.getByRole('button', {name: 'Resume'}).click();
  await page.waitForSelector('.job-head .badge.running');
  await page.getByRole('button', {name: 'Cancel', exact: true}).click();
  await page.getByRole('button', {name: 'Cancel the job'}).click();
  await page.waitForSelector('.job-head .badge.cancelled');
}

async function checkDownload(page, job) {
  const where = 'downloading';
  await page.goto(`${address}/#/jobs/${job}`);
  const coming = page.waitForEvent('download');
  await page.getByRole('link', {name: 'Download the model'}).click();
  const download = await coming;
  const bytes = readFileSync(await download.path());
  const digest = createHash('sha256').update(bytes).digest('hex');
  expect(download.suggestedFilename() === 'model.safetensors', where, download.suggestedFilename());
  expect((await text(page, '.digest code')) === digest, where, 'the page says another digest');
  expect(digest === process.env['BALLAST_DIGEST'], where, `the model has the digest ${digest}`);
}

async function checkSearch(page, job) {
  await page.goto(`${address}/#/jobs/${job}`);
  await page.waitForSelector('#leaderboard tbody tr');
  await page.waitForSelector('#curves .plot svg');
  await page.waitForFunction(
    () => /0\.\d+/.test(document.querySelector('#leaderboard tbody tr').textContent),
    undefined,
    {timeout: kPatience},
  );
}

async function checkKeyboard(page) {
  const where = 'the keyboard';
  await page.goto(`${address}/#/`);
  await page.reload();
  await page.waitForSelector('.jobs tbody tr');
  await page.keyboard.press('Tab');
  const first = await page.evaluate(() => document.activeElement.textContent);
  expect(first === 'Skip to the content', where, `Tab leads to "${first}" first`);
  await page.keyboard.press('Enter');
  const skipped = await page.evaluate(() => document.activeElement.id);
  expect(skipped === 'main', where, `it skips to "${skipped}"`);
  const reach = async (selector) => {
    for (let i = 0; i < 12; ++i) {
      await page.keyboard.press('Tab');
      if (await page.evaluate((s) => document.activeElement.matches(s), selector)) return true;
    }
    return false;
  };
  expect(await reach('.filter'), where, 'it does not reach the filters');
  expect(await reach('.jobs a'), where, 'it does not reach a job');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.job-head h1');
}

// ---- how it looks --------------------------------------------------------------------------------

async function checkLook(browser, name, place, ready, look) {
  const page = await open(browser, place, {...look, token: secret('ann')});
  const where = `${name}, ${look.width} px, ${look.scheme}`;
  await page.waitForSelector(ready);
  if (name === 'done') await page.waitForSelector('.actions a');
  const {cut, overflow} = await page.evaluate(inspectEdges);
  expect(overflow <= 0, where, `${overflow} px wider than the window`);
  expect(cut.length === 0, where, `cut off: ${cut.slice(0, 5).join('; ')}`);
  const {page: luminance, lowest} = await page.evaluate(inspectContrast, kContrast);
  expect(
    look.scheme === 'dark' ? luminance < 0.05 : luminance > 0.8,
    where,
    `the page's luminance is ${luminance}`,
  );
  expect(lowest >= 4.5, where, `text with a contrast of ${lowest.toFixed(2)}`);
  const odd = await page.evaluate(() => ({
    text: /undefined|NaN|\[object/.test(document.body.innerText),
    plots: [...document.querySelectorAll('.plot svg')].filter(
      (svg) => /NaN|undefined/.test(svg.outerHTML) || svg.getAttribute('role') !== 'img',
    ).length,
    twice: [...document.querySelectorAll('[id]')]
      .map((one) => one.id)
      .filter((id, i, all) => all.indexOf(id) !== i),
  }));
  expect(!odd.text, where, 'the text says undefined, NaN or [object');
  expect(odd.plots === 0, where, `${odd.plots} plots have no name, or NaN in them`);
  expect(odd.twice.length === 0, where, `ids twice: ${odd.twice.join(', ')}`);
  await page.screenshot({
    path: path.join(pictures, `${name}-${look.width}-${look.scheme}.png`),
    fullPage: true,
  });
  await page.context().close();
}

// Of what one open page costs the service: much less than a core, whoever is measured beside it.
async function checkCost(page) {
  const measure = async () => {
    const [used, began] = [cpuSeconds(), performance.now()];
    const step = await stepOf(page);
    await waitForStep(page, step + 4000);
    return (cpuSeconds() - used) / ((performance.now() - began) / 1000);
  };
  const share = await measure();
  console.log(`the service uses ${(100 * share).toFixed(2)} % of a core, one page open`);
  expect(share < 0.05, 'cost', `the service uses ${(100 * share).toFixed(1)} % of a core`);
}

const browser = await launch(packages, findChromium());
await serve();
const short = submit('examples/digits/mlp.yaml');
verb('logs', String(short), '--follow');
const long = submit(
  'examples/digits/mlp.yaml',
  ...['--set', 'training.epochs=100000', '--set', 'checkpoint.every_steps=500'],
);
await checkTokens(browser, long);
const page = await open(browser, `/jobs/${long}`, {token: secret('ann')});
await checkGrowth(page, long);
await checkCost(page);
await checkRest(browser, long);
await checkRestart(page);
const search = submit(
  'examples/digits/cv.yaml',
  ...['--set', 'training.epochs=400'],
  ...[
    '--set',
    'search={method: random, configurations: 12, parameters: {optimizer.learning_rate: {log_uniform: [0.001, 0.5]}, training.batch: [32, 64]}}',
  ],
);
await checkSearch(page, search);
await checkQueue(page);
await checkKeyboard(page);
for (const look of kLooks) {
  await checkLook(browser, 'jobs', '/', '.jobs .progress .bar', look);
  await checkLook(browser, 'training', `/jobs/${long}`, 'figure:nth-of-type(5) .plot svg', look);
  await checkLook(browser, 'search', `/jobs/${search}`, '#curves .plot svg', look);
  await checkLook(browser, 'done', `/jobs/${short}`, 'figure:nth-of-type(4) .plot svg', look);
  await checkLook(browser, 'fleet', '/fleet', '#workers tbody tr', look);
}
await checkCancel(page, long);
await checkDownload(page, short);
await browser.close();
const ended = endOf(service);
service.kill('SIGTERM');
expect((await ended) === 0, 'the service', 'it did not end well');
report();
