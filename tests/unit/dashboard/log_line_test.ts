import assert from 'node:assert/strict';
import {test} from 'node:test';

import {logLine} from '../../../coordinator/dashboard/src/log_line';

test('lines of text stay as they are', () => {
  const cases: [string, string][] = [
    ['2026-11-29 12:05:50.726 info    coordinator: worker vm:1 joined', ''],
    ['2026-11-29 12:05:50.726 warning coordinator: it waits', 'warning'],
    ['2026-11-29 12:05:50.726 error   coordinator: no room', 'error'],
    ['epoch   1  step     21  train loss 2.0928 error warning', ''],
    ['{"time":"cut off', ''],
    ['{"time":1}', ''],
    ['', ''],
  ];
  for (const [line, level] of cases) assert.deepEqual(logLine(line), {level, text: line});
});

test('lines of JSON read like lines of text', () => {
  const line =
    '{"time":"2026-11-29T12:05:50.726+00:00","level":"warning","role":"coordinator",' +
    '"job":3,"run":1,"step":42,"text":"server \\"a\\" is late"}';
  assert.deepEqual(logLine(line), {
    level: 'warning',
    text: '2026-11-29 12:05:50.726 warning coordinator: server "a" is late [run 1 step 42]',
  });
});
