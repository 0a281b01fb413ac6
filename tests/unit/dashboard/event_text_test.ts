import assert from 'node:assert/strict';
import {test} from 'node:test';

import {EventText, type ServerEvent} from '../../../coordinator/dashboard/src/event_text';

const kText =
  ': alive\n\nid: 12-34\nevent: log\ndata: one\ndata:  two\ndata\n\nevent: end\ndata: {}\n\nid: 9\n\n';
const kEvents: ServerEvent[] = [
  {id: '12-34', name: 'log', data: 'one\n two\n'},
  {id: '12-34', name: 'end', data: '{}'},
];

test('events are the same, however their text is cut', () => {
  for (let size = 1; size <= kText.length; ++size) {
    const text = new EventText();
    const events: ServerEvent[] = [];
    for (let at = 0; at < kText.length; at += size) {
      events.push(...text.take(kText.slice(at, at + size)));
    }
    assert.deepEqual(events, kEvents, `in pieces of ${size}`);
  }
});

test('an event without a name is a message, and one without data is none', () => {
  const text = new EventText();
  assert.deepEqual(text.take('event: quiet\n\ndata: x\n\n'), [
    {id: '', name: 'message', data: 'x'},
  ]);
});
