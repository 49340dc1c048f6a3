import {
  answerSchemas,
  errorSchema,
  gatewayErrorSchema,
  olderAnswerSchema,
} from '../../shared/events/answerSchemas.ts';
import { type EventType, eventPaths, eventSchemas, eventTypes } from '../../shared/events/index.ts';

/** What a kind of event is for, and the path as DFP's documentation and its clients write it. */
interface Wire {
  tag: 'Purchase protection' | 'Account protection' | 'Assessments';
  /** with `{parameters}` */
  path: string;
  summary: string;
}

const purchase = (name: string, summary: string): Wire => ({
  tag: 'Purchase protection',
  path: `/v1.0/MerchantServices/events/${name}`,
  summary,
});
const account = (path: string, summary: string): Wire => ({ tag: 'Account protection', path, summary });
const assessment = (path: string, summary: string): Wire => ({ tag: 'Assessments', path, summary });

const wire: Readonly<Record<EventType, Wire>> = {
  Purchase: purchase('Purchase', 'Assesses a purchase'),
  PurchaseStatus: purchase('PurchaseStatus', 'What became of a purchase'),
  BankEvent: purchase('BankEvent', 'What the bank said: authorisation, capture …'),
  Chargeback: purchase('Chargeback', 'A chargeback of a purchase'),
  Refund: purchase('Refund', 'A refund of a purchase'),
  UpdateAccount: purchase('UpdateAccount', 'A customer’s account was created or changed'),
  Label: purchase('Label', 'What turned out to be fraud, or not'),
  SignUp: purchase('SignUp', 'Assesses a sign-up (older clients)'),
  SignUpStatus: purchase('SignUpStatus', 'What became of a sign-up (older clients)'),
  SignIn: purchase('SignIn', 'Assesses a sign-in (older clients)'),
  AccountCreation: account('/v1.0/action/account/create/{id}', 'Assesses the creation of an account'),
  AccountLogin: account('/v1.0/action/account/login/{id}', 'Assesses a login'),
  AccountCreationStatus: account(
    '/v1.0/observe/account/create/status/{id}',
    'What became of an account’s creation',
  ),
  AccountLoginStatus: account('/v1.0/observe/account/login/status/{id}', 'What became of a login'),
  AccountUpdate: account('/v1.0/observe/account/update', 'An account was changed'),
  AccountLabel: account('/v1.0/label/account/create/{id}', 'What turned out to be fraud, or not'),
  CustomAssessment: assessment(
    '/v1.0/action/assessment/{name}',
    'Assesses an event of a legacy custom assessment',
  ),
  Assessment: assessment('/v1.0/assessment/{name}', 'Assesses an event of an assessment'),
  AssessmentObservation: assessment(
    '/v1.0/observe/assessment/{name}/{event}',
    'An observation event of an assessment',
  ),
  AssessmentLabel: assessment('/v1.0/label/assessment/{name}', 'A label for an event of an assessment'),
};

const parameters: Readonly<Record<string, string>> = {
  id: 'the user’s, sign-up’s or login’s id; the body’s own wins',
  name: 'API name of the assessment',
  event: 'name of the observation event',
  scope: 'tenant or instance; not looked at',
};

/** One operation of DFP's API. */
export interface WireOperation {
  type: EventType;
  path: string;
  operation: string;
  summary: string;
  tag: Wire['tag'];
  /** another spelling of an operation, kept for older clients */
  deprecated: boolean;
  parameters: { name: string; description: string }[];
  body: (typeof eventSchemas)[EventType];
  answer: (typeof answerSchemas)[EventType];
}

/** Every path of DFP's API, the one to use first for each kind of event. Letter case does not matter to the app. */
export const wireOperations: readonly WireOperation[] = eventTypes.flatMap((type) => {
  const { tag, path: main, summary } = wire[type];
  const others = eventPaths[type].filter((path) => path !== main.toLowerCase());
  if (others.length === eventPaths[type].length) throw new Error(`${main} is no path of ${type}`);
  return [main, ...others].map((path, index) => ({
    type,
    path,
    operation: index === 0 ? lowerFirst(type) : `${lowerFirst(type)}Alias${index}`,
    summary: index === 0 ? summary : `${summary}: another path of ${type}`,
    tag,
    deprecated: index > 0,
    parameters: [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
      name,
      description: parameters[name] ?? '',
    })),
    body: eventSchemas[type],
    answer: path.startsWith('/v0.5') ? olderAnswerSchema : answerSchemas[type],
  }));
});

export { errorSchema, gatewayErrorSchema };

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
