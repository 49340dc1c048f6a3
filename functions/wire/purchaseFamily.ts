import { assess } from '../../shared/assessment/assess.ts';
import { observe } from '../../shared/assessment/observe.ts';
import {
  type Decision,
  type EventType,
  eventKinds,
  observationAnswer,
  purchaseAnswer,
  signInAnswer,
  signUpAnswer,
} from '../../shared/events/index.ts';
import { accepted, type Handler, identityOf } from './request.ts';

/** An event of the purchase family that gets a decision. */
function assessing(
  type: 'Purchase' | 'SignUp' | 'SignIn',
  answerOf: (id: string, decision: Decision) => unknown,
): Handler {
  return async ({ app, match, body, envelope }) => {
    const event = accepted(eventKinds[type].parse(body, match.id));
    const identity = identityOf(event, envelope);
    const { payload, links, subjects } = event;
    const { decision } = await assess(app, { type, payload, links, subjects, ...identity });
    return { answer: answerOf(identity.id, decision), correlationId: identity.correlationId };
  };
}

/** An event of the purchase family that informs. */
function observing(
  type: 'PurchaseStatus' | 'BankEvent' | 'Chargeback' | 'Refund' | 'UpdateAccount' | 'Label' | 'SignUpStatus',
): Handler {
  return async ({ app, match, body, envelope }) => {
    const event = accepted(eventKinds[type].parse(body, match.id));
    const identity = identityOf(event, envelope);
    const { payload, links, subjects } = event;
    await observe(app, { type, payload, links, subjects, ...identity });
    return { answer: observationAnswer(match.version), correlationId: identity.correlationId };
  };
}

/** WIRE.md 2, rows 1–10. */
export const purchaseFamily = {
  Purchase: assessing('Purchase', purchaseAnswer),
  SignUp: assessing('SignUp', signUpAnswer),
  SignIn: assessing('SignIn', signInAnswer),
  PurchaseStatus: observing('PurchaseStatus'),
  BankEvent: observing('BankEvent'),
  Chargeback: observing('Chargeback'),
  Refund: observing('Refund'),
  UpdateAccount: observing('UpdateAccount'),
  Label: observing('Label'),
  SignUpStatus: observing('SignUpStatus'),
} satisfies Partial<Record<EventType, Handler>>;
