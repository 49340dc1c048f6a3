import { describe, expect, it } from 'vitest';
import { type Analysis, analyse, analyseTwice } from '../../shared/lossPrevention/analysis.ts';
import { type Cell, inferRoles, staffCells } from '../../shared/lossPrevention/cells.ts';
import { findingDefaults } from '../../shared/lossPrevention/findings.ts';
import { reasons } from '../../shared/lossPrevention/reasons.ts';
import { at, noSums } from '../../shared/lossPrevention/sums.ts';
import { isolationForest, plainZ, qualityOf } from './baselines.ts';
import { streamSums, tillRows } from './stream.ts';
import type { WorldSettings } from './world.ts';

const options = { months: 4, reasons, rate: findingDefaults.rate, threshold: 560 };
const settings: WorldSettings = {
  seed: 7,
  stores: 40,
  staffPerStore: 12,
  months: 4,
  start: '2026-01',
  transactionsPerMonth: 70,
  abuse: 0.08,
};

const risksOf = (analysis: Analysis) => new Map(analysis.entities.map((entity) => [entity.id, entity.risk]));

describe('scores of staff', () => {
  const { world, totals } = streamSums(settings);
  const rows = tillRows(totals);
  const planted = new Set(
    world.stores.flatMap((store) => store.staff.flatMap((person) => (person.abuse ? [person.id] : []))),
  );
  const analysis = analyseTwice(staffCells(rows), options);

  it('find planted abuse well before plain z-scores and an isolation forest do', () => {
    const ours = qualityOf(risksOf(analysis), planted);
    expect(ours.atPlanted).toBeGreaterThanOrEqual(0.7);
    expect(ours.averagePrecision).toBeGreaterThanOrEqual(0.75);
    expect(ours.averagePrecision).toBeGreaterThan(
      qualityOf(plainZ(rows, false), planted).averagePrecision + 0.2,
    );
    expect(ours.averagePrecision).toBeGreaterThan(
      qualityOf(isolationForest(rows, 1), planted).averagePrecision + 0.3,
    );
  });

  it('flag few who are innocent', () => {
    const wrong = [...analysis.flagged].filter((id) => !planted.has(id));
    expect(wrong.length).toBeLessThanOrEqual(0.25 * analysis.flagged.size);
  });

  it('get by without roles in the data', () => {
    const roles = inferRoles(rows);
    const blind = rows.map((row) => ({ ...row, role: roles.get(row.staff) ?? '' }));
    expect(
      qualityOf(risksOf(analyseTwice(staffCells(blind), options)), planted).atPlanted,
    ).toBeGreaterThanOrEqual(0.65);
  });

  it('do not depend on the order of the data', () => {
    const backwards = [...rows].reverse();
    expect(analyseTwice(staffCells(backwards), options).entities).toEqual(analysis.entities);
  });

  it('are whole numbers from 0 to 999, at the threshold or above exactly for those flagged', () => {
    for (const entity of analysis.entities) {
      const most = Math.max(...entity.months.map((month) => month.score));
      expect(entity.months.every(({ score }) => Number.isInteger(score) && score >= 0 && score <= 999)).toBe(
        true,
      );
      expect(most >= options.threshold).toBe(analysis.flagged.has(entity.id));
    }
  });

  it('come with reasons: the kind that was planted stands out, with its peers’ value below it', () => {
    const person = world.stores
      .flatMap((store) => store.staff)
      .find((one) => one.abuse?.kind === 'soonRefunds' && analysis.flagged.has(one.id))!;
    const months = analysis.detail(new Set([person.id])).get(person.id)!;
    const month = months[person.abuse!.to]!;
    expect(month[0]?.reason).toBe('soon');
    expect(month[0]!.value).toBeGreaterThan(month[0]!.peer * 3);
    expect(month[0]!.percentile).toBeGreaterThan(95);
    expect(month[0]!.stake).toBeGreaterThan(0);
  });
});

describe('clean data', () => {
  it('flag next to nobody', () => {
    const { totals } = streamSums({ ...settings, seed: 8, abuse: 0 });
    const analysis = analyseTwice(staffCells(tillRows(totals)), options);
    expect(analysis.flagged.size).toBeLessThanOrEqual(2);
  });
});

