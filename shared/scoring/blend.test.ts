import { describe, expect, it } from 'vitest';
import { blend, modelShare } from './blend.ts';

const reason = (text: string, points: number) => ({ code: '1', name: 'N', text, points });
const scorecard = { score: 200, reasons: [reason('card', 30), reason('calm', -10)] };
const model = { score: 600, reasons: [reason('tree', 2.5)] };

describe('blending', () => {
  it('is the scorecard up to 20 known frauds, the model from 100, in proportion between', () => {
    expect([0, 20, 40, 60, 100, 5000].map(modelShare)).toEqual([0, 0, 0.25, 0.5, 1, 1]);
    expect([20, 40, 60, 100].map((frauds) => blend(scorecard, model, frauds).score)).toEqual([
      200, 300, 400, 600,
    ]);
    expect(blend(scorecard, undefined, 5000).score).toBe(200);
  });

  it('passes reasons on as they are where one decides, and ranks those of both where both do', () => {
    expect(blend(scorecard, model, 10).reasons).toEqual(scorecard.reasons);
    expect(blend(scorecard, model, 100).reasons).toEqual(model.reasons);
    expect(blend(scorecard, model, 80).reasons.map(({ text }) => text)).toEqual(['tree', 'card', 'calm']);
    expect(blend(scorecard, model, 40).reasons.map(({ text }) => text)).toEqual(['card', 'tree', 'calm']);
  });
});
