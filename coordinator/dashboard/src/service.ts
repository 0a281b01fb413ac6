// What the page knows of the whole service: the list of jobs, how many there are, who is there, and
// whether the service answers. One stream of events keeps it true.

import {effect, signal} from '@preact/signals';

import {askJson, token} from './api';
import type {ServerEvent} from './event_text';
import {follow, type Link} from './follow';
import {changed, kPageJobs, listed, removed, withOlder, type Listing} from './listing';
import {Meter, secondsOfRuns} from './meter';
import type {Agent, Caller, Counts, Job, JobPage, Progress, State} from './types';

export const link = signal<Link>('opening');
export const caller = signal<Caller | undefined>(undefined);
export const version = signal('');
export const counts = signal<Counts | undefined>(undefined);
export const agents = signal<Agent[]>([]);
export const filter = signal<State | ''>('');
export const listing = signal<Listing | undefined>(undefined);
export const listError = signal('');
export const progress = signal<ReadonlyMap<number, Progress & {secondsLeft?: number}>>(new Map());
// The latest row of each job that was seen to change: a job's own page looks here.
export const latest = signal<ReadonlyMap<number, Job>>(new Map());
// For ages; seconds.
export const now = signal(Date.now() / 1000);

const meters = new Map<number, Meter>();

export function start(): void {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now() / 1000;
  }, 1000);
  follow('/events', '', {
    opened: () => {
      void load();
      void learnCaller();
    },
    event: take,
    link: (value) => (link.value = value),
  });
  let before = token.peek();
  effect(() => {
    if (token.value === before) return;
    before = token.value;
    void load();
    void learnCaller();
  });
}

function take({name, data}: ServerEvent): void {
  if (name === 'jobs') takeJobs((JSON.parse(data) as JobPage).jobs);
  else if (name === 'removed') takeRemoved((JSON.parse(data) as {id: number}).id);
  else if (name === 'counts') counts.value = JSON.parse(data) as Counts;
  else if (name === 'members') agents.value = (JSON.parse(data) as {members: Agent[]}).members;
  else if (name === 'progress') takeProgress(JSON.parse(data) as Progress | null);
}

function takeJobs(jobs: Job[]): void {
  const rows = new Map(latest.value);
  for (const job of jobs) rows.set(job.id, job);
  while (rows.size > kLatestMax) rows.delete(rows.keys().next().value!);
  latest.value = rows;
  if (listing.value) listing.value = changed(listing.value, jobs, filter.value);
  const over = jobs.filter((job) => job.state !== 'running' && job.state !== 'cancelling');
  if (!over.some((job) => progress.value.has(job.id))) return;
  const left = new Map(progress.value);
  for (const job of over) {
    left.delete(job.id);
    meters.delete(job.id);
  }
  progress.value = left;
}

const kLatestMax = 1000;

function takeRemoved(id: number): void {
  if (listing.value) listing.value = removed(listing.value, id);
}

function takeProgress(said: Progress | null): void {
  if (!said) return;
  let meter = meters.get(said.id);
  if (!meter) meters.set(said.id, (meter = new Meter()));
  if (said.step !== undefined) meter.add(performance.now() / 1000, said.step);
  const secondsLeft =
    said.steps === undefined
      ? secondsOfRuns(said.ended ?? 0, said.left ?? 0, said.seconds ?? 0)
      : meter.secondsUntil(said.steps);
  const shown = {...said, ...(secondsLeft === undefined ? {} : {secondsLeft})};
  progress.value = new Map(progress.value).set(said.id, shown);
}

// ---- the list -----------------------------------------------------------------------------------

let asked = 0;

// The newest jobs that fit. What changes meanwhile is newer than the answer.
async function load(): Promise<void> {
  const turn = ++asked;
  const state = filter.peek();
  const before = latest.peek();
  try {
    const page = await askJson<JobPage>(`/jobs?limit=${kPageJobs}&state=${state}`);
    if (turn !== asked) return;
    const meanwhile = [...latest.peek().values()].filter((job) => before.get(job.id) !== job);
    listing.value = changed(listed(page, kPageJobs), meanwhile, state);
    listError.value = '';
  } catch (error) {
    if (turn === asked) listError.value = messageOf(error);
  }
}

export function show(state: State | ''): void {
  if (state === filter.value) return;
  filter.value = state;
  listing.value = undefined;
  void load();
}

export async function loadOlder(): Promise<void> {
  const from = listing.peek();
  if (!from?.next) return;
  const turn = asked;
  try {
    const page = await askJson<JobPage>(
      `/jobs?limit=${kPageJobs}&state=${filter.peek()}&after=${from.next}`,
    );
    if (turn === asked && listing.peek()) listing.value = withOlder(listing.peek()!, page);
  } catch (error) {
    if (turn === asked) listError.value = messageOf(error);
  }
}

async function learnCaller(): Promise<void> {
  try {
    const service = await askJson<{version: string; caller: Caller}>('/service');
    caller.value = service.caller;
    version.value = service.version;
  } catch {
    caller.value = undefined; // The stream says what is wrong.
  }
}

// Why the token may not change this job; empty: it may.
export function whyNot(who: Caller | undefined, job: Job): string {
  if (!who) return 'It is not known yet what your token allows.';
  if (who.name === '' || who.role === 'admin') return '';
  if (who.role === 'view') {
    return `Your token ${who.name} has the role view, which may only look; this takes one of role submit.`;
  }
  if (who.name === job.owner) return '';
  return `Job ${job.id} is ${job.owner}’s; only they and admins may change it.`;
}

export function messageOf(error: unknown): string {
  return error instanceof TypeError
    ? 'The service does not answer.'
    : error instanceof Error
      ? error.message
      : String(error);
}
