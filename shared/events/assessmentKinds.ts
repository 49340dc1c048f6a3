import {
  type AssessmentField,
  assessmentReader,
  parseAssessmentLabel,
  parseAssessmentObservation,
} from './assessment.ts';
import type { JsonObject } from './canonical.ts';
import { parseCustomAssessment } from './customAssessment.ts';
import type { Subject } from './eventTypes.ts';
import { maxId } from './fields.ts';
import { labelLinks, labelledUsers, link, type Received, receive } from './received.ts';

/** What a definition made through the management API says about its bodies. */
export interface AssessmentDefinition {
  fields: readonly AssessmentField[];
  /** paths of data subject ids; `metadata.eventId` always is one */
  dataSubjectIds: readonly string[];
}

/** The text or number at a dotted path, letter case aside. */
function textAt(payload: JsonObject, path: string): string | undefined {
  let found: unknown = payload;
  for (const name of path.toLowerCase().split('.')) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = Object.entries(found).find(([key]) => key.toLowerCase() === name)?.[1];
  }
  if (typeof found === 'number') return String(found);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

function subjectsOf(payload: JsonObject, paths: readonly string[]): Subject[] {
  return paths.flatMap((property) => {
    const value = textAt(payload, property);
    return value === undefined ? [] : [{ property, value }];
  });
}

/** The reader of one assessment's bodies; build it once per definition. */
export function assessmentKind(definition: AssessmentDefinition): { parse(json: unknown): Received } {
  const read = assessmentReader(definition.fields);
  const paths = [
    'metadata.eventId',
    ...definition.dataSubjectIds.filter((path) => path !== 'metadata.eventId'),
  ];
  return {
    parse(json) {
      const parsed = read(json);
      return receive(parsed, (event) => ({
        id: event.metadata.eventId,
        trackingId: event.metadata.trackingId,
        links: [link('User', event.user?.id)],
        subjects: parsed.ok ? subjectsOf(parsed.payload, paths) : [],
      }));
    },
  };
}

/** A legacy custom assessment: it has no id of its own but the tracking id. */
export function receiveCustomAssessment(json: unknown, apiName: string): Received {
  const parsed = parseCustomAssessment(json, apiName);
  const at = (path: string) => (parsed.ok ? textAt(parsed.payload, path) : undefined);
  const user = at('user.userId');
  const trackingId = at('metadata.trackingId');
  return receive(parsed, () => ({
    // what is too long for an id is not the event's
    trackingId: trackingId !== undefined && trackingId.length <= maxId ? trackingId : undefined,
    links: [link('User', user)],
    users: [user],
  }));
}

/** An observation event of an assessment. */
export function receiveAssessmentObservation(json: unknown): Received {
  return receive(parseAssessmentObservation(json), ({ metadata }) => ({
    id: metadata.primaryEventId === undefined ? undefined : metadata.eventId,
    trackingId: metadata.trackingId,
    links: [link('Assessment', metadata.primaryEventId ?? metadata.eventId)],
  }));
}

/** A label of an assessment: of its event where the object type is none of the known ones, or says so. */
export function receiveAssessmentLabel(json: unknown): Received {
  return receive(parseAssessmentLabel(json), ({ metadata, label }) => {
    const links = labelLinks(label.labelObjectType, label.labelObjectId);
    return {
      id: metadata?.eventId,
      trackingId: metadata?.trackingId,
      links: links.length > 0 ? links : [link('Assessment', metadata?.primaryEventId ?? label.labelObjectId)],
      users: labelledUsers(links),
    };
  });
}
