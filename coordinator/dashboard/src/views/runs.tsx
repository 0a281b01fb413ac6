// The runs of a cross-validation or search: those under way, and how the configurations stand.

import {useEffect, useRef, useState} from 'preact/hooks';

import {capitalized, count, metricName, plural, score} from '../../../web/src/format';
import type {HistoryLine} from '../../../web/src/lines';
import {standings, type Standing} from '../standings';
import type {JobStatus, RunStatus, Runs as RunsOf} from '../types';
import {RunRecord, type Watch} from '../watch';
import {Curves} from './curves';
import {Bar, Section, shareText, Table} from './parts';

export function Runs({watch, status}: {watch: Watch; status: JobStatus | undefined}) {
  const runs = watch.runs.value;
  return (
    <>
      {status && status.runs.length > 0 && <UnderWay runs={status.runs} />}
      {runs && <Leaderboard runs={runs} />}
      {runs && <RunCurves job={watch.id} runs={runs} status={status} />}
    </>
  );
}

function UnderWay({runs}: {runs: RunStatus[]}) {
  return (
    <Section title="Runs under way" id="under-way">
      <Table caption="Runs under way" head={['Run', 'Phase', 'Progress', 'Loss', 'Waits for']}>
        {runs.map((run) => (
          <tr key={run.run}>
            <th scope="row">{run.run}</th>
            <td>{run.phase}</td>
            <td>
              <Bar
                share={run.step / Math.max(1, run.steps)}
                label={`step ${count(run.step)} of ${count(run.steps)}`}
              />
              <span class="of">{shareText(run.step, run.steps)}</span>
            </td>
            <td>{run.loss === null ? '–' : score(run.loss)}</td>
            <td class="waits">{run.waiting_seconds >= 2 ? run.waiting_for : '–'}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

function Leaderboard({runs}: {runs: RunsOf}) {
  const ranked = standings(runs);
  if (ranked.length === 0) return null;
  const metric = capitalized(metricName(runs.metric ?? ''));
  const shown = ranked.slice(0, kShownMax);
  return (
    <Section
      title="Leaderboard"
      id="leaderboard"
      note={
        ranked.length > kShownMax
          ? `The first ${kShownMax} of ${count(ranked.length)} configurations, by the runs that have ended.`
          : 'By the runs that have ended.'
      }
    >
      <Table
        caption="Configurations, the best first"
        head={['Rank', 'Configuration', ...runs.parameters, metric, 'Runs ended', 'State']}
        numeric={[0, 1, 2 + runs.parameters.length, 3 + runs.parameters.length]}
      >
        {shown.map((one, i) => (
          <Row key={one.id} one={one} rank={i + 1} runs={runs} />
        ))}
      </Table>
    </Section>
  );
}

const kShownMax = 100;

function Row({one, rank, runs}: {one: Standing; rank: number; runs: RunsOf}) {
  const values = runs.configurations.find(({id}) => id === one.id)?.values;
  return (
    <tr>
      <td class="numeric">{one.mean === undefined ? '–' : rank}</td>
      <th scope="row" class="numeric">
        {one.id}
      </th>
      {runs.parameters.map((name, i) => (
        <td key={name}>{values?.[i] ?? '–'}</td>
      ))}
      <td class="numeric">{score(one.mean)}</td>
      <td class="numeric">{count(one.ended)}</td>
      <td class="state">
        {one.failure !== ''
          ? `failed: ${one.failure}`
          : one.underWay > 0
            ? `${plural(one.underWay, 'run')} begun`
            : 'ended'}
      </td>
    </tr>
  );
}

// The curves of one run, read on as its status says that it has come further.
function RunCurves(props: {job: number; runs: RunsOf; status: JobStatus | undefined}) {
  const [chosen, choose] = useState('');
  const [lines, setLines] = useState<HistoryLine[]>([]);
  const record = useRef<RunRecord>(undefined);
  const underWay = props.status?.runs ?? [];
  const names = [
    ...new Set([...underWay.map((run) => run.run), ...props.runs.runs.map((run) => run.run)]),
  ].slice(0, kChoiceMax);
  const name = chosen !== '' ? chosen : (names[0] ?? '');
  const epoch = underWay.find((run) => run.run === name)?.epoch ?? 0;
  useEffect(() => {
    if (name === '') return;
    if (record.current?.run !== name) {
      record.current = new RunRecord(props.job, name);
      setLines([]);
    }
    const reading = record.current;
    void reading.readOn().then((read) => {
      if (read && record.current === reading) setLines(read);
    });
  }, [name, epoch, props.runs]);
  if (name === '') return null;
  return (
    <Section title="Curves of a run" id="curves">
      <label class="choice">
        <span>Run</span>
        <select value={name} onChange={(event) => choose(event.currentTarget.value)}>
          {names.map((run) => (
            <option key={run} value={run}>
              {run}
            </option>
          ))}
        </select>
      </label>
      {lines.length > 0 ? (
        <div class="grid">
          <Curves key={name} history={lines} />
        </div>
      ) : (
        <p class="empty">It has not said anything yet.</p>
      )}
    </Section>
  );
}

const kChoiceMax = 500;
