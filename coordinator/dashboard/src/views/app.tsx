// The frame: what is shown follows the part of the address behind #.

import {signal} from '@preact/signals';
import {useEffect} from 'preact/hooks';

import {token, useToken} from '../api';
import {agents, caller, counts, link} from '../service';
import {Fleet} from './fleet';
import {Job} from './job';
import {Jobs} from './jobs';
import {TokenPrompt} from './token';

export const place = signal(location.hash);
window.addEventListener('hashchange', () => (place.value = location.hash));

export function App() {
  const [title, view] = viewOf(place.value);
  useEffect(() => {
    document.title = `${title} · Ballast`;
    window.scrollTo(0, 0);
  }, [title]);
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <Head />
      <Lost />
      <div class="page">{view}</div>
      <TokenPrompt />
    </>
  );
}

function viewOf(hash: string): [string, preact.JSX.Element] {
  const job = /^#\/jobs\/(\d+)$/.exec(hash);
  if (job) return [`Job ${job[1]}`, <Job key={job[1]!} id={Number(job[1])} />];
  if (hash === '#/fleet') return ['Fleet', <Fleet />];
  return ['Jobs', <Jobs />];
}

// The address is for views, so a jump within the page is made by hand.
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function Head() {
  const isFleet = place.value === '#/fleet';
  const who = caller.value;
  const running = counts.value?.running;
  return (
    <header class="head">
      <a class="wordmark" href="#/">
        Ballast
      </a>
      <nav aria-label="Views">
        <a href="#/" aria-current={isFleet ? undefined : 'page'}>
          Jobs{running ? <span class="count">{running} running</span> : null}
        </a>
        <a href="#/fleet" aria-current={isFleet ? 'page' : undefined}>
          Fleet<span class="count">{agents.value.length}</span>
        </a>
      </nav>
      <div class="who">
        {who && who.name !== '' && (
          <span>
            {who.name}, {who.role}
          </span>
        )}
        {token.value !== '' && (
          <button type="button" class="plain" onClick={() => useToken('')}>
            Forget the token
          </button>
        )}
        <span class={`link ${link.value}`}>
          {link.value === 'open' ? 'Live' : link.value === 'lost' ? 'Lost' : 'Connecting'}
        </span>
      </div>
    </header>
  );
}

function Lost() {
  return (
    <div role="status">
      {link.value === 'lost' && (
        <p class="banner">
          The connection to the service is lost. What you see is from before; this page goes on by
          itself when the service answers again.
        </p>
      )}
    </div>
  );
}
