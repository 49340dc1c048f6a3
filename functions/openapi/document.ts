import { z } from 'zod';
import { type About, problemView } from '../management/about.ts';
import type { Route } from '../management/route.ts';
import { managementRoutes } from '../management/routes.ts';
import { type Service, services } from '../wire/services.ts';
import { examples } from './examples.ts';
import { aboutOf, named, needs, tagOf, tagsOf } from './naming.ts';
import { openSchemas, type Schema } from './schemas.ts';
import { errorSchema, gatewayErrorSchema, type WireOperation, wireOperations } from './wire.ts';

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  description?: string;
  schema: Schema;
}

export interface Content {
  [mediaType: string]: { schema: Schema; example?: unknown };
}

export interface Response {
  description: string;
  headers?: Record<string, { schema: Schema; description?: string }>;
  content?: Content;
}

export interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  deprecated?: true;
  security?: Record<string, never[]>[];
  parameters?: Parameter[];
  requestBody?: { required: true; content: Content };
  responses: Record<string, Response | { $ref: string }>;
}

export interface Document {
  openapi: '3.1.1';
  info: {
    title: string;
    version: string;
    description: string;
    license: { name: string; identifier: string };
  };
  servers: { url: string }[];
  tags: { name: string; description: string }[];
  security: Record<string, never[]>[];
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: Record<string, Schema>;
    responses: Record<string, Response>;
    securitySchemes: Record<string, Schema>;
  };
}

const words: Readonly<Record<number, string>> = {
  200: 'Done',
  201: 'Created',
  202: 'Accepted; it goes on in the background',
  204: 'Done; there is nothing to tell',
  400: 'The request is not usable; the faults are named by JSON path',
  401: 'No valid credentials',
  403: 'The caller lacks the permission',
  404: 'There is no such thing, or no such environment',
  409: 'The request contradicts what is stored',
  412: 'The condition of the request does not hold',
  413: 'The body is too large',
  415: 'Another media type is expected',
  422: 'The content cannot be accepted, e.g. code that does not compile',
  429: 'The capacity of the environment is used up',
  503: 'Something is out of reach; try again',
};

const environmentHeader: Parameter = {
  name: 'x-ms-dfpenvid',
  in: 'header',
  description: 'environment: id, API name, or path from the root; the default environment where absent',
  schema: { type: 'string', maxLength: 512 },
};

const fileTypes = {
  csv: ['text/csv'],
  ndjson: ['application/x-ndjson'],
  page: ['text/html', 'text/csv', 'application/json'],
  none: [],
} as const;

const retryAfter = { 'Retry-After': { schema: { type: 'integer' }, description: 'seconds' } };

