import type { Snapshot } from '../config/index.ts';
import type { Json, JsonObject, Request } from '../fql/index.ts';
import { scorecardVelocities } from '../scoring/index.ts';
import type { Reads } from './reads.ts';

interface ScoreRead {
  name: string;
  request: Request;
}

/** The velocities that the scorer knows, where an environment of the chain has them; the nearest one counts. */
export function scoreReads(snapshot: Snapshot, payload: JsonObject): ScoreRead[] {
  return scorecardVelocities.flatMap(({ name, key, window }) => {
    const environment = snapshot.chain.findLast((each) => each.velocity(name));
    const value = at(payload, key);
    if (!environment || typeof value !== 'string' || value === '') return [];
    const { id } = environment;
    return [
      { name, request: { kind: 'velocity', id: `score|${name}`, environment: id, name, key: value, window } },
    ];
  });
}

/** Their values, as the scorer takes them. */
export function scoreVelocities(wanted: readonly ScoreRead[], reads: Reads): Record<string, number> {
  const values: Record<string, number> = {};
  for (const { name, request } of wanted) {
    const value = reads.answer(request)?.value;
    if (typeof value === 'number') values[name] = value;
  }
  return values;
}

/** The value at a path like `paymentInstrumentList[0].type`, in the spelling of the canonical event. */
function at(payload: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = payload;
  for (const part of path.split(/[.[\]]+/).filter(Boolean)) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Array.isArray(value) ? value[Number(part)] : Object.getOwnPropertyDescriptor(value, part)?.value;
  }
  return value;
}
