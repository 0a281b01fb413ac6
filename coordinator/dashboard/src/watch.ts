// What the page knows of one job while it is looked at: its history and log from its stream of
// events, and what is fetched when an event says that there is something new.

import {signal} from '@preact/signals';

import type {HistoryLine} from '../../web/src/lines';
import {ask, askJson, Refused} from './api';
import type {ServerEvent} from './event_text';
import {follow} from './follow';
import {Meter} from './meter';
import {appended, Lines} from './record';
import {messageOf} from './service';
import type {Checkpoint, Job, JobStatus, Report, ResultFile, RunStatus, Runs, State} from './types';

const kTailBytes = 64 << 10;
const kLogLinesMax = 1000;
const kPaceMax = 600;

export interface Pace {
  at: number; // Seconds since the page was opened.
  steps: number; // A second.
}

// The last lines of a log, and the number of the first of them.
export interface LogEnd {
  first: number;
  lines: string[];
}

export class Watch {
  readonly job = signal<Job | undefined>(undefined);
  readonly error = signal('');
  readonly history = signal<HistoryLine[]>([]);
  readonly log = signal<LogEnd>({first: 0, lines: []});
  readonly status = signal<RunStatus | JobStatus | undefined>(undefined);
  readonly statusAt = signal(0); // As performance.now(); 0: it has said nothing yet.
  readonly pace = signal<Pace[]>([]);
  readonly checkpoints = signal<Checkpoint[]>([]);
  readonly runs = signal<Runs | undefined>(undefined);
  readonly files = signal<ResultFile[]>([]);
  // By split, of a training that is done.
  readonly scores = signal<Record<string, Record<string, number>> | undefined>(undefined);
  readonly meter = new Meter();
  readonly openedAt = Date.now();

  private readonly path: string;
  private stopStream = (): void => undefined;
  private isStopped = false;
  private isOpening = false;
  private hasMissed = false;
  private logLines = new Lines();
  private seen = '';

  constructor(readonly id: number) {
    this.path = `/jobs/${id}`;
    void this.open();
  }

  // What its log says that its model has; empty: nothing yet.
  digest(): string {
    for (const line of [...this.log.value.lines].reverse()) {
      const found = /^digest +([0-9a-f]{64})$/.exec(line);
      if (found) return found[1]!;
    }
    return '';
  }

  stop(): void {
    this.isStopped = true;
    this.stopStream();
  }

  // The service is back: what could not be read is read.
  retry(): void {
    if (this.job.peek()) {
      if (this.hasMissed) void this.refresh();
    } else if (!this.isOpening) {
      void this.open();
    }
  }

  // A job that has ended may be gone on with: then there is something to follow again.
  takeRow(row: Job): void {
    const before = this.job.peek();
    if (!before || before.id !== row.id || before === row) return;
    const wasOver = isOver(before.state);
    this.job.value = {...before, ...row};
    if (wasOver && !isOver(row.state) && this.seen !== '') this.follow();
    if (!wasOver && isOver(row.state)) void this.refresh();
  }

  // The end of the log and all of the history, then what comes.
  private async open(): Promise<void> {
    this.isOpening = true;
    try {
      const job = await askJson<Job>(this.path);
      const log = await ask(`${this.path}/log?tail=${kTailBytes}`);
      const text = await log.text();
      const history = new RunRecord(this.id, '');
      this.history.value = (await history.readOn()) ?? [];
      this.seen = `${nextOf(log)}-${history.end()}`;
      this.takeLog(text);
      this.job.value = job;
      this.error.value = '';
    } catch (error) {
      this.error.value = messageOf(error);
      return;
    } finally {
      this.isOpening = false;
    }
    if (this.isStopped) return;
    this.follow();
    await this.refresh();
  }

  private follow(): void {
    this.stopStream();
    this.stopStream = follow(`${this.path}/events`, this.seen, {
      event: (event) => this.take(event),
      refused: (why) => (this.error.value = why),
    });
  }

  private take({id, name, data}: ServerEvent): boolean {
    if (id !== '') this.seen = id;
    if (name === 'job') this.takeRow(JSON.parse(data) as Job);
    else if (name === 'log') this.takeLog(`${data}\n`);
    else if (name === 'history') this.history.value = appended(this.history.value, data);
    else if (name === 'status') this.takeStatus(JSON.parse(data) as Report);
    else if (name === 'end') void this.refresh();
    return name === 'end';
  }

