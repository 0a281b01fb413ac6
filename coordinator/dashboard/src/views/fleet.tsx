// The machines that are lent to the service.

import {capitalized, count, listed, plural} from '../../../web/src/format';
import {agents} from '../service';
import type {Agent} from '../types';
import {Section, Table} from './parts';

export function Fleet() {
  const workers = agents.value.filter((agent) => agent.role === 'worker');
  const servers = agents.value.filter((agent) => agent.role === 'server');
  const threads = (of: Agent[]): number => of.reduce((sum, agent) => sum + agent.threads, 0);
  const idle = workers.filter((agent) => agent.posted.length === 0 && !agent.leaving);
  return (
    <main id="main" tabIndex={-1}>
      <h1>Fleet</h1>
      {agents.value.length === 0 ? (
        <p class="empty">
          No machine is lent to this service. Jobs begin when there is at least one server and one
          worker.
        </p>
      ) : (
        <>
          <p class="lead">
            {listed([
              `${plural(workers.length, 'worker')} with ${plural(threads(workers), 'thread')}`,
              plural(servers.length, 'server'),
            ])}
            .{' '}
            {idle.length > 0
              ? `${plural(idle.length, 'worker')} with ${plural(threads(idle), 'thread')} ${idle.length === 1 ? 'is' : 'are'} free.`
              : workers.length > 0 && 'No worker is free.'}
          </p>
          <Agents title="Workers" agents={workers} />
          <Agents title="Servers" agents={servers} />
        </>
      )}
    </main>
  );
}

function Agents({title, agents: shown}: {title: string; agents: Agent[]}) {
  return (
    <Section title={title} id={title.toLowerCase()}>
      {shown.length === 0 ? (
        <p class="empty">There are none.</p>
      ) : (
        <Table caption={title} head={['Host', 'Threads', 'Serves', 'State']} numeric={[1]}>
          {shown.map((agent) => (
            <tr key={agent.id}>
              <th scope="row">{agent.host}</th>
              <td class="numeric">{agent.threads === 0 ? '–' : count(agent.threads)}</td>
              <td>
                <Served agent={agent} />
              </td>
              <td>{capitalized(stateOf(agent))}</td>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}

function Served({agent}: {agent: Agent}) {
  const jobs = [...new Set([...agent.serves, ...agent.posted])].sort((a, b) => a - b);
  if (jobs.length === 0) return <>–</>;
  return (
    <>
      {jobs.map((job, i) => (
        <span key={job}>
          {i > 0 && ', '}
          <a href={`#/jobs/${job}`}>job {job}</a>
          {!agent.posted.includes(job) && ' (leaves)'}
          {!agent.serves.includes(job) && ' (joins)'}
        </span>
      ))}
    </>
  );
}

function stateOf(agent: Agent): string {
  if (agent.leaving) return 'leaving';
  return agent.posted.length === 0 && agent.serves.length === 0 ? 'free' : 'serving';
}
