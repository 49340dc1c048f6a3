import type { App } from '../shared/assessment/app.ts';
import { enqueue, work } from '../shared/imports/index.ts';
import { executeTraining, postponeTraining, type TrainingStatus } from '../shared/retraining/index.ts';

/*
 * A training or an import may take most of an instance's memory: a process does one of them at a time, however many the queues
 * hand it. Their batch size is one for all functions of the app, and those that hand on events need many at once.
 */
let busy = false;
let turnedAway = false;

/** Does the work unless such work is under way already: then undefined. `turnedAway`: others came meanwhile. */
async function takeTurn<T>(work: () => Promise<T>): Promise<{ result: T; turnedAway: boolean } | undefined> {
  if (busy) {
    turnedAway = true;
    return undefined;
  }
  busy = true;
  turnedAway = false;
  try {
    const result = await work();
    return { result, turnedAway };
  } finally {
    busy = false;
  }
}

/** Does a training that a message asks for; where other work is under way, the message comes back in a minute. */
export async function trainInTurn(
  app: App,
  message: unknown,
  options: Parameters<typeof executeTraining>[2],
): Promise<TrainingStatus | undefined> {
  const turn = await takeTurn(() => executeTraining(app, message, options));
  if (!turn) await postponeTraining(app, message);
  return turn?.result;
}

/**
 * Works on an import for a while, then hands itself the rest. Where other work is under way, or was turned away meanwhile, the
 * sweep sends it on its way again: so several take turns.
 */
export async function importInTurn(
  app: App,
  place: Parameters<typeof work>[1],
  options?: Parameters<typeof work>[2],
): Promise<void> {
  const turn = await takeTurn(() => work(app, place, options));
  if (turn?.result && !turn.turnedAway) await enqueue(app, place);
}
