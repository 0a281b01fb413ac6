// A plot that follows its numbers. It is drawn for the width it gets, and at most once a second.

import {useEffect, useRef, useState} from 'preact/hooks';

const kPauseMin = 1000;

export function Figure(props: {
  title: string;
  // The accessible name: what the plot shows, in a sentence.
  name: string;
  draw: (width: number) => Element;
  // Drawn again when one of these is another one.
  of: unknown[];
  caption?: preact.ComponentChildren;
  choice?: preact.ComponentChildren;
}) {
  const holder = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const drawnAt = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  useEffect(() => {
    const observer = new ResizeObserver(([entry]) =>
      setWidth(Math.round(entry!.contentRect.width)),
    );
    observer.observe(holder.current!);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (width <= 0) return;
    const drawNow = (): void => {
      drawnAt.current = performance.now();
      const plot = props.draw(width);
      const svg = plot.matches('svg') ? plot : plot.querySelector('svg')!;
      svg.setAttribute('role', 'img');
      svg.setAttribute('aria-label', props.name);
      holder.current?.replaceChildren(plot);
    };
    const wait = drawnAt.current + kPauseMin - performance.now();
    if (wait <= 0) drawNow();
    else timer.current = setTimeout(drawNow, wait);
    return () => clearTimeout(timer.current);
  }, [width, ...props.of]);

  return (
    <figure>
      <div class="figure-head">
        <h3>{props.title}</h3>
        {props.choice}
      </div>
      <div class="plot" ref={holder} />
      {props.caption !== undefined && <figcaption>{props.caption}</figcaption>}
    </figure>
  );
}

export function Legend({entries}: {entries: {mark: string; text: string}[]}) {
  return (
    <span class="legend">
      {entries.map(({mark, text}) => (
        <span class="legend-entry" key={text}>
          <i class={`mark ${mark}`} aria-hidden="true" />
          {text}
        </span>
      ))}
    </span>
  );
}
