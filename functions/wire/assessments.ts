import type { App } from '../../shared/assessment/app.ts';
import { assess } from '../../shared/assessment/assess.ts';
import { answerOf, kindOf } from '../../shared/assessment/definedAssessments.ts';
import { observe } from '../../shared/assessment/observe.ts';
import { type Definition, definitionOf, type Snapshot } from '../../shared/config/index.ts';
import {
  accountAnswer,
  assessmentAcknowledgement,
  type EventType,
  type PathMatch,
  receiveAssessmentLabel,
  receiveAssessmentObservation,
  receiveCustomAssessment,
} from '../../shared/events/index.ts';
import { Problem } from '../../shared/problem.ts';
import { detailsOf } from './accountFamily.ts';
import { accepted, type Envelope, type Handler, identityOf } from './request.ts';

/** The definition that the path names. Throws a Problem 404 where the environment knows none. */
async function definitionAt(
  app: App,
  { name = '' }: PathMatch,
  { environment }: Envelope,
): Promise<{ snapshot: Snapshot; definition: Definition }> {
  const snapshot = await app.config.snapshot(environment);
  const definition = definitionOf(snapshot, name);
  if (!definition)
    throw Problem.notFound(`There is no assessment with the API name ${JSON.stringify(name)}.`, {
      code: 'UnknownAssessment',
    });
  return { snapshot, definition };
}

/** The older custom assessment: any JSON that repeats its API name, answered as account protection answers. */
const legacy: Handler = async ({ app, match, body, envelope }) => {
  const { definition } = await definitionAt(app, match, envelope);
  const event = accepted(receiveCustomAssessment(body, match.name ?? definition.apiName));
  const identity = identityOf(event, envelope);
  const { payload, links, subjects } = event;
  const { decision } = await assess(app, { type: definition.name, payload, links, subjects, ...identity });
  const context = { name: definition.apiName, ...detailsOf(payload), scores: decision.scored ?? [] };
  return { answer: accountAnswer(decision, context), correlationId: identity.correlationId };
};

/** An assessment of the wizard's kind. */
const evaluating: Handler = async ({ app, match, body, envelope }) => {
  const { snapshot, definition } = await definitionAt(app, match, envelope);
  const event = accepted(kindOf(definition).parse(body));
  const identity = identityOf(event, envelope);
  const { payload, links, subjects } = event;
  const assessed = await assess(app, { type: definition.name, payload, links, subjects, ...identity });
  const answer = answerOf(assessed, definition, payload, snapshot.path);
  return { answer, correlationId: identity.correlationId };
};

/** An observation event of an assessment; its type is `<assessment>:<event>`. */
const observing: Handler = async ({ app, match, body, envelope }) => {
  const { definition } = await definitionAt(app, match, envelope);
  const name = match.event?.trim().toLowerCase() ?? '';
  if (!/^[\p{L}\p{N}_. -]{1,128}$/u.test(name))
    throw Problem.notFound('The name of an observation event has letters, digits, "_", "-" and ".".');
  const event = accepted(receiveAssessmentObservation(body));
  return acknowledge(app, definition, `${definition.name}:${name}`, event, envelope);
};

/** A label of an assessment; its type is `<assessment>:label`. */
const labelling: Handler = async ({ app, match, body, envelope }) => {
  const { definition } = await definitionAt(app, match, envelope);
  const event = accepted(receiveAssessmentLabel(body));
  return acknowledge(app, definition, `${definition.name}:label`, event, envelope);
};

async function acknowledge(
  app: App,
  definition: Definition,
  type: string,
  event: ReturnType<typeof accepted>,
  envelope: Envelope,
) {
  const identity = identityOf(event, envelope);
  const { payload, links, subjects } = event;
  await observe(app, { type, payload, links, subjects, of: definition.name, ...identity });
  return { answer: assessmentAcknowledgement(), correlationId: identity.correlationId };
}

/** WIRE.md 2, rows 17–20. */
export const assessments = {
  CustomAssessment: legacy,
  Assessment: evaluating,
  AssessmentObservation: observing,
  AssessmentLabel: labelling,
} satisfies Partial<Record<EventType, Handler>>;
