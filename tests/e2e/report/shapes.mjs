// What the fixtures are made of.

export function generator(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  // Near enough to normal: the sum of twelve.
  const normal = () => Array.from({length: 12}, uniform).reduce((a, b) => a + b, -6);
  return {uniform, normal};
}

export const round = (value, digits = 6) => Number(value.toFixed(digits));
export const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const deviation = (values) =>
  Math.sqrt(values.reduce((sum, v) => sum + (v - mean(values)) ** 2, 0) / (values.length - 1));

// A probability of t being further out, near enough for a fixture with four degrees of freedom.
const pOf = (t) =>
  Math.min(1, Math.max(0.0004, 2 / (1 + Math.exp(0.9 * Math.abs(t) + 0.045 * Math.abs(t) ** 3))));

export function curve({steps, epochs, points, end, start, rate, overfit = 0, metrics, random}) {
  return Array.from({length: points}, (_, i) => {
    const share = (i + 1) / points;
    const progress = 1 - Math.exp(-rate * share);
    const wobble = () => 0.0016 * random.normal() * (1.4 - share);
    const worse = overfit * Math.max(0, share - 0.5) ** 2;
    const scores = {};
    for (const name of Object.keys(metrics)) {
      const sign = name === 'log_loss' || name === 'rmse' || name === 'mae' ? -1 : 1;
      const from = start[name];
      scores[name] = round(
        from +
          (end[name] - from) * (progress / (1 - Math.exp(-rate))) +
          wobble() * Math.abs(end[name]) -
          sign * worse,
      );
    }
    const loss =
      start.train_loss * Math.exp(-rate * 0.55 * share) + end.train_loss + 0.004 * random.normal();
    return {
      step: Math.round(steps * share),
      epoch: round(epochs * share, 3),
      train_loss: round(Math.max(loss, 0.003)),
      scores,
    };
  });
}

export function summarizeConfiguration(configuration, metrics) {
  const done = configuration.runs.filter((run) => run.scores);
  if (done.length === 0) return;
  configuration.mean = {};
  configuration.standard_deviation = {};
  configuration.interval = {};
  for (const name of metrics) {
    const values = done.map((run) => run.scores[name]);
    const spread = deviation(values);
    const half = 2.776 * spread * Math.sqrt(1 / values.length + 0.25);
    configuration.mean[name] = round(mean(values));
    configuration.standard_deviation[name] = round(spread);
    configuration.interval[name] = [round(mean(values) - half), round(mean(values) + half)];
  }
}

export function rank(configurations, metric, larger) {
  const done = configurations.filter((c) => c.state === 'done' && c.mean);
  done.sort((a, b) => (larger ? -1 : 1) * (a.mean[metric] - b.mean[metric]));
  const best = done[0];
  done.forEach((c, i) => {
    c.rank = i + 1;
    if (c === best) return;
    const differences = c.runs.map(
      (run, fold) => run.scores[metric] - best.runs[fold].scores[metric],
    );
    const t =
      mean(differences) / (deviation(differences) * Math.sqrt(1 / differences.length + 0.25));
    c.versus_best = {difference: round(mean(differences)), t: round(t, 3), p: round(pOf(t), 4)};
  });
  return best;
}

// ROC, precision-recall and calibration of scores from two shifted normal distributions.
export function binaryCurves(random, separation, positives, negatives, name) {
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const prior = Math.log(positives / negatives);
  const of = (count, shift) =>
    Array.from({length: count}, () =>
      sigmoid(separation * (random.normal() + shift * separation) * 0.92 + prior),
    );
  const all = [
    ...of(positives, 0.5).map((p) => ({p, y: 1})),
    ...of(negatives, -0.5).map((p) => ({p, y: 0})),
  ].sort((a, b) => b.p - a.p);
  const roc = [[0, 0]];
  const recall = [];
  let hits = 0;
  let area = 0;
  let average = 0;
  let best = {value: 0.5, score: 0};
  all.forEach(({p, y}, i) => {
    hits += y;
    if (y === 0) area += hits / positives / negatives;
    else average += hits / (i + 1) / positives;
    const f1 = (2 * hits) / (positives + i + 1);
    if (f1 > best.score) best = {value: round(p, 4), score: round(f1, 4)};
    if (i % 23 !== 0 && i !== all.length - 1) return;
    roc.push([round((i + 1 - hits) / negatives, 5), round(hits / positives, 5)]);
    recall.push([round(hits / positives, 5), round(hits / (i + 1), 5)]);
  });
  const bins = Array.from({length: 10}, (_, b) => {
    const inside = all.filter(({p}) => Math.min(9, Math.floor(p * 10)) === b);
    return inside.length === 0
      ? {predicted: b / 10 + 0.05, observed: 0, examples: 0}
      : {
          predicted: round(mean(inside.map((e) => e.p)), 4),
          observed: round(mean(inside.map((e) => e.y)), 4),
          examples: inside.length,
        };
  });
  const error = bins.reduce(
    (sum, bin) => sum + (bin.examples * Math.abs(bin.predicted - bin.observed)) / all.length,
    0,
  );
  const above = (y) => all.filter((e) => e.y === y && e.p > 0.5).length;
  return {
    roc: {class: name, auc: round(area, 4), points: roc},
    precision_recall: {class: name, average_precision: round(average, 4), points: recall},
    calibration: {class: name, error: round(error, 4), bins},
    counts: [
      [negatives - above(0), above(0)],
      [positives - above(1), above(1)],
    ],
    threshold: {metric: 'f1', ...best},
  };
}

export function timingsOf(job, random, lanes, secondsOf) {
  const free = new Array(lanes).fill(0);
  const runs = {};
  for (const configuration of job.configurations) {
    for (const run of configuration.runs) {
      const lane = free.indexOf(Math.min(...free));
      const seconds = round(secondsOf(configuration, run) * (1 + 0.05 * random.normal()), 3);
      runs[run.run] = {seconds, began: round(free[lane], 3), workers: 1};
      free[lane] += seconds + 0.02;
    }
  }
  return {runs, seconds: round(Math.max(...free) + 0.4, 3)};
}

export const runName = (id, repeat, fold) => `c${String(id).padStart(3, '0')}-r${repeat}-f${fold}`;
