import type { ProblemError } from '../problem.ts';
import { type AssessmentBody, assessmentNames, fieldsOf } from './assessments.ts';
import { foldName } from './manifest.ts';
import { builtInAssessments } from './schemas.ts';

/*
 * What stays as it is once an assessment of the merchant's own exists (DFP's assessment-create-new and
 * assessment-configure-existing pages). Events that are stored rely on it: rules read fields by their names and types, and
 * data subjects are found by their ids.
 */

/** What a change of a definition would alter that cannot be altered: fields' names and types, data subject ids. */
export function fixedMembers(name: string, before: AssessmentBody, after: AssessmentBody): ProblemError[] {
  if (isBuiltIn(name)) return [];
  const fold = (path: string) => path.toLowerCase();
  const types = new Map(fieldsOf(after).map(({ path, type }) => [fold(path), type]));
  const own = new Set(fieldsOf({ customFields: before.customFields }).map(({ path }) => path));
  const fields = fieldsOf(before).flatMap(({ path, type }): ProblemError[] => {
    const now = types.get(fold(path));
    if (now === type) return [];
    if (now !== undefined) return [{ path, message: `its type stays ${type}` }];
    return own.has(path) ? [{ path, message: 'a custom field stays, under its name' }] : [];
  });
  const ids = new Set((after.dataSubjectIds ?? []).map(fold));
  const lost = (before.dataSubjectIds ?? []).filter((path) => !ids.has(fold(path)));
  return [
    ...fields,
    ...lost.map((path) => ({ path: 'dataSubjectIds', message: `${path} stays a data subject id` })),
  ];
}

/** An assessment that others may call is not taken away from them. */
export function whyNotDeleted(name: string, { sharing }: AssessmentBody): string | undefined {
  return sharing === 'Shared' && !isBuiltIn(name)
    ? 'it is shared; make it private first, when nobody calls it any more'
    : undefined;
}

/** The API name of a legacy assessment may change at any time (custom-assessment), that of others while nothing uses them. */
export function fixedInUse(name: string, before: AssessmentBody, after: AssessmentBody): string | undefined {
  if (before.template === 'Legacy' || isBuiltIn(name)) return undefined;
  const names = new Set(assessmentNames(name, after).map(foldName));
  return assessmentNames(name, before).every((each) => names.has(foldName(each))) ? undefined : 'API name';
}

function isBuiltIn(name: string): boolean {
  return builtInAssessments.some((each) => each.toLowerCase() === name.toLowerCase());
}