/** The OpenAPI 3.1 document of everything the app serves, made from its route tables and schemas. */
export function openApiDocument(version: string): Document {
  const { components, schemaOf } = openSchemas();
  const problem = schemaOf(problemView, 'output');
  const wireError = schemaOf(errorSchema, 'output');
  const gatewayError = schemaOf(gatewayErrorSchema, 'output');
  const paths: Document['paths'] = {};
  const add = (path: string, method: string, operation: Operation) => {
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation };
  };

  const responses: Document['components']['responses'] = {};
  /** Refers to the failures of a family of routes, each told once in the document. */
  const failures = (family: 'Wire' | 'Management', statuses: readonly number[]): Operation['responses'] =>
    Object.fromEntries(
      statuses.map((status) => {
        const name = `${family}${status}`;
        const schema = family === 'Management' ? problem : status === 401 ? gatewayError : wireError;
        responses[name] = {
          description: words[status] ?? '',
          ...(status === 429 || status === 503 ? { headers: retryAfter } : {}),
          content: { [family === 'Wire' ? 'application/json' : 'application/problem+json']: { schema } },
        };
        return [status, { $ref: `#/components/responses/${name}` }];
      }),
    );

  const wireOperation = (one: WireOperation): Operation => {
    const body = named(one.body, `${one.type}Body`);
    return {
      operationId: one.operation,
      summary: one.summary,
      tags: [one.tag],
      ...(one.deprecated ? { deprecated: true } : {}),
      parameters: [
        ...one.parameters.map(
          ({ name, description }): Parameter => ({
            name,
            in: 'path',
            required: true,
            description,
            schema: { type: 'string' },
          }),
        ),
        environmentHeader,
        {
          name: 'x-ms-correlation-id',
          in: 'header',
          description: 'echoed; with the same id and body a request is the same one, sent again',
          schema: { type: 'string', maxLength: 128 },
        },
      ],
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: schemaOf(body, 'input'),
            ...(examples[one.type] === undefined ? {} : { example: examples[one.type] }),
          },
        },
      },
      responses: {
        200: {
          description: 'Done',
          headers: {
            'x-ms-correlation-id': { schema: { type: 'string' } },
            'x-ms-usage-warning': {
              schema: { type: 'string' },
              description: 'the soft limit of the environment’s capacity is passed',
            },
          },
          content: { 'application/json': { schema: schemaOf(one.answer, 'output') } },
        },
        ...failures('Wire', [400, 401, 403, 404, 409, 413, 429, 503]),
      },
    };
  };

  const managementOperation = (route: Route, about: About): Operation => {
    const conditions: Parameter[] = about.conditional
      ? [
          {
            name: 'If-Match',
            in: 'header',
            description: 'only if it still has this ETag',
            schema: { type: 'string' },
          },
          ...(route.method === 'PUT'
            ? [
                {
                  name: 'If-None-Match',
                  in: 'header' as const,
                  description: '`*`: only if it is not there yet',
                  schema: { type: 'string' },
                },
              ]
            : []),
        ]
      : [];
    const answers = Object.entries(about.answers).map(([status, answer]) => [
      status,
      {
        description: words[Number(status)] ?? '',
        ...(answer === 'none' ? {} : { headers: { ETag: { schema: { type: 'string' } } } }),
        ...(answer === 'none'
          ? {}
          : {
              content:
                typeof answer === 'string'
                  ? Object.fromEntries(
                      fileTypes[answer].map((type) => [type, { schema: { type: 'string' } }]),
                    )
                  : { 'application/json': { schema: schemaOf(answer, 'output') } },
            }),
      },
    ]);
    const statuses = [
      400,
      401,
      403,
      404,
      ...(route.method === 'GET' ? [] : [409]),
      ...(about.conditional ? [412] : []),
      ...(route.body ? [413, 415, 422] : []),
      503,
    ];
    return {
      operationId: about.operation,
      summary: about.summary,
      description: needs(route.permission),
      tags: [tagOf(route.path)],
      parameters: [
        ...[...route.path.matchAll(/\{(\w+)\}/g)].map(
          ([, name = '']): Parameter => ({
            name,
            in: 'path',
            required: true,
            ...(name === 'env'
              ? { description: 'id, API name, or path from the root with its slashes encoded' }
              : {}),
            schema: { type: 'string' },
          }),
        ),
        ...Object.entries(about.query ?? {}).map(
          ([name, schema]): Parameter => ({
            name,
            in: 'query',
            required: schema.safeParse(undefined).success ? undefined : true,
            schema: schemaOf(schema, 'input'),
          }),
        ),
        ...conditions,
      ],
      ...(route.body && route.body !== 'none'
        ? {
            requestBody: {
              required: true,
              content:
                route.body === 'csv'
                  ? {
                      'text/csv': {
                        schema: { type: 'string' },
                        example: 'Email,Status\ndana@example.com,VIP\n',
                      },
                    }
                  : route.body === 'octets'
                    ? { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
                    : {
                        'application/json': {
                          schema: schemaOf(about.body ?? z.unknown(), 'input'),
                          ...(examples[about.operation] === undefined
                            ? {}
                            : { example: examples[about.operation] }),
                        },
                      },
            },
          }
        : {}),
      responses: {
        ...Object.fromEntries(answers),
        ...failures('Management', statuses),
      },
    };
  };

  const serviceOperation = ({ method, path, operation, summary, tag, body }: Service): Operation => ({
    operationId: operation,
    summary,
    tags: [tag],
    parameters: [
      ...[...path.matchAll(/\{(\w+)\}/g)].map(
        ([, name = '']): Parameter => ({ name, in: 'path', required: true, schema: { type: 'string' } }),
      ),
      ...(tag === 'Data subjects' ? [environmentHeader] : []),
    ],
    ...(body
      ? {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemaOf(body, 'input') } },
          },
        }
      : {}),
    responses: {
      ...(method === 'DELETE'
        ? { 204: { description: words[204] ?? '' } }
        : {
            [method === 'POST' ? (tag === 'Provisioning' ? 201 : 202) : 200]: {
              description: words[method === 'POST' && tag === 'Data subjects' ? 202 : 200] ?? '',
              content: { 'application/json': { schema: { type: 'object', additionalProperties: {} } } },
            },
          }),
      ...failures('Wire', [400, 401, 403, 404, 409, 412, 413, 503]),
    },
  });

  for (const one of wireOperations) add(one.path, 'post', wireOperation(one));
  for (const route of managementRoutes)
    add(`/management/v1/${route.path}`, route.method, managementOperation(route, aboutOf(route)));
  for (const service of services) add(`/${service.path}`, service.method, serviceOperation(service));
  for (const { path, operation } of openOperations) add(path, 'get', operation);

  return JSON.parse(
    JSON.stringify({
      openapi: '3.1.1',
      info: {
        title: 'Holdfast',
        version,
        description:
          'Fraud protection that speaks the HTTP API of Dynamics 365 Fraud Protection. Paths of the three protection APIs are matched in any letter case, and members of their bodies too; members that a schema does not list are kept.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      tags: tagsOf(paths),
      security: [{ entra: [] }, { functionKey: [] }],
      paths,
      components: {
        schemas: components,
        responses,
        securitySchemes: {
          entra: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: 'an access token of Entra ID',
          },
          functionKey: {
            type: 'apiKey',
            in: 'header',
            name: 'x-functions-key',
            description: 'a function key, on the same paths below /keys, where the operator turned them on',
          },
        },
      },
    } satisfies Document),
  );
}

