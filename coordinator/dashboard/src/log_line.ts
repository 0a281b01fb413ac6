// A line of a job's log for people, whether its process writes text or JSON (docs/operations.md).

export interface LogLine {
  level: 'warning' | 'error' | '';
  text: string;
}

interface Logged {
  time: string;
  level: string;
  role: string;
  text: string;
  run?: number;
  step?: number;
}

export function logLine(line: string): LogLine {
  const logged = line.startsWith('{"time":') ? parsed(line) : undefined;
  if (!logged) return {level: levelOf(/^\d{4}-\S+ \S+ (\w+)/.exec(line)?.[1]), text: line};
  const place = (['run', 'step'] as const)
    .filter((name) => logged[name] !== undefined)
    .map((name) => `${name} ${logged[name]}`);
  return {
    level: levelOf(logged.level),
    text:
      `${logged.time.replace('T', ' ').slice(0, 23)} ${logged.level.padEnd(7)} ` +
      `${logged.role}: ${logged.text}${place.length > 0 ? ` [${place.join(' ')}]` : ''}`,
  };
}

function levelOf(word: string | undefined): LogLine['level'] {
  return word === 'warning' || word === 'error' ? word : '';
}

function parsed(line: string): Logged | undefined {
  try {
    const logged = JSON.parse(line) as Logged;
    return typeof logged.text === 'string' ? logged : undefined;
  } catch {
    return undefined;
  }
}
