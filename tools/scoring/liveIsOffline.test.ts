import { beforeAll, describe, expect, it } from 'vitest';
import { entitiesOf } from '../../shared/scoring/features/entities.ts';
import type { FeatureEvent } from '../../shared/scoring/features/event.ts';
import { decodeHistory, encodeHistory } from '../../shared/scoring/features/historyCodec.ts';
import { features } from '../../shared/scoring/features/schema.ts';
import type { Scorer } from '../../shared/scoring/index.ts';
import type { Label } from '../../shared/scoring/labels.ts';
import type { Model } from '../../shared/scoring/model.ts';
import { openReplay } from '../../shared/scoring/replay.ts';
import { riskScorer } from '../../shared/scoring/riskScorer.ts';
import { loadScorecard } from '../../shared/scoring/scorecard.ts';
import { directories } from '../../shared/scoring/scorecardDirectories.ts';
import { trainModel } from '../../shared/scoring/trainer.ts';
import { collectTrainingRows, sourceOf } from '../../shared/scoring/trainingRows.ts';
import { handbookSettings, purchaseOf, simulate } from './simulator.ts';

const made = simulate({
  ...handbookSettings,
  customers: 30,
  terminals: 40,
  radius: 25,
  days: 28,
  terminalsPerDay: 0,
  customersPerDay: 1,
});
const day = 86_400_000;
const events = Array.from(
  made.at,
  (at, row): FeatureEvent => ({
    type: 'Purchase',
    id: `purchase-${row}`,
    at,
    payload: purchaseOf(made, row),
  }),
);
const labels: Label[] = events
  .filter((_, row) => made.fraud[row] === 1)
  .map(({ id, at }) => ({
    target: { kind: 'event', type: 'Purchase', id },
    fraud: true,
    source: 'label',
    found: at + 3 * day,
    arrived: at + 3 * day,
  }));

let scorecard: Scorer;
let model: Model;
beforeAll(async () => {
  scorecard = await loadScorecard();
  const asOf = made.at.at(-1)! + 10 * day;
  const rows = await collectTrainingRows(sourceOf(events, labels), directories, {
    types: ['Purchase'],
    asOf,
    maturity: { Purchase: 3 },
  });
  model = trainModel(rows, { kind: 'risk', created: '2026-01-01T00:00:00.000Z', trees: { trees: 25 } });
});

/** Scores the events as an instance does that keeps each history as bytes in storage, event by event. */
function scoreLive(list: readonly FeatureEvent[]) {
  const scorer = riskScorer(scorecard, model, directories);
  const replay = openReplay(directories);
  let next = 0;
  return list.map((event) => {
    while (labels[next] && labels[next]!.arrived <= event.at) replay.label(labels[next++]!);
    const histories = Object.fromEntries(
      entitiesOf(event).flatMap((entity) => {
        const history = replay.histories.read('Purchase', entity);
        return history ? [[entity.kind, decodeHistory(encodeHistory(history))]] : [];
      }),
    );
    const scored = scorer.score(event.payload, { now: event.at, histories });
    replay.observe(event);
    return scored;
  });
}

describe('the risk scorer', () => {
  it('scores live, from stored histories, on the very rows that training saw', async () => {
    const live = scoreLive(events);
    const asOf = made.at.at(-1)! + 10 * day;
    const rows = await collectTrainingRows(sourceOf(events, labels), directories, {
      types: ['Purchase'],
      asOf,
      maturity: { Purchase: 3 },
    });
    expect(rows.at.length).toBe(events.length);
    for (const [index, { model: said }] of live.entries())
      expect(said?.row).toEqual(Float32Array.from(rows.columns, (column) => column[index]!));
  });

  it('says why: attributions add up to the logit, and reasons to the attributions', () => {
    const known = new Set(features.map(({ code, reason }) => `${code} ${reason}`));
    for (const { model: said, score, reasons } of scoreLive(events.slice(0, 400))) {
      const sum = said!.attributions.reduce((total, { points }) => total + points, said!.expected);
      expect(sum).toBeCloseTo(said!.logit, 8);
      const grouped = said!.reasons.reduce((total, { points }) => total + points, said!.expected);
      expect(grouped).toBeCloseTo(said!.logit, 8);
      expect(score).toBe(said!.score);
      for (const { code, name } of reasons) expect(known).toContain(`${code} ${name}`);
      expect(reasons.map(({ points }) => points)).toEqual(
        reasons.map(({ points }) => points).sort((a, b) => b - a),
      );
    }
  });

  it('is the scorecard where there is no model, or one of too few frauds', () => {
    const { payload, at: now } = events[0]!;
    const plain = scorecard.score(payload, { now });
    expect(riskScorer(scorecard, undefined, directories).score(payload, { now })).toEqual(plain);
    const few = { ...model, info: { ...model.info, trainedOn: { ...model.info.trainedOn, frauds: 20 } } };
    expect(riskScorer(scorecard, few, directories).score(payload, { now }).score).toBe(plain.score);
  });

  it('scores any purchase without histories, and never throws', () => {
    const scorer = riskScorer(scorecard, model, directories);
    for (const payload of [
      {},
      { user: 7 },
      { productList: 'x', paymentInstrumentList: [null] },
      { totalAmount: Number.NaN },
    ]) {
      const { score } = scorer.score(payload, { now: 0 });
      expect(Number.isInteger(score)).toBe(true);
    }
  });
});
