// Follows a stream of events for as long as somebody looks: it comes back by itself after the
// service was gone, says which event was its last, and rests while the page is hidden, since a
// browser has few connections to one address.

import {ask, Refused, token} from './api';
import {EventText, type ServerEvent} from './event_text';

export type Link = 'opening' | 'open' | 'lost';

export interface Follower {
  // Each time that a connection is opened, before its events.
  opened?(): void;
  // True: the stream is over, and is not opened again.
  event(event: ServerEvent): boolean | void;
  link?(link: Link): void;
  // It is not opened again: there is no such thing, or it may not be seen.
  refused?(why: string): void;
}

// A stream says something every 15 s; longer than this it is dead, whatever the network says.
const kSilenceMax = 40_000;
const kPauses = [250, 500, 1000, 2000, 4000, 8000];
const kHiddenMax = 30_000;

// Returns how to stop. `lastId` is the event to go on after; empty: none.
export function follow(path: string, lastId: string, follower: Follower): () => void {
  const stopped = new AbortController();
  void run(path, lastId, follower, stopped.signal);
  return () => stopped.abort();
}

async function run(
  path: string,
  lastId: string,
  follower: Follower,
  stopped: AbortSignal,
): Promise<void> {
  let last = lastId;
  let failures = 0;
  follower.link?.('opening');
  while (!stopped.aborted) {
    await untilShown(stopped);
    const connection = connect(stopped);
    const sent = token.value;
    try {
      const headers: Record<string, string> = last === '' ? {} : {'Last-Event-ID': last};
      const response = await ask(path, {headers, signal: connection.signal});
      failures = 0;
      follower.link?.('open');
      follower.opened?.();
      for await (const event of events(response, connection.heard)) {
        last = event.id || last;
        if (stopped.aborted || follower.event(event)) return;
      }
    } catch (error) {
      if (stopped.aborted) return;
      if (error instanceof Refused && error.status === 401) {
        await untilAnotherToken(sent, stopped);
        continue;
      }
      const isFinal = error instanceof Refused && (error.status === 403 || error.status === 404);
      if (isFinal) return follower.refused?.(error.message);
    } finally {
      connection.close();
    }
    if (connection.rests()) continue;
    follower.link?.('lost');
    await pause(kPauses[Math.min(failures++, kPauses.length - 1)]!, stopped);
  }
}

async function* events(response: Response, heard: () => void): AsyncGenerator<ServerEvent> {
  const text = new EventText();
  const decoder = new TextDecoder();
  const reader = response.body!.getReader();
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return;
    heard();
    yield* text.take(decoder.decode(value, {stream: true}));
  }
}

interface Connection {
  signal: AbortSignal;
  heard(): void;
  // Whether it was closed since nobody looks.
  rests(): boolean;
  close(): void;
}

function connect(stopped: AbortSignal): Connection {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  let rests = false;
  let silence = setTimeout(end, kSilenceMax);
  let hidden: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    clearTimeout(hidden);
    if (!document.hidden) return;
    hidden = setTimeout(() => {
      rests = true;
      end();
    }, kHiddenMax);
  };
  stopped.addEventListener('abort', end);
  document.addEventListener('visibilitychange', look);
  look();
  return {
    signal: ended.signal,
    heard: () => {
      clearTimeout(silence);
      silence = setTimeout(end, kSilenceMax);
    },
    rests: () => rests,
    close: () => {
      end();
      clearTimeout(silence);
      clearTimeout(hidden);
      stopped.removeEventListener('abort', end);
      document.removeEventListener('visibilitychange', look);
    },
  };
}

function untilShown(stopped: AbortSignal): Promise<void> {
  if (!document.hidden || stopped.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden && !stopped.aborted) return;
      document.removeEventListener('visibilitychange', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    stopped.addEventListener('abort', look, {once: true});
  });
}

async function untilAnotherToken(refused: string, stopped: AbortSignal): Promise<void> {
  let unsubscribe = (): void => undefined;
  await new Promise<void>((resolve) => {
    unsubscribe = token.subscribe((value) => {
      if (value !== refused) resolve();
    });
    stopped.addEventListener('abort', () => resolve(), {once: true});
  });
  unsubscribe();
}

function pause(milliseconds: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      stopped.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    stopped.addEventListener('abort', end);
  });
}
