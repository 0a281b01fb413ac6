// How fast something advances: by what it said over the last half minute.

export interface Sample {
  at: number; // Seconds.
  value: number;
}

// Of a job of many runs, by how long those that have ended took; undefined: none has yet.
export function secondsOfRuns(ended: number, left: number, seconds: number): number | undefined {
  return ended > 0 ? (seconds / ended) * left : undefined;
}

const kWindow = 30;
const kShortest = 0.9;

export class Meter {
  private samples: Sample[] = [];

  // What goes back has begun anew.
  add(at: number, value: number): void {
    const last = this.samples.at(-1);
    if (last && (value < last.value || at < last.at)) this.samples = [];
    this.samples.push({at, value});
    while (this.samples.length > 2 && at - this.samples[0]!.at > kWindow) this.samples.shift();
  }

  // A second; undefined: not known yet.
  rate(): number | undefined {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (!first || !last || last.at - first.at < kShortest) return undefined;
    return (last.value - first.value) / (last.at - first.at);
  }

  // Between the last two samples, for a curve.
  pace(): number | undefined {
    const [before, last] = this.samples.slice(-2);
    if (!before || !last || last.at <= before.at) return undefined;
    return (last.value - before.value) / (last.at - before.at);
  }

  secondsUntil(value: number): number | undefined {
    const rate = this.rate();
    const last = this.samples.at(-1);
    if (rate === undefined || rate <= 0 || !last) return undefined;
    return Math.max(0, value - last.value) / rate;
  }
}
