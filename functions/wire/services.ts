import { z } from 'zod';
import type { App } from '../../shared/assessment/app.ts';
import type { Caller } from '../../shared/auth/index.ts';
import { parseBody } from '../../shared/config/index.ts';
import { Problem } from '../../shared/problem.ts';
import { assessmentSubject, gdprBody, subjectBody, userSubject } from '../../shared/subjects/index.ts';
import { dispatch, openRouter, type Reply } from '../management/route.ts';
import { managementRoutes } from '../management/routes.ts';

/** What a service does: a request of the management API that says the same, so that both have one law and one gate. */
interface Asked {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** below the environments */
  path: string;
  body?: unknown;
}

/**
 * DFP's APIs beside events: provisioning, GDPR and subject requests. No source shows their paths; docs/api-sources.md says
 * how these were chosen.
 */
export interface Service {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** literal parts in any letter case */
  path: string;
  operation: string;
  summary: string;
  tag: 'Provisioning' | 'Data subjects';
  body?: z.ZodType;
  /** the environment is that of the request's header, by its path or id, or the default one */
  ask(parameters: ReadonlyMap<string, string>, body: unknown, environment: string): Asked;
}

const provisioned = {
  name: z.string().trim().min(1).max(128),
  description: z.string().max(4000).optional(),
  tags: z.array(z.string().trim().min(1).max(128)).max(100).optional(),
};

/** The members that DFP's portal has for an environment that is not a root. */
export const provisionBody = z.strictObject({
  ...provisioned,
  apiId: z
    .string()
    .trim()
    .min(1)
    .max(128)
    .regex(/^[^/]*$/, 'is an id, no path')
    .describe('customer API id; it cannot change later'),
  parent: z
    .string()
    .trim()
    .max(512)
    .regex(/[^/]/, 'names no environment')
    .describe('id, API id or path of the environment above'),
});
export const reprovisionBody = z.strictObject(provisioned);

const encoded = (text: string) => encodeURIComponent(text);

const subjects = (
  name: 'gdpr' | 'subjectrequest',
  body: z.ZodType,
  read: (body: unknown) => object,
): Service[] => [
  ...(['Export', 'Delete'] as const).map(
    (operation): Service => ({
      method: 'POST',
      path: `v1.0/${name}/${operation.toLowerCase()}`,
      operation: `${name === 'gdpr' ? 'gdpr' : 'subjectRequest'}${operation}`,
      summary: `${operation === 'Export' ? 'Exports' : 'Deletes'} what is known of a data subject, in the background`,
      tag: 'Data subjects',
      body,
      ask: (_, given, environment) => ({
        method: 'POST',
        path: `${encoded(environment)}/subjectRequests`,
        body: { operation, ...read(given) },
      }),
    }),
  ),
  {
    method: 'GET',
    path: `v1.0/${name}/{id}`,
    operation: `${name === 'gdpr' ? 'gdpr' : 'subjectRequest'}Status`,
    summary: 'How far a request is',
    tag: 'Data subjects',
    ask: (parameters, _, environment) => ({
      method: 'GET',
      path: `${encoded(environment)}/subjectRequests/${encoded(parameters.get('id') ?? '')}`,
    }),
  },
];

export const services: readonly Service[] = [
  {
    method: 'POST',
    path: 'v1.0/provisioning/environments',
    operation: 'provisionEnvironment',
    summary: 'Creates an environment below another',
    tag: 'Provisioning',
    body: provisionBody,
    ask(_, given) {
      const { apiId, parent, ...rest } = parseBody(provisionBody, given);
      return { method: 'PUT', path: encoded(`${parent.replace(/\/+$/, '')}/${apiId}`), body: rest };
    },
  },
  {
    method: 'GET',
    path: 'v1.0/provisioning/environments/{id}',
    operation: 'getProvisionedEnvironment',
    summary: 'One environment',
    tag: 'Provisioning',
    ask: (parameters) => ({ method: 'GET', path: encoded(parameters.get('id') ?? '') }),
  },
  {
    method: 'PUT',
    path: 'v1.0/provisioning/environments/{id}',
    operation: 'reprovisionEnvironment',
    summary: 'Changes an environment’s name, description and tags',
    tag: 'Provisioning',
    body: reprovisionBody,
    ask: (parameters, given) => ({
      method: 'PUT',
      path: encoded(parameters.get('id') ?? ''),
      body: parseBody(reprovisionBody, given),
    }),
  },
  {
    method: 'DELETE',
    path: 'v1.0/provisioning/environments/{id}',
    operation: 'deprovisionEnvironment',
    summary: 'Deletes an environment that has no children and is not a root',
    tag: 'Provisioning',
    ask: (parameters) => ({ method: 'DELETE', path: encoded(parameters.get('id') ?? '') }),
  },
  ...subjects('gdpr', gdprBody, (body) => ({ subjectId: `User:${userSubject(body).value}` })),
  ...subjects('subjectrequest', subjectBody, (body) => {
    const { assessment, kind, value } = assessmentSubject(body);
    return { assessmentName: assessment, propertyName: kind, propertyValue: value };
  }),
];

const found = openRouter(
  services.map(({ method, path }) => ({
    method,
    path,
    permission: 'api.write',
    handler: async () => ({ status: 500 }),
  })),
);
const management = openRouter(managementRoutes);

/** What a path and method ask of a service; undefined where the path is none of theirs. Throws a Problem 405. */
export function matchService(
  method: string,
  path: string,
): { service: Service; parameters: ReadonlyMap<string, string> } | undefined {
  const tidy = path.replaceAll(/\/{2,}/g, '/').replace(/^\//, '');
  if (!/^v1\.0\/(provisioning|gdpr|subjectrequest)(\/|$)/i.test(tidy)) return undefined;
  const { route, parameters } = found(method, tidy);
  const service = services.find((each) => each.method === route.method && each.path === route.path);
  return service && { service, parameters };
}

/** Answers a request to a service as the management API would. */
export async function serve(
  { service, parameters }: { service: Service; parameters: ReadonlyMap<string, string> },
  app: App,
  caller: Caller,
  environment: string | undefined,
  body: unknown,
): Promise<Reply> {
  const asked = service.ask(parameters, body, environment ?? (await app.config.snapshot()).id);
  const ask = (what: Asked, headers: Record<string, string> = {}) =>
    dispatch(
      management,
      {
        method: what.method,
        path: `environments/${what.path}`,
        query: new URLSearchParams(),
        headers: new Headers({ 'content-type': 'application/json', ...headers }),
        body: async () => new TextEncoder().encode(JSON.stringify(what.body)),
      },
      app,
      caller,
    );
  if (
    service.tag === 'Provisioning' &&
    (asked.method === 'DELETE' || service.operation === 'reprovisionEnvironment')
  )
    demandChild(await ask({ method: 'GET', path: asked.path }));
  // what creates must not change, and the other way round
  if (service.operation === 'provisionEnvironment') return ask(asked, { 'if-none-match': '*' });
  return ask(asked, service.operation === 'reprovisionEnvironment' ? { 'if-match': '*' } : {});
}

/** Roots are made and unmade in the management API only. */
function demandChild({ body }: Reply): void {
  const isRoot = typeof body === 'object' && body !== null && 'parent' in body && body.parent === null;
  if (isRoot)
    throw Problem.forbidden('This API changes environments below a root only.', { code: 'RootEnvironment' });
}
