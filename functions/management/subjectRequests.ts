import { z } from 'zod';
import {
  enqueue,
  exportedFile,
  openRequests,
  operations,
  readRequest,
  requestBody,
  type SubjectRequest,
} from '../../shared/subjects/index.ts';
import { limit, page } from './about.ts';
import { queryNumber, type Reply, type Route, type RouteContext } from './route.ts';

const requestView = z
  .object({
    id: z.string(),
    operation: z.enum(operations),
    subjectId: z.string().optional().describe('`User:<user id>`, of the purchase and account families'),
    assessmentName: z.string().optional(),
    propertyName: z.string().optional(),
    propertyValue: z.string().optional(),
    requestor: z.string(),
    requested: z.iso.datetime(),
    status: z.enum(['Pending', 'Complete']),
    events: z.int().describe('events exported or deleted so far'),
    completed: z.iso.datetime().optional(),
    expires: z.iso.datetime().describe('28 days after the request its entry and its file are deleted'),
    file: z.string().optional().describe('path of the exported file: one event a line, as JSON'),
  })
  .meta({ id: 'SubjectRequest' });

const one = 'environments/{env}/subjectRequests/{id}';

/** Export and deletion of everything that is known of a data subject. */
export const subjectRequestRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: 'environments/{env}/subjectRequests',
    permission: 'subjectRequests.read',
    about: {
      operation: 'listSubjectRequests',
      summary: 'The requests of the last 28 days, newest first',
      query: { limit: limit(500, 100) },
      answers: { 200: page(requestView) },
    },
    async handler(context): Promise<Reply> {
      const most = queryNumber(context.query, 'limit', { default: 100, min: 1, max: 500 });
      const environment = await environmentOf(context);
      const requests = await requestsOf(context).list(environment, most);
      return { status: 200, body: { items: requests.map(viewOf) } };
    },
  },
  {
    method: 'POST',
    path: 'environments/{env}/subjectRequests',
    permission: 'subjectRequests.write',
    body: 'json',
    about: {
      operation: 'createSubjectRequest',
      summary: 'Asks for the export or deletion of a data subject’s events',
      body: requestBody,
      answers: { 202: requestView },
    },
    async handler(context): Promise<Reply> {
      const what = readRequest(context.body);
      const environment = await environmentOf(context);
      const request = await requestsOf(context).create(environment, what, context.caller.id);
      await enqueue(context.app, request);
      return { status: 202, body: viewOf(request) };
    },
  },
  {
    method: 'GET',
    path: one,
    permission: 'subjectRequests.read',
    about: {
      operation: 'getSubjectRequest',
      summary: 'How far a request is',
      answers: { 200: requestView },
    },
    async handler(context): Promise<Reply> {
      const request = await requestsOf(context).get(await environmentOf(context), context.parameter('id'));
      return { status: 200, body: viewOf(request), etag: request.etag };
    },
  },
  {
    method: 'GET',
    path: `${one}/file`,
    permission: 'subjectRequests.read',
    about: {
      operation: 'downloadSubjectExport',
      summary: 'The exported events, one a line, as JSON',
      answers: { 200: 'ndjson' },
    },
    async handler(context): Promise<Reply> {
      const id = context.parameter('id');
      const content = await exportedFile(context.app, await environmentOf(context), id);
      return { status: 200, file: { content, type: 'application/x-ndjson', name: `${id}.ndjson` } };
    },
  },
];

async function environmentOf({ app, parameter }: RouteContext): Promise<string> {
  return (await app.config.environment(parameter('env'))).view.id;
}

function requestsOf({ app }: RouteContext) {
  return openRequests(app.storage, app.clock);
}

function viewOf(request: SubjectRequest): z.output<typeof requestView> {
  const { id, environment, operation, subject, requestor, requested, status, events, completed, expires } =
    request;
  const { kind, value, assessment } = subject;
  return {
    id,
    operation,
    ...(assessment === undefined
      ? { subjectId: `${kind}:${value}` }
      : { assessmentName: assessment, propertyName: kind, propertyValue: value }),
    requestor,
    requested,
    status,
    events,
    ...(completed === undefined ? {} : { completed }),
    expires,
    ...(operation === 'Export' && status === 'Complete'
      ? { file: `/management/v1/environments/${environment}/subjectRequests/${id}/file` }
      : {}),
  };
}
