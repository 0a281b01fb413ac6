// One job.

import {useSignalEffect} from '@preact/signals';
import {useEffect, useState} from 'preact/hooks';

import {
  capitalized,
  causeAndRemedy,
  count,
  duration,
  metricName,
  percent,
  plural,
  score,
} from '../../../web/src/format';
import {secondsOfRuns} from '../meter';
import {latest, link, now} from '../service';
import type {Job as JobRow, JobStatus, RunStatus} from '../types';
import {isOver, isRun, Watch} from '../watch';
import {Actions} from './actions';
import {Curves, PaceFigure} from './curves';
import {Files} from './files';
import {Log} from './log';
import {Members} from './members';
import {Ago, bytesText, kindName, nameOf, Section, StateBadge, Table, timeLeft} from './parts';
import {Runs} from './runs';

export function Job({id}: {id: number}) {
  const [watch, setWatch] = useState<Watch>();
  useEffect(() => {
    const one = new Watch(id);
    setWatch(one);
    return () => one.stop();
  }, [id]);
  useSignalEffect(() => {
    const row = latest.value.get(id);
    if (row && watch) watch.takeRow(row);
  });
  // What could not be read when the service was away is read when it is back.
  useSignalEffect(() => {
    if (link.value === 'open') watch?.retry();
  });
  return (
    <main id="main" tabIndex={-1}>
      <p class="path">
        <a href="#/">Jobs</a> <span aria-hidden="true">/</span> {id}
      </p>
      {watch && watch.id === id && <Watched watch={watch} />}
    </main>
  );
}

function Watched({watch}: {watch: Watch}) {
  const job = watch.job.value;
  if (!job)
    return (
      <p class="empty" role="status">
        {watch.error.value || 'Loading …'}
      </p>
    );
  const status = watch.status.value;
  const runs = !status || isOver(job.state) ? [] : isRun(status) ? [status] : status.runs;
  const history = watch.history.value;
  return (
    <>
      <header class="job-head">
        <div>
          <h1>{nameOf(job)}</h1>
          <p class="details">
            <StateBadge state={job.state} /> {kindName(job.kind)} · {job.owner || 'no owner'} ·
            priority {job.priority} · submitted <Ago since={job.submitted_at} />
          </p>
        </div>
        <Actions job={job} files={watch.files.value} />
      </header>
      {watch.error.value !== '' && <p class="problem">{watch.error.value}</p>}
      <Reason job={job} />
      <Waits watch={watch} job={job} />
      <Tiles watch={watch} job={job} />
      {job.kind === 'train' ? (
        history.length > 0 && (
          <Section title="Curves" id="curves">
            <div class="grid">
              <Curves history={history} />
              <Throughput watch={watch} />
            </div>
          </Section>
        )
      ) : (
        <Runs
          watch={watch}
          status={!status || isRun(status) || isOver(job.state) ? undefined : status}
        />
      )}
      {runs.length > 0 && <Members runs={runs} />}
      {job.kind === 'train' && <Checkpoints watch={watch} />}
      <Log log={watch.log.value} />
      <Files job={job.id} files={watch.files.value} digest={watch.digest()} />
      <Spec job={job} />
    </>
  );
}

function Throughput({watch}: {watch: Watch}) {
  const status = watch.status.value;
  if (!status || !isRun(status)) return null;
  return <PaceFigure pace={watch.pace.value} batch={status.batch} />;
}

function Reason({job}: {job: JobRow}) {
  if (job.reason === '') return null;
  const [cause, remedy] = causeAndRemedy(job.reason);
  const heading = isOver(job.state) ? '' : 'Its process was started again: ';
  return (
    <div class={`panel ${job.state === 'failed' ? 'bad' : ''}`}>
      <p>
        {heading}
        {cause}.
      </p>
      {remedy !== '' && <p class="note">{remedy}.</p>}
    </div>
  );
}

// A wait shorter than this is the ordinary course of a step.
const kWaitSeconds = 2;
const kStatusSeconds = 5;
const kPatience = 2500; // Until the first report should have come, in milliseconds.

function Waits({watch, job}: {watch: Watch; job: JobRow}) {
  const waits = waitsOf(watch, job);
  if (waits.length === 0) return null;
  return (
    <div class="panel waiting" id="waits" role="status">
      {waits.map((wait) => (
        <p key={wait}>{wait}</p>
      ))}
    </div>
  );
}

function waitsOf(watch: Watch, job: JobRow): string[] {
  if (job.state === 'queued') return ['It waits in the queue for jobs before it to end.'];
  if (isOver(job.state)) return [];
  const status = watch.status.value;
  const age = status ? performance.now() / 1000 - watch.statusAt.value / 1000 : Infinity;
  // By the time that passes, so that silence shows although nothing comes.
  const isNew = now.value * 1000 - watch.openedAt < kPatience;
  if (!isNew && (!status || age > kStatusSeconds)) {
    return [
      status
        ? `Its coordinator has said nothing for ${duration(age)}.`
        : 'Its coordinator does not answer yet: it prepares data, or is being started.',
    ];
  }
  const runs = status === undefined ? [] : isRun(status) ? [status] : status.runs;
  return runs
    .filter((run) => run.waiting_seconds >= kWaitSeconds && run.waiting_for !== '')
    .map((run) => {
      const who = runs.length > 1 || (status && !isRun(status)) ? `${run.run} waits` : 'It waits';
      return `${who} for ${run.waiting_for}, for ${duration(run.waiting_seconds)}.`;
    });
}