describe('the comparison with peers', () => {
  const cell = (id: string, month: number, returns: number, group = 'g', transactions = 200): Cell => {
    const sums = noSums();
    sums[at.transactions] = transactions;
    sums[at.sales] = transactions - returns;
    sums[at.returns] = returns;
    sums[at.returned] = returns * 2000;
    return { id, month, group, region: 'r', role: '', site: '', sums };
  };
  const crowd = Array.from({ length: 30 }, (_, i) =>
    [0, 1, 2, 3].map((month) => cell(`p${i}`, month, 8 + ((i * 7 + month * 3) % 5))),
  ).flat();
  const returnsOf = (cells: Cell[], id: string, month: number) =>
    analyse(cells, options)
      .detail(new Set([id]))
      .get(id)!
      [month]!.find((reason) => reason.reason === 'returns')!;

  it('leaves a person out of what is expected of them', () => {
    const before = returnsOf([...crowd, cell('x', 3, 10)], 'x', 3);
    const after = returnsOf([...crowd, cell('x', 3, 90)], 'x', 3);
    expect(after.peer).toBeCloseTo(before.peer, 9);
    expect(after.value).toBeCloseTo(0.45);
  });

  it('lets small groups borrow from their region', () => {
    const lonely = returnsOf([...crowd, cell('x', 3, 30, 'alone')], 'x', 3);
    expect(lonely.peer).toBeCloseTo(0.05, 1);
    expect(lonely.p).toBeLessThan(1e-3);
  });

  it('knows a store by its people of other roles', () => {
    // Twenty stores with five at the tills and one at a desk; in store 0 everybody takes twice as many returns.
    const stores = Array.from({ length: 20 }, (_, store) => store).flatMap((store) => {
      const site = `s${store}`;
      const many = store === 0 ? 2 : 1;
      const one = (id: string, role: string, returns: number) =>
        [0, 1, 2, 3].map((month) => ({
          ...cell(`${id}${store}`, month, returns * many, `${role} ${site}`),
          region: role,
          role,
          site,
        }));
      return ['a', 'b', 'c', 'd', 'e'].flatMap((id) => one(id, 'till', 10)).concat(one('desk', 'desk', 40));
    });
    const known = returnsOf(stores, 'desk0', 3);
    expect(known.value).toBeCloseTo(0.4);
    expect(known.peer).toBeGreaterThan(0.35);
    const unknown = returnsOf(
      stores.map((one) => ({ ...one, site: '' })),
      'desk0',
      3,
    );
    expect(unknown.peer).toBeCloseTo(0.2, 1);
  });

  it('takes three refunds to one card for a pattern, whoever got them', () => {
    const refunds = (id: string, month: number, repeated: number): Cell => {
      const one = cell(id, month, 10);
      one.sums[at.toCard] = 8;
      one.sums[at.sameCard] = repeated;
      return one;
    };
    const people = Array.from({ length: 60 }, (_, i) =>
      [0, 1, 2, 3].map((m) => refunds(`p${i}`, m, 0)),
    ).flat();
    const found = analyse([...people, refunds('x', 3, 1)], options)
      .detail(new Set(['x']))
      .get('x')![3]!;
    expect(found[0]).toMatchObject({ reason: 'sameCard', observed: 1 });
    expect(found[0]!.p).toBeLessThan(0.05);
  });

  it('counts a change against a person more than what they always did', () => {
    // People who differ: from 4 to 20 returns a month, each about the same every month.
    const mixed = Array.from({ length: 60 }, (_, i) =>
      [0, 1, 2, 3].map((month) => cell(`m${i}`, month, 4 + (i % 17) + ((i + month) % 2))),
    ).flat();
    const always = [0, 1, 2, 3].map((month) => cell('always', month, 24));
    const lately = [0, 1, 2, 3].map((month) => cell('lately', month, month < 3 ? 8 : 24));
    const cells = [...mixed, ...always, ...lately];
    expect(returnsOf(cells, 'always', 3).p).toBeGreaterThan(0.01);
    expect(returnsOf(cells, 'lately', 3).p).toBeLessThan(0.003);
  });

  it('adds up what goes on for months', () => {
    const cells = [...crowd, ...[0, 1, 2, 3].map((month) => cell('slow', month, month < 2 ? 10 : 17))];
    expect(returnsOf(cells, 'slow', 3)).toMatchObject({ window: 2, observed: 34 });
  });

  it('takes no notice of fewer than three events', () => {
    const few = [...crowd.map((one) => ({ ...one, sums: noSums() })), cell('x', 3, 2, 'g', 4)];
    expect(analyse(few, options).flagged.size).toBe(0);
  });
});
