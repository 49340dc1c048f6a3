import { createHash } from 'node:crypto';
import { type Blobs, encodeKey, type Storage } from '../storage/index.ts';
import { featureNames } from './features/schema.ts';
import {
  type HoldOutMetrics,
  type Model,
  ModelFormatError,
  type ModelKind,
  packModel,
  readModel,
  requireSchema,
} from './model.ts';

/**
 * Container `models`: `{environment}/{kind}/{version}.model` is a packed model, written once; `{environment}/{kind}/current.json`
 * names the champion and tells how it came to be. Only that one blob changes, under its ETag: swapping a model is one write.
 */
export const modelNames = { containers: ['models'] } as const;

/** One entry of the log of a kind of model in an environment. */
export interface ModelStep {
  version: string;
  /** ISO 8601 */
  at: string;
  by: string;
  action: 'promoted' | 'kept as challenger' | 'rolled back';
  /** metrics on the last matured week, where the step came from a comparison */
  challenger?: HoldOutMetrics;
  champion?: HoldOutMetrics;
}

export interface CurrentModel {
  /** version in force; none: the scorecard decides */
  champion?: string;
  log: ModelStep[];
}

/** Whose models: an environment's, of one kind. */
export interface ModelPlace {
  environment: string;
  kind: ModelKind;
}

/** What is shown of a version. */
export interface ModelSummary {
  version: string;
  inForce: boolean;
  created: string;
  holdOut: HoldOutMetrics;
  trainedOn: { rows: number; frauds: number; from: number; to: number };
  schemaHash: string;
  trees: number;
}

/** A change that cannot be made; the message says why. */
export class ModelStoreError extends Error {}

/** Is it that a model is not there, damaged, or was made for other features than this program computes? The message says which. */
export function isUnusable(error: unknown): error is Error {
  return error instanceof ModelFormatError || error instanceof ModelStoreError;
}

export interface ModelStore {
  /** Stores a model under its version, which it gives; storing the same one again changes nothing. */
  save(place: ModelPlace, model: Model): Promise<string>;
  /** Reads a stored model and checks it. Throws ModelFormatError, or ModelStoreError where there is none. */
  load(place: ModelPlace, version: string): Promise<Model>;
  /** The same; undefined where it is not there, damaged, or of features as this program does not define them. */
  usable(place: ModelPlace, version: string): Promise<Model | undefined>;
  current(place: ModelPlace): Promise<CurrentModel>;
  /** All stored versions, the oldest first. */
  versions(place: ModelPlace): Promise<string[]>;
  /** The latest versions, at most `most`, the newest first; one that can no longer be read is left out. */
  describe(place: ModelPlace, most?: number): Promise<ModelSummary[]>;
  /**
   * Puts a stored model in force after checking it and its golden rows. With `over`: only in that champion's place (undefined: the
   * scorecard's); false where another is in force by then.
   */
  promote(
    place: ModelPlace,
    version: string,
    note: Omit<ModelStep, 'version' | 'action'>,
    over?: { champion: string | undefined },
  ): Promise<boolean>;
  /** Notes that a challenger was not better. */
  keep(place: ModelPlace, version: string, note: Omit<ModelStep, 'version' | 'action'>): Promise<void>;
  /** Puts the champion before this one back in force and gives its version. */
  rollBack(place: ModelPlace, note: { at: string; by: string }): Promise<string>;
  follow(place: ModelPlace): ModelFollower;
}

/** One instance's view of the model in force. */
export interface ModelFollower {
  /** The model in force as of the last refresh; undefined: the scorecard decides. */
  current(): { version: string; model: Model } | undefined;
  /**
   * Looks for a change (one conditional read where there is none). A new model is read and checked whole before it takes the old
   * one's place; where it is damaged or made for other features, the old one stays, and the reason is given.
   */
  refresh(): Promise<{ changed: boolean; problem?: string }>;
}

const folder = ({ environment, kind }: ModelPlace) => `${encodeKey(environment)}/${kind}`;
const manifestName = (place: ModelPlace) => `${folder(place)}/current.json`;
const modelName = (place: ModelPlace, version: string) => `${folder(place)}/${version}.model`;

/** Log entries that are kept. */
const LOG_KEPT = 200;
const TRIES = 20;

/** The version's name: the time of training, so that names sort, and a part of the hash. */
function versionOf(model: Model, bytes: Uint8Array): string {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 8);
  return `${model.info.created.replaceAll(/[^0-9]/g, '').slice(0, 14)}-${hash}`;
}

function parse(content: Uint8Array): CurrentModel {
  return JSON.parse(new TextDecoder().decode(content));
}

/** The champion that was in force before the present one, by the log: promotions count, roll-backs undo them. */
function championBefore({ log }: CurrentModel): string | undefined {
  const champions: string[] = [];
  for (const { action, version } of log) {
    if (action === 'promoted') champions.push(version);
    if (action === 'rolled back') champions.pop();
  }
  return champions.at(-2);
}