function Tiles({watch, job}: {watch: Watch; job: JobRow}) {
  const status = watch.status.value;
  const tiles =
    status && isRun(status)
      ? tilesOfRun(watch, status, job)
      : status
        ? tilesOfJob(status, job)
        : [];
  const took =
    job.begun_at && job.ended_at
      ? (Date.parse(job.ended_at) - Date.parse(job.begun_at)) / 1000
      : undefined;
  const all = [
    ...(isOver(job.state) ? finalTiles(watch) : tiles),
    ...(took === undefined ? [] : [{label: 'Took', value: duration(took), note: ''}]),
  ];
  if (all.length === 0) return null;
  return (
    <dl class="tiles">
      {all.map(({label, value, note}) => (
        <div class="tile" key={label}>
          <dt>{label}</dt>
          <dd class="value">{value}</dd>
          <dd class="note">{note}</dd>
        </div>
      ))}
    </dl>
  );
}

interface Tile {
  label: string;
  value: string;
  note: string;
}

function tilesOfRun(watch: Watch, run: RunStatus, job: JobRow): Tile[] {
  const rate = watch.meter.rate();
  return [
    {
      label: 'Progress',
      value: percent(run.step / Math.max(1, run.steps)),
      note: `step ${count(run.step)} of ${count(run.steps)}, ${run.phase}`,
    },
    {
      label: 'Time left',
      value: job.state === 'cancelling' ? '–' : timeLeft(watch.meter.secondsUntil(run.steps)),
      note: `epoch ${count(run.epoch)} of ${count(run.epochs)}`,
    },
    {
      label: 'Loss',
      value: run.loss === null ? '–' : score(run.loss),
      note: 'mean of the epoch so far',
    },
    {
      label: 'Throughput',
      value: rate === undefined ? '–' : count(rate * run.batch),
      note:
        rate === undefined
          ? 'examples a second'
          : `examples a second, ${rate.toFixed(rate < 10 ? 1 : 0)} steps`,
    },
    {
      label: 'Checkpoint',
      value: run.checkpoint === null ? 'none yet' : count(run.checkpoint),
      note: run.checkpoint === null ? '' : 'the step that it would go on from',
    },
  ];
}

function tilesOfJob(status: JobStatus, job: JobRow): Tile[] {
  const failed = status.failed > 0 ? `, ${count(status.failed)} failed` : '';
  return [
    {
      label: 'Progress',
      value: percent(status.ended / Math.max(1, status.ended + status.left)),
      note: `${count(status.ended)} of ${plural(status.ended + status.left, 'run')}${failed}`,
    },
    {
      label: 'Time left',
      value: timeLeft(secondsOfRuns(status.ended, status.left, status.seconds)),
      note: 'if the others take as long',
    },
    {label: 'Under way', value: count(status.runs.length), note: 'runs at once'},
    {label: 'Workers', value: count(status.workers), note: plural(status.servers, 'server')},
    ...(status.seconds_left === undefined
      ? []
      : [{label: 'Budget left', value: timeLeft(status.seconds_left), note: job.kind}]),
  ];
}

// The metric that says most of those there are.
const kLeading = ['roc_auc', 'accuracy', 'r2', 'rmse'];

function finalTiles(watch: Watch): Tile[] {
  const last = watch.history.value.at(-1);
  const scores = watch.scores.value;
  const split = scores && ['test', 'validation', 'train'].find((name) => scores[name]);
  const found = split ? scores[split]! : {};
  const names = ['loss', ...kLeading.filter((name) => found[name] !== undefined).slice(0, 2)];
  return [
    ...names.flatMap((name) =>
      found[name] === undefined
        ? []
        : [{label: capitalized(metricName(name)), value: score(found[name]), note: split ?? ''}],
    ),
    ...(last ? [{label: 'Steps', value: count(last.step), note: ''}] : []),
  ];
}

function Checkpoints({watch}: {watch: Watch}) {
  const status = watch.status.value;
  const job = watch.job.value!;
  const open = status && isRun(status) && !isOver(job.state) ? status.open_checkpoints : [];
  const kept = [...watch.checkpoints.value].reverse();
  return (
    <Section title="Checkpoints" id="checkpoints">
      {kept.length + open.length === 0 ? (
        <p class="empty">There is none yet.</p>
      ) : (
        <Table
          caption="Checkpoints, the latest first"
          head={['Step', 'Size', 'Age']}
          numeric={[0, 1]}
        >
          {open.map((one) => (
            <tr key={`open ${one.step}`}>
              <th scope="row" class="numeric">
                {count(one.step)}
              </th>
              <td class="numeric">–</td>
              <td>
                being written: {count(one.written)} of {count(one.partitions)} partitions
              </td>
            </tr>
          ))}
          {kept.map((one) => (
            <tr key={`${one.timeline} ${one.step}`}>
              <th scope="row" class="numeric">
                {count(one.step)}
              </th>
              <td class="numeric">{bytesText(one.bytes)}</td>
              <td>
                <Ago since={one.written_at || null} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}

function Spec({job}: {job: JobRow}) {
  if (job.spec === undefined) return null;
  return (
    <Section title="Spec" id="spec">
      <details>
        <summary>As it was submitted</summary>
        <pre tabIndex={0} role="region" aria-label="Spec">
          <code>{job.spec}</code>
        </pre>
        {job.overrides && job.overrides.length > 0 && (
          <p class="note">With {job.overrides.map((one) => `--set ${one}`).join(' ')}</p>
        )}
      </details>
    </Section>
  );
}