const json = (schema: Schema): Content => ({ 'application/json': { schema } });
const open = (operationId: string, summary: string, responses: Operation['responses']): Operation => ({
  operationId,
  summary,
  tags: ['Operations'],
  security: [],
  responses,
});
const status = { type: 'object', properties: { status: { type: 'string' } }, required: ['status'] };

/** What needs no credentials. */
const openOperations: { path: string; operation: Operation }[] = [
  {
    path: '/health/live',
    operation: open('getLiveness', 'Is the process alive?', {
      200: { description: 'It is', content: json(status) },
    }),
  },
  {
    path: '/health/ready',
    operation: open('getReadiness', 'Can it assess? Storage in reach, configuration loaded', {
      200: { description: 'It can', content: json(status) },
      503: {
        description: 'It cannot; `missing` says in words why',
        headers: retryAfter,
        content: json({
          ...status,
          properties: { ...status.properties, missing: { type: 'array', items: { type: 'string' } } },
        }),
      },
    }),
  },
  {
    path: '/api/v1/health',
    operation: open('getDfpHealth', 'DFP’s own health check: 200 without a body, or 503', {
      200: { description: 'Healthy' },
      503: { description: 'Not healthy', headers: retryAfter },
    }),
  },
  {
    path: '/openapi.json',
    operation: open('getOpenApi', 'This document', {
      200: { description: 'OpenAPI 3.1', content: json({ type: 'object' }) },
    }),
  },
  {
    path: '/docs',
    operation: open('getDocs', 'This document as a page', {
      200: { description: 'HTML', content: { 'text/html': { schema: { type: 'string' } } } },
    }),
  },
];
