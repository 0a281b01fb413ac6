// What the report is made of: cv.json and timings.json (docs/job-files.md), and what `ballast
// report` puts together from a training run's directory. Keys that are absent do not apply.

import type {Pair} from '../../web/src/domains';
import type {ParameterValue} from '../../web/src/format';
import type {HistoryLine} from '../../web/src/lines';

export type {HistoryLine, Pair, ParameterValue};
export type Scores = Record<string, number>;
export type Task = 'binary' | 'multiclass' | 'regression';

export interface CurvePoint {
  step: number;
  epoch?: number;
  train_loss?: number;
  scores?: Scores;
}

export interface Run {
  run: string;
  repeat: number;
  fold: number;
  state: 'done' | 'halved' | 'failed' | 'stopped_early' | 'unfinished';
  reason?: string;
  train_examples?: number;
  validation_examples?: number;
  steps?: number;
  epochs?: number;
  scores?: Scores;
  curve?: CurvePoint[];
}

export interface Configuration {
  id: number;
  parameters: Record<string, ParameterValue>;
  state: 'done' | 'halved' | 'failed' | 'unfinished';
  reason?: string;
  mean?: Scores;
  standard_deviation?: Scores;
  interval?: Record<string, [number, number]>;
  rank?: number;
  versus_best?: {difference: number; t?: number; p?: number};
  runs: Run[];
}

export interface Parameter {
  name: string;
  scale: 'log' | 'linear' | 'category';
}

// Applied: the model decides at it. Else it is told for information, and 0.5 decides.
export interface Threshold {
  metric: string;
  value: number;
  score: number;
  applied?: boolean;
}

export interface QualityCurves {
  configuration: number;
  roc?: {class: string; auc: number; points: Pair[]}[];
  precision_recall?: {class: string; average_precision: number; points: Pair[]}[];
  calibration?: {
    class: string;
    error: number;
    bins: {predicted: number; observed: number; examples: number}[];
  }[];
  confusion?: {classes: string[]; counts: number[][]};
  regression?: {points: Pair[]; residual_quantiles?: Pair[]};
  threshold?: Threshold;
}

export interface Job {
  ballast?: string;
  kind: 'cross_validation' | 'search';
  name: string;
  seed?: number;
  task: Task;
  classes?: string[];
  metric: {name: string; larger_is_better: boolean};
  metrics: string[];
  split: {kind: string; folds?: number; repeats?: number};
  method?: 'grid' | 'random' | 'halving' | 'hyperband';
  examples?: number;
  spec?: string;
  parameters: Parameter[];
  configurations: Configuration[];
  choice?: {best?: number; one_standard_error?: number; chosen?: number; rule?: string};
  curves?: QualityCurves;
  refit?: {directory?: string; digest?: string; metrics?: Record<string, Scores>};
  nested?: Nested;
  unfinished?: Unfinished;
}

// What the job's budget left undone.
export interface Unfinished {
  budget: string;
  limit: number;
  runs: number;
  refit: boolean;
  depends_on_time: boolean;
}

// What the whole search comes to on splits that had no say in it.
export interface Nested {
  split?: {kind: string; folds?: number; repeats?: number};
  mean?: Scores;
  interval?: Record<string, [number, number]>;
  outer: {
    repeat?: number;
    fold: number;
    chosen?: number;
    state?: string;
    reason?: string;
    scores: Scores;
  }[];
}

export interface Timings {
  runs?: Record<string, {seconds: number; began?: number; workers?: number}>;
  seconds?: number;
}

export interface Training {
  kind: 'training';
  state: 'done' | 'unfinished';
  ballast?: string;
  name: string;
  seed?: number;
  task: Task;
  classes?: string[];
  examples?: Record<string, number>;
  steps?: number;
  kernel_family?: string;
  spec: string;
  digest?: string;
  // What its final metrics, but those of training, are at.
  threshold?: Threshold & {chosen_on: 'validation' | 'out_of_fold'};
  // Training figures count some examples for more than one, those of other splits may not.
  class_weights?: boolean;
  metrics?: Record<string, Scores>;
  history: HistoryLine[];
}
