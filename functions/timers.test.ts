import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

/** How often a field of NCRONTAB fits within its range. */
function times(field: string, values: number): number {
  const fits = (value: number) =>
    field.split(',').some((part) => {
      const [range = '', step = '1'] = part.split('/');
      const [first = '', last = first] = range === '*' ? ['0', String(values - 1)] : range.split('-');
      return value >= Number(first) && value <= Number(last) && (value - Number(first)) % Number(step) === 0;
    });
  return Array.from({ length: values }, (_, value) => value).filter(fits).length;
}

function timesInMonth(schedule: string): number {
  const [second = '', minute = '', hour = '', ...days] = schedule.split(' ');
  expect(days, schedule).toEqual(['*', '*', '*']);
  return times(second, 60) * times(minute, 60) * times(hour, 24) * 30;
}

it('the runbook tells what the timers cost', () => {
  const sources = readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(path.join(import.meta.dirname, name), 'utf8'));
  const timers = sources.flatMap((text) => text.match(/app\.timer\(/g) ?? []);
  const schedules = sources.flatMap((text) =>
    [...text.matchAll(/schedule: .*'((?:\S+ ){5}\S+)'/g)].map((match) => match[1] ?? ''),
  );
  expect(schedules).toHaveLength(timers.length);
  const all = schedules.reduce((sum, schedule) => sum + timesInMonth(schedule), 0);

  const guide = readFileSync(path.join(import.meta.dirname, '../docs/operations.md'), 'utf8');
  const said = /the timers, about ([\d,]+) executions .* \(2 GB: ([\d,]+) GB-seconds\)/s.exec(guide);
  const [executions, seconds] = [said?.[1], said?.[2]].map((text) => Number(text?.replaceAll(',', '')));
  expect(Math.abs((executions ?? 0) / all - 1), `${all} executions`).toBeLessThan(0.01);
  expect(seconds).toBe(2 * (executions ?? 0));
});
