// Who works for a run, with what each has to do.

import {count, percent} from '../../../web/src/format';
import type {MemberStatus, RunStatus, ServerStatus, WorkerStatus} from '../types';
import {Bar, Section, Table} from './parts';

export function Members({runs}: {runs: RunStatus[]}) {
  const several = runs.length > 1;
  const rows = runs.flatMap((run) => run.members.map((member) => ({run, member})));
  const workers = rows.filter(({member}) => member.role === 'worker');
  const servers = rows.filter(({member}) => member.role === 'server');
  return (
    <>
      <Section
        title="Workers"
        id="workers"
        note="The leaves of a step that the plan gives each: its share of the computing."
      >
        {workers.length === 0 ? (
          <p class="empty">None has joined.</p>
        ) : (
          <Table
            caption="Workers"
            head={['Worker', ...(several ? ['Run'] : []), 'State', 'Leaves', 'Share', 'Waits for']}
          >
            {workers.map(({run, member}) => (
              <WorkerRow
                key={`${run.run} ${member.id}`}
                run={several ? run.run : undefined}
                leaves={leavesOf(run)}
                member={member as WorkerStatus}
              />
            ))}
          </Table>
        )}
      </Section>
      <Section
        title="Servers"
        id="servers"
        note="The partitions of the model that each owns and keeps copies of."
      >
        {servers.length === 0 ? (
          <p class="empty">None has joined.</p>
        ) : (
          <Table
            caption="Servers and their partitions"
            head={[
              'Server',
              ...(several ? ['Run'] : []),
              'State',
              'Owns',
              'Share',
              'Copies',
              'Lacks',
              'Version',
              'Waits for',
            ]}
            numeric={several ? [3, 5, 6, 7] : [2, 4, 5, 6]}
          >
            {servers.map(({run, member}) => (
              <ServerRow
                key={`${run.run} ${member.id}`}
                run={several ? run.run : undefined}
                partitions={partitionsOf(run)}
                member={member as ServerStatus}
              />
            ))}
          </Table>
        )}
      </Section>
    </>
  );
}

function leavesOf(run: RunStatus): number {
  return Math.max(0, ...run.members.map((m) => (m.role === 'worker' ? m.leaves[1] : 0)));
}

function partitionsOf(run: RunStatus): number {
  return run.members.reduce((sum, m) => sum + (m.role === 'server' ? m.owns : 0), 0);
}

function WorkerRow(props: {run: string | undefined; leaves: number; member: WorkerStatus}) {
  const {member} = props;
  const [begin, end] = member.leaves;
  const share = props.leaves > 0 ? (end - begin) / props.leaves : 0;
  return (
    <tr>
      <th scope="row">{member.host}</th>
      {props.run !== undefined && <td>{props.run}</td>}
      <td>
        <StateOf member={member} />
      </td>
      <td>{begin === end ? 'none' : end - begin === 1 ? `${begin}` : `${begin} to ${end - 1}`}</td>
      <td>
        <Bar share={share} label={`${percent(share)} of the leaves`} />
        <span class="of">{percent(share)}</span>
      </td>
      <td class="waits">
        <Waiting member={member} />
      </td>
    </tr>
  );
}

function ServerRow(props: {run: string | undefined; partitions: number; member: ServerStatus}) {
  const {member} = props;
  const share = props.partitions > 0 ? member.owns / props.partitions : 0;
  return (
    <tr>
      <th scope="row">{member.host}</th>
      {props.run !== undefined && <td>{props.run}</td>}
      <td>
        <StateOf member={member} />
      </td>
      <td class="numeric">{count(member.owns)}</td>
      <td>
        <Bar share={share} label={`${percent(share)} of the partitions`} />
        <span class="of">{percent(share)}</span>
      </td>
      <td class="numeric">{count(member.replicates)}</td>
      <td class="numeric">{count(member.lacks)}</td>
      <td class="numeric">{member.version === null ? '–' : count(member.version)}</td>
      <td class="waits">
        <Waiting member={member} />
      </td>
    </tr>
  );
}

function StateOf({member}: {member: MemberStatus}) {
  const silent = member.heard_seconds >= 3;
  return (
    <>
      {member.state}
      {silent && (
        <span class="problem">, not heard for {Math.round(member.heard_seconds)}&#8239;s</span>
      )}
    </>
  );
}

function Waiting({member}: {member: MemberStatus}) {
  if (member.waiting_for === '') return <>–</>;
  return (
    <>
      {member.waiting_for}, for {member.waiting_seconds}&#8239;s
    </>
  );
}
