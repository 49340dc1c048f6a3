import type { JsonObject, Parsed } from './canonical.ts';
import type { Link, Subject } from './eventTypes.ts';
import type { Fault } from './faults.ts';

/** An event as it came in, canonical, with what the path of an assessment needs to know about it. */
export interface ReceivedEvent {
  /** the canonical body, for rules, storage and scoring */
  payload: JsonObject;
  /** the event's own id; undefined where it has none, so that the tracking id or the body's hash is its key */
  id: string | undefined;
  trackingId: string | undefined;
  /** the assessments, customers and instruments the event belongs to, the most certain first */
  links: Link[];
  subjects: Subject[];
  /** recorded and returned; the client acts on it */
  assessmentType: 'Evaluate' | 'Protect';
}

export type Received = { ok: true; event: ReceivedEvent } | { ok: false; faults: Fault[] };

/** What one kind of event says about itself. */
export interface Identity {
  id?: string | undefined;
  trackingId?: string | undefined;
  links?: (Link | undefined)[];
  /** ids of customers */
  users?: (string | undefined)[];
  /** data subject ids besides */
  subjects?: Subject[];
}

/** Ids that clients send where they know none: B2C-API's word, and the zero GUID. */
function realId(id: string | undefined): string | undefined {
  const word = id?.trim().toLowerCase() ?? '';
  return ['', 'unknown', '00000000-0000-0000-0000-000000000000'].includes(word) ? undefined : id;
}

/** A link, unless the id stands for none. */
export const link = (to: Link['to'], id: string | undefined): Link | undefined => {
  const real = realId(id);
  return real === undefined ? undefined : { to, id: real };
};

/** `Evaluate` where that is said in any letter case, else `Protect`, DFP's default. */
export function assessmentTypeOf(value: unknown): 'Evaluate' | 'Protect' {
  return typeof value === 'string' && value.trim().toLowerCase() === 'evaluate' ? 'Evaluate' : 'Protect';
}

type Stated = { readonly [name: string]: unknown };

function stated(payload: Stated): unknown {
  const metadata = payload.metadata;
  const nested = typeof metadata === 'object' && metadata !== null && 'assessmentType' in metadata;
  return payload.assessmentType ?? (nested ? metadata.assessmentType : undefined);
}

/** The assessment type that a canonical event states, at its root or in its metadata. */
export const statedType = (payload: Stated): 'Evaluate' | 'Protect' => assessmentTypeOf(stated(payload));

/** What all kinds of events share, from what one kind's reader and identity say. */
export function receive<T>(parsed: Parsed<T>, identify: (event: T) => Identity): Received {
  if (!parsed.ok) return parsed;
  const { id, trackingId, links = [], users = [], subjects = [] } = identify(parsed.event);
  const userIds = new Set(users.map(realId).filter((user) => user !== undefined));
  return {
    ok: true,
    event: {
      payload: parsed.payload,
      id: id === '' ? undefined : id,
      trackingId: trackingId === '' ? undefined : trackingId,
      links: links.filter((one) => one !== undefined),
      subjects: [...[...userIds].map((value) => ({ property: 'User', value })), ...subjects],
      assessmentType: statedType(parsed.payload),
    },
  };
}

/** What a label is about. `SignUp` may mean either family's. */
export function labelLinks(objectType: string, objectId: string): Link[] {
  switch (objectType.toLowerCase().replaceAll(/[^a-z]/g, '')) {
    case 'purchase':
      return [{ to: 'Purchase', id: objectId }];
    case 'signup':
      return [
        { to: 'SignUp', id: objectId },
        { to: 'AccountCreation', id: objectId },
      ];
    case 'signin':
      return [{ to: 'SignIn', id: objectId }];
    case 'accountcreation':
      return [{ to: 'AccountCreation', id: objectId }];
    case 'accountlogin':
      return [{ to: 'AccountLogin', id: objectId }];
    case 'accountupdate':
      return [{ to: 'AccountUpdate', id: objectId }];
    case 'account':
    case 'user':
      return [{ to: 'User', id: objectId }];
    case 'pi':
    case 'paymentinstrument':
      return [{ to: 'PaymentInstrument', id: objectId }];
    case 'email':
      return [{ to: 'Email', id: objectId }];
    case 'genericevent':
    case 'customfraudevaluation':
    case 'assessment':
      return [{ to: 'Assessment', id: objectId }];
    default:
      return [];
  }
}

/** The users a label names. */
export const labelledUsers = (links: readonly Link[]) =>
  links.filter((one) => one.to === 'User').map((one) => one.id);
