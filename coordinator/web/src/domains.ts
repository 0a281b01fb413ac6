// Domains of axes and their ticks: what plots need to know before they draw.

export type Pair = [number, number];

// The range of the values and a little more, so that no mark sits on an edge.
export function paddedDomain(values: number[], share = 0.06): Pair {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [0, 1];
  const low = finite.reduce((a, b) => Math.min(a, b));
  const high = finite.reduce((a, b) => Math.max(a, b));
  const margin = high > low ? (high - low) * share : Math.abs(low) * 0.05 || 0.5;
  return [low - margin, high + margin];
}

// A line for losses shows its end best on a logarithmic axis when it falls far.
export function wantsLog(values: number[]): boolean {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return false;
  const low = finite.reduce((a, b) => Math.min(a, b));
  const high = finite.reduce((a, b) => Math.max(a, b));
  return low > 0 && high / low >= 20;
}

// Ticks of a logarithmic axis: 1, 2 and 5 of each power of ten, or as few of these as fit.
export function logTicks(values: number[]): number[] {
  const positive = values.filter((v) => v > 0 && Number.isFinite(v));
  if (positive.length === 0) return [];
  const low = positive.reduce((a, b) => Math.min(a, b));
  const high = positive.reduce((a, b) => Math.max(a, b));
  for (const steps of [[1, 2, 5], [1, 3], [1]]) {
    const ticks: number[] = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); ++power) {
      ticks.push(...steps.map((step) => Number(`${step}e${power}`)));
    }
    const inside = ticks.filter((tick) => tick >= low && tick <= high);
    if (inside.length <= 7 || steps.length === 1) return inside;
  }
  return [];
}

// Exponential smoothing whose start is not pulled towards zero.
export function smoothed(values: number[], weight: number): number[] {
  let mean = 0;
  let mass = 0;
  return values.map((value) => {
    mean = weight * mean + (1 - weight) * value;
    mass = weight * mass + (1 - weight);
    return mean / mass;
  });
}
