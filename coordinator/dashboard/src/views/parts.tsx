// Small things that several views show.

import type {ComponentChildren} from 'preact';

import {capitalized, duration, percent} from '../../../web/src/format';
import {now} from '../service';
import type {Job, State} from '../types';

const kKinds = {train: 'training', cv: 'cross-validation', search: 'search'};

export function kindName(kind: Job['kind']): string {
  return kKinds[kind];
}

export function nameOf(job: Job): string {
  return job.name === '' ? `job ${job.id}` : job.name;
}

export function StateBadge({state}: {state: State}) {
  return <span class={`badge ${state}`}>{capitalized(state)}</span>;
}

export function Bar({share, label}: {share: number; label: string}) {
  const value = Math.min(1, Math.max(0, share));
  return (
    <span class="bar" role="img" aria-label={label}>
      <span style={{width: `${value * 100}%`}} />
    </span>
  );
}

// "3 min ago", as it is now.
export function Ago({since}: {since: string | null}) {
  if (since === null) return <>–</>;
  const seconds = now.value - Date.parse(since) / 1000;
  return (
    <time dateTime={since} title={new Date(since).toLocaleString()}>
      {ago(seconds)}
    </time>
  );
}

export function ago(seconds: number): string {
  if (seconds < 5) return 'just now';
  if (seconds < 60) return `${Math.floor(seconds)}\u202fs ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}\u202fmin ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)}\u202fh ago`;
  return `${Math.floor(seconds / 86400)} days ago`;
}

export function timeLeft(seconds: number | undefined): string {
  return seconds === undefined ? '–' : duration(Math.max(1, seconds));
}

export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes}\u202fB`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let size = bytes / 1000;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    ++unit;
  }
  return `${size.toFixed(size < 10 ? 1 : 0)}\u202f${units[unit]}`;
}

export function shareText(done: number, all: number): string {
  return all === 0 ? '–' : percent(Math.floor((done / all) * 1000) / 1000, done === all ? 0 : 1);
}

export function Section({
  title,
  id,
  note,
  children,
}: {
  title: string;
  id: string;
  note?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {note !== undefined && <p class="note">{note}</p>}
      {children}
    </section>
  );
}

// A table that scrolls within itself where it is wider than its place.
export function Table({
  caption,
  head,
  children,
  numeric = [],
}: {
  caption: string;
  head: string[];
  children: ComponentChildren;
  numeric?: number[];
}) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {head.map((name, i) => (
              <th key={name} scope="col" class={numeric.includes(i) ? 'numeric' : ''}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
