import type { z } from 'zod';

/** One fault of a request body: the JSON path of the member (empty at the root) and what is wrong there. */
export interface Fault {
  path: string;
  message: string;
  /** set where the member is not there at all, which DFP reports by name and level */
  missing?: true;
}

/** Faults beyond this number are not listed: the caller has enough to go on. */
const listed = 50;

/** `['productList', 0, 'productId']` → `productList[0].productId`; names that are no plain words are quoted. */
export function renderPath(segments: readonly PropertyKey[]): string {
  let path = '';
  for (const segment of segments) {
    if (typeof segment === 'number') path += `[${segment}]`;
    else if (/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(String(segment))) path += `${path && '.'}${String(segment)}`;
    else path += `[${JSON.stringify(String(segment).slice(0, 80))}]`;
  }
  return path;
}

/** A value as an error message shows it: its kind, and the text where that helps. */
export function describeValue(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return `the number ${value}`;
  const text = String(value);
  return `the text ${JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)}`;
}

const kinds: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  record: 'an object',
};

function describeIssue(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${kinds[issue.expected] ?? issue.expected}, got ${describeValue(issue.input)}`;
    case 'too_big':
      return issue.origin === 'string'
        ? `is longer than ${issue.maximum} characters`
        : `is more than ${issue.maximum}`;
    case 'too_small':
      return issue.origin === 'string' ? 'is empty' : `is less than ${issue.minimum}`;
    default:
      return issue.message;
  }
}

/** zod's issues (parsed with `reportInput`) as faults. */
export function faultsOf(issues: readonly z.core.$ZodIssue[]): Fault[] {
  return issues.slice(0, listed).map((issue) => {
    const path = renderPath(issue.path);
    if (issue.code === 'invalid_type' && issue.input === undefined) {
      return { path, message: 'is required', missing: true };
    }
    return { path, message: describeIssue(issue) };
  });
}

/** `productList[0].productId` → `productList[0]`; `(root)` for a member of the body itself. */
function levelOf(path: string): string {
  const end = Math.max(path.lastIndexOf('.'), path.endsWith(']') ? path.lastIndexOf('[') : -1);
  return end > 0 ? path.slice(0, end) : '(root)';
}

/**
 * The text of a 400 in DFP's own words (WIRE.md 1.5), which name missing members by level, followed by every other fault
 * by path, so that one answer tells everything that is wrong.
 */
export function renderFaults(faults: readonly Fault[]): string {
  const missing = new Map<string, string[]>();
  for (const fault of faults) {
    if (!fault.missing) continue;
    const level = levelOf(fault.path);
    missing.set(level, [...(missing.get(level) ?? []), fault.path]);
  }
  const parts = [...missing].map(
    ([level, names]) => `Required properties ${names.join(', ')} are not present at level ${level}`,
  );
  for (const fault of faults) {
    if (!fault.missing) parts.push(`${fault.path || '(root)'}: ${fault.message}`);
  }
  return `Input validation failed - ${parts.join('; ')}`;
}
