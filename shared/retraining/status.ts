import type { ModelKind } from '../scoring/index.ts';
import { type Blobs, encodeKey } from '../storage/index.ts';
import type { Trained } from './train.ts';

/** Whose models, and of which kind. */
export interface Place {
  root: string;
  kind: ModelKind;
}

/** How it stands with the training of a kind of model. */
export interface TrainingStatus {
  state: 'never' | 'queued' | 'running' | 'done' | 'failed';
  /** ISO 8601 */
  requested?: string;
  by?: string;
  started?: string;
  finished?: string;
  /** of the last one that came to its end */
  result?: Trained;
  /** why it failed */
  problem?: string;
  /** the last one that gave a model, in force or not */
  last?: { at: string; frauds: number };
}

/** Names in the container `models`, beside the models of a place (shared/scoring/modelStore.ts). */
export const nameOf = ({ root, kind }: Place, file: string): string => `${encodeKey(root)}/${kind}/${file}`;

const statusFile = 'training.json';

/** The status of a place. */
export async function readStatus(blobs: Blobs, place: Place): Promise<TrainingStatus> {
  const found = await blobs.read(nameOf(place, statusFile));
  return found ? JSON.parse(new TextDecoder().decode(found.content)) : { state: 'never' };
}

/** Changes the status of a place; of two at once both count. */
export async function changeStatus(
  blobs: Blobs,
  place: Place,
  edit: (before: TrainingStatus) => TrainingStatus,
): Promise<TrainingStatus> {
  for (;;) {
    const found = await blobs.read(nameOf(place, statusFile));
    const next = edit(found ? JSON.parse(new TextDecoder().decode(found.content)) : { state: 'never' });
    const written = await blobs.write(nameOf(place, statusFile), JSON.stringify(next), {
      contentType: 'application/json',
      ...(found ? { etag: found.etag } : { create: true }),
    });
    if (written.ok) return next;
  }
}
