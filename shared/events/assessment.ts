import { z } from 'zod';
import { type Reader, reader } from './canonical.ts';
import { entity, flag, instant, optionalId, requiredId, text, tolerate } from './fields.ts';
import { labelFields } from './label.ts';

/** A field of an assessment's own schema. */
export interface AssessmentField {
  /** its place: `user.email`, `custom.channel` */
  path: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object' | 'email' | 'ip' | 'dateTime';
  required: boolean;
}

/** The metadata section, which every assessment has (WIRE.md 6). */
const metadataFields = {
  trackingId: optionalId(),
  timestamp: instant(),
  isTest: flag(),
  sessionId: text(),
  gdprId: text(),
  assessmentType: text('Evaluate or Protect (where absent).'),
};

export const assessmentMetadata = entity({ eventId: requiredId(), ...metadataFields });

/** The standard sections whose members the documentation names; others are free. */
const sections = {
  metadata: assessmentMetadata,
  deviceFingerprinting: entity({
    id: text('Session id of the device fingerprinting.'),
    ipAddress: tolerate(text(), { falseIsAbsent: true }),
  }).optional(),
  user: entity({ id: optionalId(), username: text(), email: text(), phone: text() }).optional(),
};

export const assessmentSchema = entity(sections);
export type Assessment = z.output<typeof assessmentSchema>;

function typeOf(field: AssessmentField): z.ZodType {
  switch (field.type) {
    case 'integer':
      return z.int();
    case 'number':
      return z.number();
    case 'boolean':
      return z.boolean();
    case 'array':
      return z.array(z.unknown());
    case 'object':
      return z.looseObject({});
    case 'ip':
      return tolerate(text().unwrap(), { falseIsAbsent: true });
    default:
      return text().unwrap();
  }
}

type Tree = Map<string, { field?: AssessmentField; members: Tree }>;

function grow(fields: readonly AssessmentField[]): Tree {
  const root: Tree = new Map();
  for (const field of fields) {
    let level = root;
    const names = field.path.split('.');
    for (const [index, name] of names.entries()) {
      const node = level.get(name) ?? { members: new Map() };
      level.set(name, index === names.length - 1 ? { ...node, field } : node);
      level = node.members;
    }
  }
  return root;
}

/** Whether the node or anything under it is required, so that the object around it must be there too. */
function demanded(node: { field?: AssessmentField; members: Tree }): boolean {
  return node.field?.required === true || [...node.members.values()].some(demanded);
}

function shapeOf(tree: Tree, standard: z.core.$ZodLooseShape): z.core.$ZodLooseShape {
  const shape: { [name: string]: z.core.$ZodType } = { ...standard };
  for (const [name, node] of tree) {
    const known = Object.keys(standard).find((key) => key.toLowerCase() === name.toLowerCase()) ?? name;
    const before = standard[known];
    const section = before instanceof z.ZodOptional ? before.unwrap() : before;
    const schema =
      node.members.size > 0 || node.field === undefined
        ? entity(shapeOf(node.members, section instanceof z.ZodObject ? section.shape : {}))
        : typeOf(node.field);
    const optional = !demanded(node) && (before === undefined || before instanceof z.ZodOptional);
    shape[known] = optional ? schema.optional() : schema;
  }
  return shape;
}

/**
 * The reader of one assessment's bodies: the standard sections, and the fields of its definition with their types and
 * whether they are required. Faults as everywhere; members that are not defined are kept. Build it once per definition.
 */
export function assessmentReader(fields: readonly AssessmentField[]): Reader<Assessment> {
  const schema = entity(shapeOf(grow(fields), sections));
  const own = reader(schema);
  const standard = reader(assessmentSchema);
  return (json) => {
    const checked = own(json);
    return checked.ok ? standard(checked.payload) : checked;
  };
}

/**
 * An observation event of an assessment: status, bank, chargeback or a custom one. No source shows its body; the names
 * are those of event tracing's `FraudProtection.Observations`. Without a `primaryEventId`, `eventId` is the assessment's.
 */
export const assessmentObservationSchema = entity({
  metadata: entity({ eventId: optionalId(), primaryEventId: optionalId(), ...metadataFields }),
});
export type AssessmentObservation = z.output<typeof assessmentObservationSchema>;
export const parseAssessmentObservation = reader(assessmentObservationSchema);

/** A label of an assessment; the label's fields stand under `label`, as in account protection. */
export const assessmentLabelSchema = entity({
  metadata: entity({ eventId: optionalId(), primaryEventId: optionalId(), ...metadataFields }).optional(),
  label: entity(labelFields),
});
export type AssessmentLabel = z.output<typeof assessmentLabelSchema>;
export const parseAssessmentLabel = reader(assessmentLabelSchema);
