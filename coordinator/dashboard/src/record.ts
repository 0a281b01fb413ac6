// The lines of a history as they come, and as many of them as a plot can show.

import {isEpochLine, type HistoryLine, type LinePoint} from '../../web/src/lines';

// Lines behind `lines`. A run that went back says some steps again: what was there of them goes.
export function appended(lines: HistoryLine[], text: string): HistoryLine[] {
  const all = [...lines];
  for (const part of text.split('\n')) {
    const line = parsed(part);
    if (!line) continue;
    while (all.length > 0 && repeats(all.at(-1)!, line)) all.pop();
    all.push(line);
  }
  return all;
}

// A step has a line of its own, and perhaps one of the epoch that it ends.
function repeats(before: HistoryLine, line: HistoryLine): boolean {
  if (before.step !== line.step) return before.step > line.step;
  return isEpochLine(before) || !isEpochLine(line);
}

function parsed(text: string): HistoryLine | undefined {
  if (text === '') return undefined;
  try {
    const line = JSON.parse(text) as HistoryLine | null;
    return typeof line?.step === 'number' ? line : undefined;
  } catch {
    return undefined; // Cut off where a process died; the run writes it again.
  }
}

// At most so many, evenly, with the last.
export function thinned(points: LinePoint[], most: number): LinePoint[] {
  if (points.length <= most) return points;
  const stride = (points.length - 1) / (most - 1);
  return Array.from({length: most}, (_, i) => points[Math.round(i * stride)]!);
}

// Text that comes in pieces, as whole lines; the rest waits for what follows it.
export class Lines {
  private rest = '';

  take(piece: string): string[] {
    const lines = (this.rest + piece).split('\n');
    this.rest = lines.pop()!;
    return lines;
  }

  bytesLeft(): number {
    return new TextEncoder().encode(this.rest).length;
  }
}