/** Opens the models. The container of `modelNames` must exist. */
export function openModelStore(storage: Storage): ModelStore {
  const blobs: Blobs = storage.blobs('models');

  /** Writes what the edit makes of what is there, also where others do; false where it leaves it. */
  async function change(
    place: ModelPlace,
    edit: (current: CurrentModel) => CurrentModel | undefined,
  ): Promise<boolean> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const found = await blobs.read(manifestName(place));
      const next = edit(found ? parse(found.content) : { log: [] });
      if (!next) return false;
      const text = JSON.stringify({ ...next, log: next.log.slice(-LOG_KEPT) });
      const condition = found ? { etag: found.etag } : { create: true as const };
      const written = await blobs.write(manifestName(place), text, {
        ...condition,
        contentType: 'application/json',
      });
      if (written.ok) return true;
    }
    throw new ModelStoreError(`The models of ${place.environment} are being changed by too many at once.`);
  }

  async function load(place: ModelPlace, version: string): Promise<Model> {
    const found = await blobs.read(modelName(place, version));
    if (!found)
      throw new ModelStoreError(`There is no ${place.kind} model ${version} in ${place.environment}.`);
    const model = readModel(found.content);
    if (model.info.kind !== place.kind)
      throw new ModelStoreError(`Model ${version} is a ${model.info.kind} model, not a ${place.kind} model.`);
    return model;
  }

  async function usable(place: ModelPlace, version: string): Promise<Model | undefined> {
    try {
      return await load(place, version);
    } catch (error) {
      if (isUnusable(error)) return undefined;
      throw error;
    }
  }

  async function current(place: ModelPlace): Promise<CurrentModel> {
    const found = await blobs.read(manifestName(place));
    return found ? parse(found.content) : { log: [] };
  }

  async function versions(place: ModelPlace): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of blobs.list(`${folder(place)}/`)) {
      const version = /([^/]+)\.model$/.exec(name)?.[1];
      if (version !== undefined) names.push(version);
    }
    return names;
  }

  async function summary(place: ModelPlace, version: string, champion?: string): Promise<ModelSummary[]> {
    const model = await usable(place, version);
    if (!model) return [];
    const { created, holdOut, trainedOn, schemaHash } = model.info;
    const inForce = version === champion;
    return [{ version, inForce, created, holdOut, trainedOn, schemaHash, trees: model.forest.roots.length }];
  }

  return {
    load,
    usable,
    current,
    versions,
    async describe(place, most = 20) {
      const { champion } = await current(place);
      const latest = (await versions(place)).reverse().slice(0, most);
      return (await Promise.all(latest.map((version) => summary(place, version, champion)))).flat();
    },
    async save(place, model) {
      const bytes = packModel(model);
      const version = versionOf(model, bytes);
      await blobs.write(modelName(place, version), bytes, {
        create: true,
        contentType: 'application/octet-stream',
      });
      return version;
    },
    async promote(place, version, note, over) {
      requireSchema(await load(place, version), featureNames);
      return change(place, (before) => {
        if (before.champion === version) return before;
        if (over && over.champion !== before.champion) return undefined;
        return { champion: version, log: [...before.log, { ...note, version, action: 'promoted' }] };
      });
    },
    async keep(place, version, note) {
      await change(place, (before) => ({
        ...before,
        log: [...before.log, { ...note, version, action: 'kept as challenger' }],
      }));
    },
    async rollBack(place, note) {
      const before = championBefore(await current(place));
      if (before === undefined) throw new ModelStoreError('There is no earlier model to go back to.');
      requireSchema(await load(place, before), featureNames);
      await change(place, (now) => {
        // Somebody else may have rolled back or promoted in between: then this is another question.
        if (championBefore(now) !== before)
          throw new ModelStoreError(
            'The model in force was changed meanwhile. Look again before rolling back.',
          );
        return { champion: before, log: [...now.log, { ...note, version: before, action: 'rolled back' }] };
      });
      return before;
    },
    follow(place) {
      let etag: string | undefined;
      let held: { version: string; model: Model } | undefined;
      // what the champion of this ETag was refused for: a damaged model is not read again and again
      let refused: string | undefined;
      const same = () => (refused === undefined ? { changed: false } : { changed: false, problem: refused });
      return {
        current: () => held,
        async refresh() {
          const found =
            etag === undefined
              ? await blobs.read(manifestName(place))
              : await blobs.readIfChanged(manifestName(place), etag);
          if (found === 'same') return same();
          refused = undefined;
          if (found === 'missing' || found === undefined) {
            const changed = held !== undefined;
            held = undefined;
            etag = undefined;
            return { changed };
          }
          const { champion } = parse(found.content);
          if (champion === undefined || champion === held?.version) {
            etag = found.etag;
            return { changed: false };
          }
          try {
            const model = await load(place, champion);
            requireSchema(model, featureNames);
            held = { version: champion, model };
            etag = found.etag;
            return { changed: true };
          } catch (error) {
            if (!isUnusable(error)) throw error;
            etag = found.etag;
            refused = error.message;
            return same();
          }
        },
      };
    },
  };
}
