import assert from 'node:assert/strict';
import {test} from 'node:test';

import {compare, type Cell} from '../../../coordinator/report/src/table';

const sorted = (cells: Cell[], way: 'ascending' | 'descending'): string[] =>
  [...cells].sort((a, b) => compare(a, b, way)).map((of) => of.text);

test('numbers sort by value, and what is missing comes last either way', () => {
  const cells: Cell[] = [
    {text: '10', key: 10},
    {text: '–', key: undefined},
    {text: '9', key: 9},
  ];
  assert.deepEqual(sorted(cells, 'ascending'), ['9', '10', '–']);
  assert.deepEqual(sorted(cells, 'descending'), ['10', '9', '–']);
});

test('names with numbers sort as people count', () => {
  const cells: Cell[] = [{text: 'c10'}, {text: 'c9'}, {text: '–'}];
  assert.deepEqual(sorted(cells, 'ascending'), ['c9', 'c10', '–']);
});
