import { createHash } from 'node:crypto';
import { type Calibration, scoreOf } from './calibration.ts';
import type { Spread } from './drift.ts';
import { schemaHash } from './features/schema.ts';
import type { Forest } from './trees/forest.ts';
import { packForest, unpackForest } from './trees/pack.ts';
import { compileScorer } from './trees/scorer.ts';
import type { TrainSettings } from './trees/train.ts';

export type ModelKind = 'risk' | 'bot';

/** The events that each kind of model learns from and scores. */
export const modelEvents: Readonly<Record<ModelKind, readonly string[]>> = {
  risk: ['Purchase'],
  bot: ['AccountCreation', 'AccountLogin'],
};

/** How good a model was on rows that it had not seen. */
export interface HoldOutMetrics {
  rows: number;
  frauds: number;
  areaUnderRoc: number;
  averagePrecision: number;
  /** share of the frauds caught where 1 % of the legitimate rows are flagged */
  recallAt1Percent: number;
}

/** A row with what the model said of it when it was made. Missing values are null, as JSON has no NaN. */
export interface GoldenRow {
  row: (number | null)[];
  logit: number;
  score: number;
}

/** All of a model but its trees. */
export interface ModelInfo {
  kind: ModelKind;
  /** ISO 8601; also the version's name */
  created: string;
  features: readonly string[];
  schemaHash: string;
  settings: TrainSettings;
  calibration: Calibration;
  /** metrics of the hold-out, the latest part of the rows */
  holdOut: HoldOutMetrics;
  trainedOn: { rows: number; frauds: number; from: number; to: number };
  /** spreads at training, of the score and of each feature */
  reference: { score: Spread; features: Spread[] };
  golden: GoldenRow[];
}

export interface Model {
  info: ModelInfo;
  forest: Forest;
}

const MAGIC = 'HOLDFAST';
const VERSION = 1;
const HEADER_BYTES = 8 + 4 + 4 + 4;
const CHECKSUM_BYTES = 32;

/** Bytes that are no usable model; the message says why. */
export class ModelFormatError extends Error {}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

/**
 * A model as one file: `HOLDFAST`, format version, lengths of the two parts, the information as JSON, the packed trees, and the
 * SHA-256 of all that stands before it.
 */
export function packModel({ info, forest }: Model): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(info));
  const trees = packForest(forest);
  const bytes = new Uint8Array(HEADER_BYTES + json.length + trees.length + CHECKSUM_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint32(8, VERSION, true);
  view.setUint32(12, json.length, true);
  view.setUint32(16, trees.length, true);
  bytes.set(json, HEADER_BYTES);
  bytes.set(trees, HEADER_BYTES + json.length);
  bytes.set(sha256(bytes.subarray(0, bytes.length - CHECKSUM_BYTES)), bytes.length - CHECKSUM_BYTES);
  return bytes;
}

/** A golden row's values as the scorer takes them. */
export function goldenValues({ row }: GoldenRow): Float32Array {
  return Float32Array.from(row, (value) => value ?? Number.NaN);
}

/**
 * Reads a packed model and makes sure of it: format version, lengths, checksum, that its schema hash is that of its
 * features, and that its golden rows still get their logits and scores. Throws ModelFormatError.
 */
export function readModel(bytes: Uint8Array): Model {
  const refuse = (reason: string): never => {
    throw new ModelFormatError(`This is no usable model: ${reason}.`);
  };
  if (bytes.length < HEADER_BYTES + CHECKSUM_BYTES) refuse('the file is cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (new TextDecoder().decode(bytes.subarray(0, 8)) !== MAGIC) refuse('it does not begin with HOLDFAST');
  const version = view.getUint32(8, true);
  if (version !== VERSION) refuse(`its format has version ${version}, this program reads ${VERSION}`);
  const jsonLength = view.getUint32(12, true);
  const treesLength = view.getUint32(16, true);
  const end = HEADER_BYTES + jsonLength + treesLength;
  if (bytes.length !== end + CHECKSUM_BYTES) refuse('the file is cut off or has bytes left over');
  if (Buffer.compare(sha256(bytes.subarray(0, end)), bytes.subarray(end)) !== 0)
    refuse('its checksum is wrong');
  const info: ModelInfo = JSON.parse(
    new TextDecoder().decode(bytes.subarray(HEADER_BYTES, HEADER_BYTES + jsonLength)),
  );
  const forest = unpackForest(bytes.subarray(HEADER_BYTES + jsonLength, end));
  if (info.features.length !== forest.features) refuse('its trees are for other features');
  if (schemaHash(info.features) !== info.schemaHash)
    refuse(`its features were defined by another version of the schema (${info.schemaHash})`);
  const score = compileScorer(forest);
  for (const [index, golden] of info.golden.entries()) {
    const logit = score(goldenValues(golden));
    const now = scoreOf(info.calibration, logit);
    if (logit !== golden.logit || now !== golden.score)
      refuse(
        `golden row ${index} gets score ${now} (logit ${logit}) instead of ${golden.score} (${golden.logit})`,
      );
  }
  return { info, forest };
}

/** Refuses a model that was trained on other features than the program computes. Throws ModelFormatError. */
export function requireSchema(model: Model, features: readonly string[]): void {
  const wanted = schemaHash(features);
  if (model.info.schemaHash !== wanted)
    throw new ModelFormatError(
      `The model of ${model.info.created} has feature schema ${model.info.schemaHash}; this program computes ${wanted}. Train a new one.`,
    );
}
