// What the API answers: openapi.json of coordinator/service.

export type State =
  | 'queued'
  | 'running'
  | 'cancelling'
  | 'done'
  | 'unfinished'
  | 'failed'
  | 'cancelled';

export interface Job {
  id: number;
  state: State;
  kind: 'train' | 'cv' | 'search';
  name: string;
  owner: string;
  priority: number;
  workers: number;
  servers: number;
  life: number;
  reason: string;
  submitted_at: string | null;
  begun_at: string | null;
  ended_at: string | null;
  // Of the whole job alone.
  spec?: string;
  overrides?: string[];
}

export interface JobPage {
  jobs: Job[];
  next: number | null;
}

export type Counts = Record<State, number>;

export interface Agent {
  id: string;
  role: 'server' | 'worker';
  host: string;
  threads: number;
  serves: number[];
  posted: number[];
  leaving: boolean;
}

export interface Caller {
  name: string;
  role: 'view' | 'submit' | 'admin';
}

// Of a training its steps, of a job of many runs those.
export interface Progress {
  id: number;
  phase?: string;
  step?: number;
  steps?: number;
  waiting_for?: string;
  waiting_seconds?: number;
  ended?: number;
  failed?: number;
  under_way?: number;
  left?: number;
  seconds?: number;
}

interface MemberOf<Role extends string> {
  role: Role;
  id: string;
  host: string;
  state: string;
  heard_seconds: number;
  waiting_for: string;
  waiting_seconds: number;
}

export interface WorkerStatus extends MemberOf<'worker'> {
  leaves: [number, number];
}

export interface ServerStatus extends MemberOf<'server'> {
  endpoint: string;
  owns: number;
  replicates: number;
  lacks: number;
  version: number | null;
  prepared: boolean;
}

export type MemberStatus = WorkerStatus | ServerStatus;

export interface RunStatus {
  run: string;
  phase: string;
  step: number;
  steps: number;
  batch: number;
  epoch: number;
  epochs: number;
  loss: number | null;
  timeline: number;
  waiting_for: string;
  waiting_seconds: number;
  checkpoint: number | null;
  open_checkpoints: {step: number; written: number; partitions: number}[];
  members: MemberStatus[];
}

export interface JobStatus {
  job: string;
  ended: number;
  failed: number;
  left: number;
  seconds: number;
  servers: number;
  workers: number;
  seconds_left?: number;
  runs: RunStatus[];
}

export interface Report {
  age_seconds: number;
  report: RunStatus | JobStatus | null;
}

export interface Checkpoint {
  timeline: number;
  step: number;
  bytes: number;
  written_at: string;
}

export interface RunResult {
  run: string;
  configuration: number | null;
  state: 'under_way' | 'done' | 'failed';
  reason: string | null;
  step: number | null;
  score: number | null;
}

export interface Runs {
  metric: string | null;
  larger_is_better: boolean | null;
  parameters: string[];
  configurations: {id: number; values: string[] | null}[];
  runs: RunResult[];
}

export interface ResultFile {
  path: string;
  bytes: number;
}
