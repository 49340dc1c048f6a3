import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { parseBody } from '../config/index.ts';
import { Problem } from '../problem.ts';
import { encodeKey, type Storage, type StoredRow } from '../storage/index.ts';

/*
 * Table `subjectRequests`: requests of data subjects.
 *   PartitionKey  environment id, encoded
 *   RowKey        r|{id}                       a request; ids begin with the time counted backwards, so that the newest is first
 *                 j|{id}|{hash of the event}   an event whose deletion is under way (erase.ts)
 *   PartitionKey  open; RowKey {environment}|{id}: requests that are not complete, or whose log and file are to be deleted
 *                 some day: what the sweep looks through
 *   Reads         one row; a range of one partition.
 * Container `subject-exports`: {environment}/{id}/plan.json, the keys of the events to export; {…}/00000.ndjson …, the events.
 */
export const subjectNames = {
  tables: ['subjectRequests'],
  containers: ['subject-exports'],
  queues: ['subject-requests'],
} as const;

/** The log and the exported files are kept for 28 days (DFP's security-compliance page). */
export const keptMs = 28 * 86_400_000;

const text = z.string().min(1).max(1024).regex(/\S/u, 'is empty');

/** DFP's GDPR body: `User:<userId>`, for the purchase and account families. */
export const gdprBody = z.strictObject({
  SubjectID: z
    .string()
    .max(1100)
    .regex(/^User:(?=.*\S)/isu, 'has the form User:<user id>'),
});

/** DFP's subject request body, for assessments of the merchant's own. */
export const subjectBody = z.strictObject({
  AssessmentName: text,
  PropertyName: text,
  PropertyValue: text,
});

export const operations = ['Export', 'Delete'] as const;
export type SubjectOperation = (typeof operations)[number];

/** The management API's body: either form, in its own spelling. */
export const requestBody = z.union([
  z.strictObject({ operation: z.enum(operations), subjectId: gdprBody.shape.SubjectID }),
  z.strictObject({
    operation: z.enum(operations),
    assessmentName: text,
    propertyName: text,
    propertyValue: text,
  }),
]);

/** Whose events: those that name this value as this kind of data subject id. */
export interface DataSubject {
  /** `User`, or the property of an assessment, e.g. `user.id` */
  kind: string;
  value: string;
  /** only events of this assessment; undefined: the purchase and account families */
  assessment?: string;
}

export interface SubjectRequest {
  id: string;
  environment: string;
  operation: SubjectOperation;
  subject: DataSubject;
  requestor: string;
  /** ISO 8601 */
  requested: string;
  status: 'Pending' | 'Complete';
  /** events done so far */
  events: number;
  completed?: string;
  /** when the log entry and the file are deleted */
  expires: string;
}

/** The subject that DFP's GDPR body names. Throws a Problem 400. */
export function userSubject(body: unknown): DataSubject {
  const { SubjectID } = parseBody(gdprBody, body);
  return { kind: 'User', value: SubjectID.slice('User:'.length) };
}

/** The subject that DFP's subject request body names. Throws a Problem 400. */
export function assessmentSubject(body: unknown): DataSubject {
  const { AssessmentName, PropertyName, PropertyValue } = parseBody(subjectBody, body);
  return { kind: PropertyName, value: PropertyValue, assessment: AssessmentName };
}

/** What the management API's body asks for. Throws a Problem 400. */
export function readRequest(body: unknown): { operation: SubjectOperation; subject: DataSubject } {
  const given = parseBody(requestBody, body);
  const subject =
    'subjectId' in given
      ? userSubject({ SubjectID: given.subjectId })
      : { kind: given.propertyName, value: given.propertyValue, assessment: given.assessmentName };
  return { operation: given.operation, subject };
}

export interface SubjectRequests {
  /** Writes a request down; it is complete only after the queue's message was worked off. */
  create(
    environment: string,
    what: { operation: SubjectOperation; subject: DataSubject },
    by: string,
  ): Promise<SubjectRequest>;
  /** Throws a Problem 404. */
  get(environment: string, id: string): Promise<SubjectRequest & { etag: string }>;
  list(environment: string, limit: number): Promise<SubjectRequest[]>;
  /** Notes how far it is; a request that another process has completed stays so. */
  note(request: SubjectRequest, change: { events: number; completed?: string }): Promise<void>;
  /** Requests that the sweep looks through. */
  open(): AsyncIterable<{ environment: string; id: string }>;
  /** Takes a request out of the log. */
  forget(environment: string, id: string): Promise<void>;
}

/** Opens the log; the names of `subjectNames` must exist. `now` gives ms. */
export function openRequests(storage: Storage, now: () => number): SubjectRequests {
  const table = storage.table('subjectRequests');

  const rowOf = ({ environment, id, ...rest }: SubjectRequest) => ({
    partitionKey: encodeKey(environment),
    rowKey: `r|${id}`,
    environment,
    request: JSON.stringify(rest),
  });
  const openRow = (environment: string, id: string) => ({
    partitionKey: 'open',
    rowKey: `${encodeKey(environment)}|${id}`,
    environment,
    id,
  });

  return {
    async create(environment, { operation, subject }, by) {
      const at = now();
      const id = `${String(9_999_999_999_999 - at).padStart(13, '0')}-${randomBytes(6).toString('hex')}`;
      const request: SubjectRequest = {
        id,
        environment,
        operation,
        subject,
        requestor: by,
        requested: new Date(at).toISOString(),
        status: 'Pending',
        events: 0,
        expires: new Date(at + keptMs).toISOString(),
      };
      // the sweep finds it first, so that a request that was answered is never forgotten
      await table.put(openRow(environment, id));
      await table.insert(rowOf(request));
      return request;
    },
    async get(environment, id) {
      const row = /^[0-9a-f-]{1,64}$/.test(id)
        ? await table.read(encodeKey(environment), `r|${id}`)
        : undefined;
      const request = row && requestOf(row);
      // what expired is gone, also where no sweep came by
      if (!row || !request || Date.parse(request.expires) <= now())
        throw Problem.notFound(`There is no subject request ${JSON.stringify(id)} in this environment.`);
      return { ...request, etag: row.etag };
    },
    async list(environment, limit) {
      const found: SubjectRequest[] = [];
      for await (const row of table.range(encodeKey(environment), { from: 'r|', before: 'r}', limit })) {
        const request = requestOf(row);
        if (Date.parse(request.expires) > now()) found.push(request);
      }
      return found;
    },
    async note(request, { events, completed }) {
      const row = await table.read(encodeKey(request.environment), `r|${request.id}`);
      if (!row || requestOf(row).status === 'Complete') return;
      const next: SubjectRequest = {
        ...requestOf(row),
        events,
        ...(completed === undefined ? {} : { completed, status: 'Complete' }),
      };
      await table.put(rowOf(next), row.etag);
    },
    async *open() {
      for await (const { environment, id } of table.range('open'))
        yield { environment: String(environment), id: String(id) };
    },
    async forget(environment, id) {
      await table.remove(encodeKey(environment), `r|${id}`);
      await table.remove('open', openRow(environment, id).rowKey);
    },
  };
}

function requestOf({ rowKey, environment, request }: StoredRow): SubjectRequest {
  return { id: rowKey.slice(2), environment: String(environment), ...JSON.parse(String(request)) };
}