  private takeLog(text: string): void {
    const lines = this.logLines.take(text);
    if (lines.length === 0) return;
    const {first, lines: before} = this.log.peek();
    const all = [...before, ...lines];
    const gone = Math.max(0, all.length - kLogLinesMax);
    this.log.value = {first: first + gone, lines: all.slice(gone)};
  }

  private takeStatus({report, age_seconds}: Report): void {
    if (!report) return;
    const before = this.status.peek();
    this.status.value = report;
    this.statusAt.value = performance.now() - age_seconds * 1000;
    if (isRun(report)) {
      const at = this.statusAt.value / 1000;
      this.meter.add(at, report.step);
      const steps = this.meter.pace();
      if (steps !== undefined) {
        this.pace.value = [...this.pace.value, {at, steps}].slice(-kPaceMax);
      }
      const kept = before && isRun(before) ? before.checkpoint : null;
      if (kept !== report.checkpoint) void this.loadCheckpoints();
    } else {
      const ended = before && !isRun(before) ? before.ended : -1;
      if (ended !== report.ended) void this.loadRuns();
    }
  }

  // What no event brings, when the job has begun or ended.
  private async refresh(): Promise<void> {
    this.hasMissed = false;
    const kind = this.job.peek()?.kind;
    await Promise.all([
      kind === 'train' ? this.loadCheckpoints() : this.loadRuns(),
      this.loadFiles(),
      this.loadScores(),
    ]);
  }

  private async loadCheckpoints(): Promise<void> {
    await this.load(async () => {
      const {checkpoints} = await askJson<{checkpoints: Checkpoint[]}>(`${this.path}/checkpoints`);
      this.checkpoints.value = checkpoints;
    });
  }

  private async loadRuns(): Promise<void> {
    await this.load(async () => {
      this.runs.value = await askJson<Runs>(`${this.path}/runs`);
    });
  }

  private async loadScores(): Promise<void> {
    const job = this.job.peek();
    if (job?.kind !== 'train' || job.state !== 'done') return;
    await this.load(async () => {
      this.scores.value = await askJson(`${this.path}/metrics`);
    });
  }

  private async loadFiles(): Promise<void> {
    await this.load(async () => {
      this.files.value = (await askJson<{files: ResultFile[]}>(`${this.path}/files`)).files;
    });
  }

  private async load(what: () => Promise<void>): Promise<void> {
    try {
      await what();
      this.error.value = '';
    } catch (error) {
      // That the service does not answer is said once, for the whole page.
      if (error instanceof Refused) this.error.value = error.message;
      else this.hasMissed = true;
    }
  }
}

// The history of a run, read on from where it was left.
export class RunRecord {
  private all: HistoryLine[] = [];
  private readonly lines = new Lines();
  private offset = 0;
  private isReading = false;

  // Empty: the job's own.
  constructor(
    private readonly job: number,
    readonly run: string,
  ) {}

  // Nothing: it is being read already, or the service does not answer: the next time shows all.
  async readOn(): Promise<HistoryLine[] | undefined> {
    if (this.isReading) return undefined;
    this.isReading = true;
    try {
      for (;;) {
        const part = await ask(
          `/jobs/${this.job}/history?offset=${this.offset}&run=${encodeURIComponent(this.run)}`,
        );
        this.all = appended(this.all, this.lines.take(await part.text()).join('\n'));
        const next = nextOf(part);
        if (next === this.offset) return this.all;
        this.offset = next;
      }
    } catch (error) {
      if (this.run === '') throw error;
      return undefined;
    } finally {
      this.isReading = false;
    }
  }

  // Where whole lines end: one that is being written is read again.
  end(): number {
    return this.offset - this.lines.bytesLeft();
  }
}

export function isRun(status: RunStatus | JobStatus): status is RunStatus {
  return !('runs' in status);
}

export function isOver(state: State): boolean {
  return state !== 'queued' && state !== 'running' && state !== 'cancelling';
}

function nextOf(response: Response): number {
  return Number(response.headers.get('Ballast-Next-Offset') ?? 0);
}
