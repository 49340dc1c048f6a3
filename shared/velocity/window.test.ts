import { describe, expect, it } from 'vitest';
import { windowStart } from './window.ts';

const start = (count: number, unit: 's' | 'm' | 'h' | 'd', now: string) =>
  new Date(windowStart({ count, unit }, Date.parse(now)) * 1000).toISOString();

describe('a window', () => {
  it.each([
    [2, 'h', '2024-05-01T11:04:30.999Z', '2024-05-01T09:00:00.000Z'],
    [1, 's', '2024-05-01T11:04:30.999Z', '2024-05-01T11:04:29.000Z'],
    [59, 'm', '2024-05-01T11:04:30.000Z', '2024-05-01T10:05:00.000Z'],
    [1, 'd', '2024-03-01T00:00:00.000Z', '2024-02-29T00:00:00.000Z'],
    [90, 'd', '2024-05-01T11:04:30.000Z', '2024-02-01T00:00:00.000Z'],
  ] as const)('of %i%s begins, seen from %s, at %s', (count, unit, now, expected) => {
    expect(start(count, unit, now)).toBe(expected);
  });
});
