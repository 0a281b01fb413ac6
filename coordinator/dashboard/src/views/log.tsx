// The end of what the job's coordinator says, as it says it.

import {useLayoutEffect, useRef, useState} from 'preact/hooks';

import {logLine} from '../log_line';
import type {LogEnd} from '../watch';
import {Section} from './parts';

export function Log({log}: {log: LogEnd}) {
  const {first, lines} = log;
  const box = useRef<HTMLPreElement>(null);
  const [follows, setFollows] = useState(true);
  useLayoutEffect(() => {
    if (follows) box.current!.scrollTop = box.current!.scrollHeight;
  }, [log, follows]);
  const scrolled = (): void => {
    const {scrollTop, scrollHeight, clientHeight} = box.current!;
    setFollows(scrollHeight - scrollTop - clientHeight < 24);
  };
  return (
    <Section title="Events" id="events">
      <pre
        class="log"
        ref={box}
        onScroll={scrolled}
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label="Events, the latest last"
      >
        {lines.length === 0
          ? 'Nothing has happened yet.'
          : lines.map((line, i) => <Line key={first + i} line={line} />)}
      </pre>
      {!follows && (
        <p class="more">
          <button type="button" onClick={() => setFollows(true)}>
            Go to the latest
          </button>
        </p>
      )}
    </Section>
  );
}

function Line({line}: {line: string}) {
  const {level, text} = logLine(line);
  return (
    <span class={`line ${level}`}>
      {text}
      {'\n'}
    </span>
  );
}
