import { createHash } from 'node:crypto';
import { amountInDollars, type Directories, factsOf } from '../scorecardFacts.ts';
import { reasonFamilies } from '../scorecardTable.ts';
import { type Entity, type EntityKind, entityKinds } from './entities.ts';
import type { FeatureEvent } from './event.ts';
import { emptyHistory, type History, hashKey, type Partner } from './history.ts';
import { type HistoryFeature, historyFeatures, historyValues } from './historyFeatures.ts';
import { payloadFeatures } from './payloadFeatures.ts';

/** To be raised when a feature's meaning changes and its name does not. */
const SCHEMA_VERSION = 1;

export interface FeatureDefinition {
  name: string;
  /** number and name of the reason code it belongs to */
  code: string;
  reason: string;
  description: string;
}

const kindNames: Record<EntityKind, string> = {
  user: 'customer',
  device: 'device',
  ip: 'IP address',
  payment: 'payment instrument',
  email: 'e-mail address',
  address: 'address',
  place: 'store or terminal',
  product: 'product',
};

const kindFamilies: Record<EntityKind, keyof typeof reasonFamilies> = {
  user: 'account',
  device: 'device',
  ip: 'device',
  payment: 'payment',
  email: 'account',
  address: 'location',
  place: 'transaction',
  product: 'product',
};

function describe({ kind, measure, partner }: HistoryFeature): {
  family: keyof typeof reasonFamilies;
  text: string;
} {
  const who = kindNames[kind];
  const other = partner ? kindNames[partner] : '';
  const velocity = 'velocity' as const;
  const own = kindFamilies[kind];
  switch (measure) {
    case 'count1h':
      return { family: velocity, text: `Events of this ${who} in the last hour` };
    case 'count24h':
      return { family: velocity, text: `Events of this ${who} in the last 24 hours` };
    case 'count7d':
      return { family: velocity, text: `Events of this ${who} in the last 7 days` };
    case 'count30d':
      return { family: velocity, text: `Events of this ${who} in the last 30 days` };
    case 'amount24h':
      return { family: velocity, text: `Amounts of this ${who} in the last 24 hours` };
    case 'amount7d':
      return { family: velocity, text: `Amounts of this ${who} in the last 7 days` };
    case 'amount30d':
      return { family: velocity, text: `Amounts of this ${who} in the last 30 days` };
    case 'meanAmount':
      return { family: 'transaction', text: `Usual amount of this ${who}` };
    case 'amountRatio':
      return { family: 'transaction', text: `Amount against the usual one of this ${who}` };
    case 'amountDeviation':
      return { family: 'transaction', text: `Amount outside the usual spread of this ${who}` };
    case 'hoursSinceLast':
      return { family: velocity, text: `Time since the last event of this ${who}` };
    case 'daysKnown':
      return { family: own, text: `How long this ${who} has been known` };
    case 'fraudsKnown':
      return { family: own, text: `Known frauds of this ${who}` };
    case 'fraudsKnown14d':
      return { family: own, text: `Known frauds of this ${who} in the last 14 days` };
    case 'fraudRateHalfLife7d':
    case 'fraudRateHalfLife30d':
    case 'fraudShare1d':
    case 'fraudShare7d':
    case 'fraudShare30d':
      return { family: own, text: `Fraud rate of this ${who}` };
    case 'new':
      return { family: 'accountConsistency', text: `New ${other} for this ${who}` };
    case 'distinct30d':
      return {
        family: velocity,
        text: `${other === 'customer' ? 'Customers' : `Different ${other}s`} of this ${who}`,
      };
  }
}

function historyName({ kind, measure, partner }: HistoryFeature): string {
  return partner ? `${kind}.${measure}.${partner}` : `${kind}.${measure}`;
}

/** All features in the order of a feature row: what the event tells, then each entity's history. */
export const features: readonly FeatureDefinition[] = [
  ...payloadFeatures.map(({ name, family, description }) => ({
    name,
    code: reasonFamilies[family].code,
    reason: reasonFamilies[family].name,
    description,
  })),
  ...historyFeatures.map((one) => {
    const { family, text } = describe(one);
    const { code, name } = reasonFamilies[family];
    return { name: historyName(one), code, reason: name, description: text };
  }),
];

/** Hash of a list of feature names: a model is used only where its own hash is that of the features at hand. */
export function schemaHash(names: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([SCHEMA_VERSION, ...names]))
    .digest('hex')
    .slice(0, 16);
}

export const featureNames: readonly string[] = features.map(({ name }) => name);

/** What features of these names measure, as far as this program knows them. */
export function describeFeatures(
  names: readonly string[],
): { name: string; description?: string; reasonCode?: string }[] {
  const known = new Map(features.map((definition) => [definition.name, definition]));
  return names.map((name) => {
    const found = known.get(name);
    return found
      ? { name, description: found.description, reasonCode: `${found.code}-${found.reason}` }
      : { name };
  });
}

/** The histories of an event's entities, by kind; an entity without a history yet is left out. */
export type Histories = Partial<Record<EntityKind, History>>;

/** The other entities of an event as its histories remember them. */
export function partnersOf(entities: readonly Entity[]): Partner[] {
  return entities.map(({ kind, key }) => ({ kind: entityKinds.indexOf(kind), hash: hashKey(key) }));
}

const noVelocities: ReadonlyMap<string, number> = new Map();

/** What an event adds to amounts: its amount in US dollars, or 0. */
export function amountOf({ payload, at: now }: FeatureEvent, directories: Directories): number {
  const facts = {
    event: payload,
    context: { now },
    directories,
    velocities: noVelocities,
    phoneCountry: undefined,
  };
  return amountInDollars(facts) ?? 0;
}

/**
 * The feature row of an event, given the histories of its entities as they were before it: the one definition that live
 * scoring, training and replay share. Values are single precision, NaN where the event does not tell.
 */
export function featureRow(
  event: FeatureEvent,
  entities: readonly Entity[],
  histories: Histories,
  directories: Directories,
): Float32Array {
  const row = new Float32Array(features.length);
  const { at: now, payload, ipCountry, binCountry, deviceAttributes } = event;
  const facts = factsOf(payload, { now, ipCountry, binCountry, deviceAttributes }, directories);
  let next = 0;
  for (const { measure } of payloadFeatures) row[next++] = measure(facts) ?? Number.NaN;
  const amount = row[0]!;
  const partners = partnersOf(entities);
  for (const kind of entityKinds) {
    const named = entities.some((entity) => entity.kind === kind);
    const history = named ? (histories[kind] ?? emptyHistory) : undefined;
    next = historyValues(kind, history, event.at, amount, partners, row, next);
  }
  return row;
}
