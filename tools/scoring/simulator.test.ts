import { describe, expect, it } from 'vitest';
import { handbookFeatureNames, handbookFeatures } from './handbookFeatures.ts';
import { handbookSettings, simulate } from './simulator.ts';

const small = { ...handbookSettings, customers: 200, terminals: 400, days: 60 };
const made = simulate(small);

describe('the simulator', () => {
  it('gives the same transactions for the same seed, in order of time', () => {
    expect(simulate({ ...small, days: 20 })).toEqual(simulate({ ...small, days: 20 }));
    expect(made.at.every((at, row) => row === 0 || at >= made.at[row - 1]!)).toBe(true);
  });

  it('has the volumes of the description: about two transactions a customer and day, means of 5 to 100', () => {
    expect(made.count / (200 * 60)).toBeGreaterThan(1.6);
    expect(made.count / (200 * 60)).toBeLessThan(2.3);
    const good = made.amount.filter((_, row) => made.fraud[row] === 0);
    expect(good.reduce((a, b) => a + b, 0) / good.length).toBeGreaterThan(45);
    expect(Math.max(...good)).toBeLessThanOrEqual(220);
  });

  it('marks each scenario as described', () => {
    for (let row = 0; row < made.count; row++) {
      expect(made.fraud[row]).toBe(made.scenario[row] === 0 ? 0 : 1);
      if (made.amount[row]! > 220) expect(made.fraud[row]).toBe(1);
    }
    for (const kind of [1, 2, 3]) expect(made.scenario.includes(kind)).toBe(true);
    // Every transaction of a compromised terminal is fraud; of a stolen card a third.
    const stolen = new Set(made.customer.filter((_, row) => made.scenario[row] === 3));
    const ofStolen = made.scenario.filter((_, row) => stolen.has(made.customer[row]!));
    expect(ofStolen.filter((kind) => kind === 3).length / ofStolen.length).toBeLessThan(1 / 3);
  });

  it('changes what fraud looks like from the day of the drift', () => {
    const drifted = simulate({ ...small, driftDay: 30 });
    const mean = (from: number, to: number) => {
      const rows = [...drifted.amount.keys()].filter(
        (row) => drifted.scenario[row] === 3 && drifted.day[row]! >= from && drifted.day[row]! < to,
      );
      return rows.reduce((sum, row) => sum + drifted.amount[row]!, 0) / rows.length;
    };
    expect(mean(0, 30)).toBeGreaterThan(10 * mean(30, 60));
  });
});

describe('the handbook’s features', () => {
  it('are what their definition gives, counted row by row', () => {
    const columns = handbookFeatures(made);
    const DAY = 86_400_000;
    const check = (name: string, row: number, value: number) =>
      expect(columns[handbookFeatureNames.indexOf(name)]![row]).toBeCloseTo(value, 3);
    for (let row = 17; row < made.count; row += 997) {
      for (const days of [1, 7, 30]) {
        const now = made.at[row]!;
        const past = [...made.at.keys()].slice(0, row + 1);
        const own = past.filter(
          (r) => made.customer[r] === made.customer[row] && made.at[r]! > now - days * DAY,
        );
        check(`customerCount${days}d`, row, own.length);
        check(
          `customerMeanAmount${days}d`,
          row,
          own.reduce((sum, r) => sum + made.amount[r]!, 0) / own.length,
        );
        const there = past.filter((r) => {
          const age = (now - made.at[r]!) / DAY;
          return made.terminal[r] === made.terminal[row] && age >= 7 && age < 7 + days;
        });
        const frauds = there.reduce((sum, r) => sum + made.fraud[r]!, 0);
        check(`terminalCount${days}d`, row, there.length);
        check(`terminalRisk${days}d`, row, there.length > 0 ? frauds / there.length : 0);
      }
    }
  });
});
