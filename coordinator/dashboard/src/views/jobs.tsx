// The list of jobs.

import {capitalized, count, plural} from '../../../web/src/format';
import {counts, filter, link, listError, listing, loadOlder, progress, show} from '../service';
import type {Counts, Job, State} from '../types';
import {Ago, Bar, kindName, nameOf, shareText, StateBadge, timeLeft} from './parts';

const kStates: State[] = [
  'running',
  'cancelling',
  'queued',
  'done',
  'unfinished',
  'failed',
  'cancelled',
];

export function Jobs() {
  return (
    <main id="main" tabIndex={-1}>
      <h1>Jobs</h1>
      <Filters />
      <Rows />
    </main>
  );
}

function Filters() {
  const known = counts.value;
  const all = known ? Object.values(known).reduce((a, b) => a + b, 0) : undefined;
  const shown = kStates.filter((state) => numberOf(known, state) > 0 || state === filter.value);
  return (
    <div class="filters" role="group" aria-label="Which jobs">
      <Filter state="" name="All" count={all} />
      {shown.map((state) => (
        <Filter key={state} state={state} name={capitalized(state)} count={known?.[state]} />
      ))}
    </div>
  );
}

function numberOf(known: Counts | undefined, state: State): number {
  return known?.[state] ?? 0;
}

function Filter(props: {state: State | ''; name: string; count: number | undefined}) {
  return (
    <button
      type="button"
      class="filter"
      aria-pressed={filter.value === props.state}
      onClick={() => show(props.state)}
    >
      {props.name} {props.count !== undefined && <span class="count">{count(props.count)}</span>}
    </button>
  );
}

function Rows() {
  const list = listing.value;
  if (!list) {
    return (
      <p class="empty" role="status">
        {listError.value || (link.value === 'lost' ? 'The service does not answer.' : 'Loading …')}
      </p>
    );
  }
  if (list.jobs.length === 0) return <Nothing />;
  return (
    <>
      <table class="jobs">
        <caption class="visually-hidden">Jobs, the newest first</caption>
        <thead>
          <tr>
            <th scope="col" class="numeric">
              Job
            </th>
            <th scope="col">Name</th>
            <th scope="col">State</th>
            <th scope="col">Progress</th>
            <th scope="col">Time left</th>
            <th scope="col">Owner</th>
            <th scope="col" class="numeric">
              Priority
            </th>
            <th scope="col">Submitted</th>
          </tr>
        </thead>
        <tbody>
          {list.jobs.map((job) => (
            <Row key={job.id} job={job} />
          ))}
        </tbody>
      </table>
      {list.next !== null && (
        <p class="more">
          <button type="button" onClick={() => void loadOlder()}>
            Show older jobs
          </button>
          {listError.value !== '' && <span role="alert">{listError.value}</span>}
        </p>
      )}
    </>
  );
}

function Nothing() {
  if (filter.value !== '') return <p class="empty">No job is {filter.value}.</p>;
  return (
    <div class="empty">
      <p>There are no jobs yet. Submit one from a terminal:</p>
      <pre>
        <code>{`export BALLAST_COORDINATOR=${location.origin}\nballast submit examples/digits/mlp.yaml --data examples/digits`}</code>
      </pre>
    </div>
  );
}

function Row({job}: {job: Job}) {
  const said = progress.value.get(job.id);
  return (
    <tr>
      <td class="numeric id">{job.id}</td>
      <th scope="row">
        <a href={`#/jobs/${job.id}`}>{nameOf(job)}</a>
        <span class="kind">{kindName(job.kind)}</span>
      </th>
      <td>
        <StateBadge state={job.state} />
      </td>
      <td class={`progress ${said || hasReason(job) ? '' : 'none'}`}>
        <RowProgress job={job} />
      </td>
      <td class={`left ${said?.secondsLeft === undefined ? 'none' : ''}`}>
        {timeLeft(said?.secondsLeft)}
      </td>
      <td class="owner">{job.owner === '' ? '–' : job.owner}</td>
      <td class="numeric priority">{job.priority}</td>
      <td class="submitted">
        <Ago since={job.submitted_at} />
      </td>
    </tr>
  );
}

function hasReason(job: Job): boolean {
  return (job.state === 'failed' || job.state === 'unfinished') && job.reason !== '';
}

function RowProgress({job}: {job: Job}) {
  const said = progress.value.get(job.id);
  if (!said) {
    if (job.state === 'running') return <>preparing</>;
    if (hasReason(job)) return <span class="reason">{job.reason}</span>;
    return <>–</>;
  }
  if (said.step === undefined || said.steps === undefined) {
    const [ended, left] = [said.ended ?? 0, said.left ?? 0];
    const failed = said.failed ? `, ${count(said.failed)} failed` : '';
    return (
      <>
        <Bar share={ended / Math.max(1, ended + left)} label={`${ended} of ${ended + left} runs`} />
        <span class="of">
          {count(ended)} of {plural(ended + left, 'run')}
          {failed}
        </span>
      </>
    );
  }
  const text = `step ${count(said.step)} of ${count(said.steps)}`;
  const waits = (said.waiting_seconds ?? 0) >= 3;
  return (
    <>
      <Bar share={said.step / Math.max(1, said.steps)} label={text} />
      <span class="of">{shareText(said.step, said.steps)}</span>
      {waits && <span class="waits">waits for {said.waiting_for}</span>}
    </>
  );
}
