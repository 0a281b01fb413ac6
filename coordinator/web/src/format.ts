// How numbers and names are written for people.

export type ParameterValue = number | string | boolean | null;

const kMetricNames: Record<string, string> = {
  roc_auc: 'ROC-AUC',
  roc_auc_ovo: 'ROC-AUC one-vs-one',
  f1: 'F1',
  'f0.5': 'F0.5',
  f2: 'F2',
  youden: 'Youden’s J',
  matthews: 'Matthews correlation',
  kappa: 'Cohen’s kappa',
  brier_score: 'Brier score',
  top_3_accuracy: 'top-3 accuracy',
  top_5_accuracy: 'top-5 accuracy',
  r2: 'R²',
  rmse: 'RMSE',
  mae: 'MAE',
  mape: 'MAPE',
  pinball_10: 'pinball loss at 10\u202f%',
  pinball_90: 'pinball loss at 90\u202f%',
};

// Those of docs/metrics.md.
const kSmallerIsBetter = new Set([
  'loss',
  'log_loss',
  'normalized_entropy',
  'brier_score',
  'calibration_error',
  'rmse',
  'mae',
  'median_absolute_error',
  'mape',
  'pinball_10',
  'pinball_90',
]);

export function metricName(metric: string): string {
  const weighted = metric.endsWith('_weighted');
  const plain = weighted ? metric.slice(0, -'_weighted'.length) : metric;
  const name = kMetricNames[plain] ?? plain.replaceAll('_', ' ');
  return weighted ? `${name}, weighted` : name;
}

export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// For metrics other than the job's own, whose direction cv.json says.
export function largerIsBetter(metric: string): boolean {
  return !kSmallerIsBetter.has(metric);
}

const minus = (text: string): string => text.replaceAll('-', '−');

// Four decimals show what folds can tell apart of a share; larger numbers get five digits.
export function score(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-5) return minus(value.toExponential(1));
  if (size !== 0 && size < 0.001) return minus(value.toPrecision(2));
  if (size < 10) return minus(value.toFixed(4));
  if (size < 100000) return minus(grouped(value, Math.max(0, 4 - Math.floor(Math.log10(size)))));
  return minus(value.toPrecision(5));
}

export function signed(value: number): string {
  return value > 0 ? `+${score(value)}` : score(value);
}

function grouped(value: number, decimals: number): string {
  const [whole = '', fraction] = value.toFixed(decimals).split('.');
  const digits = whole.replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');
  return fraction ? `${digits}.${fraction}` : digits;
}

export function count(value: number): string {
  return grouped(value, 0);
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

export function percent(share: number, decimals = 0): string {
  return `${(share * 100).toFixed(decimals)}\u202f%`;
}

export function pValue(p: number): string {
  return p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(p < 0.1 ? 3 : 2)}`;
}

export function parameterValue(value: ParameterValue | undefined): string {
  if (value === undefined || value === null) return '–';
  if (typeof value === 'object') return JSON.stringify(value);
  if (typeof value !== 'number') return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return minus(String(value));
  const short = Number(value.toPrecision(3));
  const size = Math.abs(short);
  return minus(size < 1e-3 || size >= 1e6 ? short.toExponential() : String(short));
}

export function duration(seconds: number): string {
  if (seconds < 0.1) return `${Math.round(seconds * 1000)}\u202fms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)}\u202fs`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}\u202fmin ${whole % 60}\u202fs`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)}\u202fh ${minutes % 60}\u202fmin`;
}

// "optimizer.learning_rate" as "learning rate", and as "optimizer learning rate" where another
// parameter ends alike.
export function parameterNames(paths: string[]): Map<string, string> {
  const last = (path: string): string => path.split('.').at(-1) ?? path;
  const named = new Map<string, string>();
  for (const path of paths) {
    const alone = paths.filter((other) => last(other) === last(path)).length === 1;
    const words = alone ? last(path) : path.replaceAll('.', ' ');
    named.set(path, words.replaceAll('_', ' ').replace(/^l([12])$/, 'L$1'));
  }
  return named;
}

// For places that hold so many letters. Cut in the middle: names often differ at their end.
export function shortened(text: string, letters: number): string {
  if (text.length <= letters) return text;
  const end = Math.floor((letters - 1) / 3);
  return `${text.slice(0, Math.max(1, letters - 1 - end))}…${text.slice(text.length - end)}`;
}

export function listed(words: string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

// What went wrong, and what may help: reasons say the one before the other, with a semicolon between.
export function causeAndRemedy(reason: string): [string, string] {
  const text = reason.replace(/\.$/, '');
  const at = text.indexOf('; ');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 2)];
}

const kStates: Record<string, string> = {
  done: 'done',
  halved: 'halved',
  failed: 'failed',
  stopped_early: 'stopped early',
  unfinished: 'unfinished',
};

export function stateName(state: string): string {
  return kStates[state] ?? state;
}
