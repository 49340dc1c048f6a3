export type { ActivityEntry, ActivityPage, Operation } from './activity.ts';
export { fieldsOf } from './assessments.ts';
export { type Template, type TemplateName, templateNames, templates } from './assessmentTemplates.ts';
export type { Api, Capacity } from './capacity.ts';
export { apiOf, apis } from './capacity.ts';
export { checkConditions } from './conditions.ts';
export type { VersionDocument } from './documents.ts';
export type { EnvironmentNode, EnvironmentView, EnvironmentWrite } from './environmentStore.ts';
export type { ExternalAssessment } from './externalAssessments.ts';
export type { ResourceEntry, Status } from './manifest.ts';
export type { Config, ConfigOptions } from './open.ts';
export { openConfig } from './open.ts';
export { diagnosticsJson } from './refusals.ts';
export type { Use } from './resolve.ts';
export type { ResourceKind } from './resources.ts';
export { kindOf, resourceKinds } from './resources.ts';
export {
  builtInAssessments,
  environmentSchema,
  issuesOf,
  listSchema,
  nameSchema,
  parseBody,
  parseName,
  supportBulkSchema,
  supportEntrySchema,
} from './schemas.ts';
export type {
  AssessmentPrograms,
  Definition,
  EnvironmentSnapshot,
  ListReader,
  Snapshot,
  SnapshotVelocity,
  VelocityRef,
} from './snapshot.ts';
export { definitionOf } from './snapshot.ts';
export type { Template as ResourceTemplate, TemplateKind } from './templates.ts';
export { exportTemplate, templateSchema } from './templates.ts';
export type { StoredResource, WriteOptions, WrittenStoredResource } from './types.ts';
export { configNames } from './types.ts';
