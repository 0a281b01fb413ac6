// The list of jobs: a window of the newest ones that fit, which changes as they do.

import type {Job, JobPage, State} from './types';

export interface Listing {
  jobs: Job[]; // The newest first.
  next: number | null; // There are older ones, from below this number.
  room: number; // For so many.
}

export const kPageJobs = 50;

export function listed(page: JobPage, room: number): Listing {
  return {jobs: page.jobs, next: page.next, room};
}

export function withOlder(listing: Listing, page: JobPage): Listing {
  return {
    jobs: [...listing.jobs, ...page.jobs],
    next: page.next,
    room: listing.room + kPageJobs,
  };
}

// What has changed comes in where it belongs, and goes where it does not fit any more.
export function changed(listing: Listing, jobs: Job[], state: State | ''): Listing {
  const lowest = listing.next ?? 0; // Older ones are not in the window.
  const rows = new Map(listing.jobs.map((job) => [job.id, job]));
  for (const job of jobs) {
    if (state !== '' && job.state !== state) rows.delete(job.id);
    else if (rows.has(job.id) || job.id >= lowest) rows.set(job.id, job);
  }
  const sorted = [...rows.values()].sort((a, b) => b.id - a.id);
  if (sorted.length <= listing.room) return {...listing, jobs: sorted};
  const kept = sorted.slice(0, listing.room);
  return {...listing, jobs: kept, next: kept.at(-1)!.id};
}

export function removed(listing: Listing, id: number): Listing {
  return {...listing, jobs: listing.jobs.filter((job) => job.id !== id)};
}
