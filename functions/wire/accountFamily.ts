import { assess } from '../../shared/assessment/assess.ts';
import { observe } from '../../shared/assessment/observe.ts';
import {
  accountAcknowledgement,
  accountAnswer,
  type EventType,
  eventKinds,
  olderAccountAnswer,
} from '../../shared/events/index.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../../shared/fql/index.ts';
import { accepted, type Handler, identityOf } from './request.ts';

/** An account creation or login: risk and bot score, a decision. */
function assessing(type: 'AccountCreation' | 'AccountLogin'): Handler {
  return async ({ app, match, body, envelope }) => {
    const event = accepted(eventKinds[type].parse(body, match.id));
    const identity = identityOf(event, envelope);
    const { payload, links, subjects } = event;
    const { decision } = await assess(app, { type, payload, links, subjects, ...identity });
    const context = { name: text(payload.name) ?? `AP.${type}`, ...detailsOf(payload) };
    const answer = (match.version === '0.5' ? olderAccountAnswer : accountAnswer)(decision, context);
    return { answer, correlationId: identity.correlationId };
  };
}

/** Names of the events on the wire (WIRE.md 5). */
const observations = {
  AccountCreationStatus: 'AP.AccountCreation.Status',
  AccountLoginStatus: 'AP.AccountLogin.Status',
  AccountUpdate: 'AP.AccountUpdate',
  AccountLabel: 'AP.AccountLabel',
} as const;

function observing(type: keyof typeof observations): Handler {
  return async ({ app, match, body, envelope }) => {
    const event = accepted(eventKinds[type].parse(body, match.id));
    const identity = identityOf(event, envelope);
    const { payload, links, subjects } = event;
    const { answer } = await observe(app, { type, payload, links, subjects, ...identity });
    return {
      answer: accountAcknowledgement(text(payload.name) ?? observations[type], answer.transactionReferenceId),
      correlationId: identity.correlationId,
    };
  };
}

/** WIRE.md 2, rows 11–16. */
export const accountFamily = {
  AccountCreation: assessing('AccountCreation'),
  AccountLogin: assessing('AccountLogin'),
  AccountCreationStatus: observing('AccountCreationStatus'),
  AccountLoginStatus: observing('AccountLoginStatus'),
  AccountUpdate: observing('AccountUpdate'),
  AccountLabel: observing('AccountLabel'),
} satisfies Partial<Record<EventType, Handler>>;

/** What an account answer says of the request: its version, and the primary mail address. */
export function detailsOf(payload: JsonObject): { version?: string; email?: string } {
  const version = text(payload.version);
  const email = mailOf(payload);
  return { ...(version === undefined ? {} : { version }), ...(email === undefined ? {} : { email }) };
}

/** The primary address where one is called so, else the first, else the user's. */
function mailOf({ email, user }: JsonObject): string | undefined {
  const all = (isJsonArray(email) ? email : [email]).filter((one) => one !== undefined).filter(isJsonObject);
  const primary = all.find(({ emailType }) => text(emailType)?.toLowerCase() === 'primary') ?? all[0];
  return (
    text(primary?.emailValue) ??
    text(email) ??
    (user !== undefined && isJsonObject(user) ? (text(user.email) ?? mailName(user.username)) : undefined)
  );
}

/** A user name that is a mail address. */
function mailName(username: Json | undefined): string | undefined {
  return typeof username === 'string' && username.includes('@') ? username : undefined;
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}
