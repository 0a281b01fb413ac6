import assert from 'node:assert/strict';
import {test} from 'node:test';

import * as listing from '../../../coordinator/dashboard/src/listing';
import type {Job, State} from '../../../coordinator/dashboard/src/types';

function job(id: number, state: State = 'queued'): Job {
  return {
    id,
    state,
    kind: 'train',
    name: '',
    owner: '',
    priority: 0,
    workers: 0,
    servers: 0,
    life: 0,
    reason: '',
    submitted_at: null,
    begun_at: null,
    ended_at: null,
  };
}

function of(ids: number[], next: number | null, room = 3): listing.Listing {
  return listing.listed({jobs: ids.map((id) => job(id)), next}, room);
}

const ids = ({jobs}: listing.Listing): number[] => jobs.map(({id}) => id);

test('what changes comes in where it belongs', () => {
  const cases: [string, listing.Listing, Job[], State | '', number[], number | null][] = [
    ['a new one', of([2, 1], null), [job(3)], '', [3, 2, 1], null],
    ['a new one where there is no room', of([3, 2, 1], null), [job(4)], '', [4, 3, 2], 2],
    ['an old one, beyond the window', of([9, 8, 7], 7), [job(5)], '', [9, 8, 7], 7],
    ['an old one that fits now', of([9], null), [job(5)], 'queued', [9, 5], null],
    ['one that does not fit any more', of([9, 8], null), [job(8, 'done')], 'queued', [9], null],
    ['one that never fitted', of([9], null), [job(10, 'done')], 'queued', [9], null],
  ];
  for (const [name, before, jobs, state, after, next] of cases) {
    const now = listing.changed(before, jobs, state);
    assert.deepEqual(ids(now), after, name);
    assert.equal(now.next, next, name);
  }
});

test('a row that changes is the new one', () => {
  const now = listing.changed(of([2, 1], null), [job(1, 'running')], '');
  assert.deepEqual(
    now.jobs.map(({state}) => state),
    ['queued', 'running'],
  );
});

test('older ones make room for themselves', () => {
  const more = listing.withOlder(of([9, 8], 8), {jobs: [job(7), job(6)], next: 6});
  assert.deepEqual(ids(more), [9, 8, 7, 6]);
  assert.equal(more.next, 6);
  assert.deepEqual(ids(listing.changed(more, [job(10)], '')), [10, 9, 8, 7, 6]);
});

test('what is removed goes', () => {
  assert.deepEqual(ids(listing.removed(of([3, 2, 1], null), 2)), [3, 1]);
});
