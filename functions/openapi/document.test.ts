import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { eventPaths, eventSchemas, eventTypes } from '../../shared/events/index.ts';
import { managementRoutes } from '../management/routes.ts';
import { type Operation, openApiDocument } from './document.ts';
import { examples } from './examples.ts';
import { openApiPage } from './page.ts';

const document = openApiDocument('1.2.3');
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]): [string, string, Operation] => [path, method, operation]),
);

/** Every value of a JSON value, with where it is. */
function* walk(value: unknown, path = ''): Generator<[string, unknown]> {
  yield [path, value];
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value))
    yield* walk(member, `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
}

describe('the OpenAPI document', () => {
  it('is of version 3.1, with the members the specification demands', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d$/);
    expect(document.info).toMatchObject({ title: expect.any(String), version: '1.2.3' });
    expect(Object.keys(document).filter((name) => name.startsWith('x-'))).toEqual([]);
  });

  it('has each management route', () => {
    const missing = managementRoutes.filter(
      ({ method, path }) => !document.paths[`/management/v1/${path}`]?.[method.toLowerCase()],
    );
    expect(missing).toEqual([]);
  });

  it('is told by each management route what it is for', () => {
    expect(
      managementRoutes.filter(({ about }) => !about).map(({ method, path }) => `${method} ${path}`),
    ).toEqual([]);
    const bodies = managementRoutes.filter(({ body, about }) => body === 'json' && !about?.body);
    expect(bodies.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });

  it('has each path of DFP’s clients', () => {
    const known = new Set(Object.keys(document.paths).map((path) => path.toLowerCase()));
    const missing = eventTypes.flatMap((type) =>
      eventPaths[type].filter((path) => !known.has(path.toLowerCase())),
    );
    expect(missing).toEqual([]);
  });

  it('gives each operation a name of its own', () => {
    const names = operations.map(([, , { operationId }]) => operationId);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(names.filter((name) => !/^[a-z][A-Za-z0-9]*$/.test(name))).toEqual([]);
  });

  it('has a parameter for each part of a path in braces, and no other; no two of a name and place', () => {
    for (const [path, method, { parameters = [] }] of operations) {
      const inPath = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
      const braces = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(inPath.sort(), `${method} ${path}`).toEqual(braces.sort());
      expect(parameters.every((parameter) => parameter.in !== 'path' || parameter.required === true)).toBe(
        true,
      );
      const keys = parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
      expect(new Set(keys).size, `${method} ${path}`).toBe(keys.length);
    }
  });

  it('has no two paths that differ in the names of their parameters only', () => {
    const shapes = Object.keys(document.paths).map((path) => path.replaceAll(/\{\w+\}/g, '{}'));
    expect(shapes.filter((shape, index) => shapes.indexOf(shape) !== index)).toEqual([]);
  });

  it('has for each operation an answer, each described', () => {
    for (const [path, method, { responses, summary, tags }] of operations) {
      const statuses = Object.keys(responses);
      expect(
        statuses.some((status) => /^2\d\d$/.test(status)),
        `${method} ${path}`,
      ).toBe(true);
      expect(summary).not.toBe('');
      for (const tag of tags) expect(document.tags.map(({ name }) => name)).toContain(tag);
      for (const response of Object.values(responses))
        if (!('$ref' in response)) expect(response.description, `${method} ${path}`).not.toBe('');
    }
  });

  it('refers only to what is there', () => {
    const all = new Map(walk(document));
    for (const [path, value] of all)
      if (path.endsWith('/$ref'))
        expect(all.has(String(value).replace('#', '')), `${path}: ${value}`).toBe(true);
  });

  it('has schemas of 2020-12 only: no keyword of older versions, no stray definitions', () => {
    for (const [path, value] of walk(document.components.schemas)) {
      expect(path).not.toMatch(/\/(\$defs|definitions|nullable|id|\$id|\$schema)$(?<!properties\/id)/);
      if (path.endsWith('/type') && typeof value === 'string' && !/\/(properties|default)\/type$/.test(path))
        expect(['object', 'array', 'string', 'number', 'integer', 'boolean', 'null']).toContain(value);
    }
  });

  it('asks for credentials, save where there is nothing to protect', () => {
    const open = operations.filter(([, , { security }]) => security?.length === 0).map(([path]) => path);
    expect(open.sort()).toEqual([
      '/api/v1/health',
      '/docs',
      '/health/live',
      '/health/ready',
      '/openapi.json',
    ]);
    const schemes = Object.keys(document.components.securitySchemes);
    for (const requirement of document.security)
      expect(schemes).toEqual(expect.arrayContaining(Object.keys(requirement)));
  });

  it('shows an example of each event that its own schema takes', () => {
    for (const type of eventTypes)
      expect(eventSchemas[type].safeParse(examples[type]).error, type).toBeUndefined();
  });

  it('shows examples of management bodies that their schemas take', () => {
    const shown = managementRoutes.filter(({ about }) => about && examples[about.operation]);
    expect(shown.length).toBeGreaterThan(5);
    for (const { about } of shown)
      expect(about?.body?.safeParse(examples[about.operation]).error, about?.operation).toBeUndefined();
    const names = new Set(operations.map(([, , { operationId }]) => operationId));
    const unused = Object.keys(examples).filter((name) => !names.has(name) && !(name in eventSchemas));
    expect(unused).toEqual([]);
  });
});

describe('the requests of docs/http', () => {
  const folder = new URL('../../docs/http/', import.meta.url);

  it('are of operations of the document, with bodies that are JSON', async () => {
    const files = (await readdir(folder)).filter((name) => name.endsWith('.http'));
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) {
      const text = await readFile(new URL(file, folder), 'utf8');
      const at = '/management/v1/environments/primary';
      const requests = [
        ...text
          .replaceAll('{{env}}', at)
          .matchAll(/^(GET|PUT|POST|DELETE) (\S+)\n([\s\S]*?)(?=\n###|$(?![\s\S]))/gm),
      ];
      expect(requests.length).toBeGreaterThan(2);
      for (const [, method = '', target = '', rest = ''] of requests) {
        const path = target.replace('{{host}}', '').replace(/\?.*/, '');
        const known = operations.find(
          ([each, verb]) =>
            verb === method.toLowerCase() &&
            new RegExp(`^${each.replaceAll(/\{\w+\}/g, '[^/]+')}$`, 'i').test(path),
        );
        expect(known, `${file}: ${method} ${path}`).toBeDefined();
        const body = rest.split('\n\n')[1];
        if (body !== undefined && body.trim() !== '' && rest.includes('Content-Type: application/json'))
          expect(() => JSON.parse(body), `${file}: ${path}`).not.toThrow();
      }
    }
  });
});

describe('the page', () => {
  const page = openApiPage(document);

  it('has every operation and schema, and loads nothing', () => {
    for (const [, , { operationId }] of operations) expect(page).toContain(`id="${operationId}"`);
    for (const name of Object.keys(document.components.schemas))
      expect(page).toContain(`id="schema-${name}"`);
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(page).not.toMatch(/@import|url\(/);
  });

  it('shows text as text', () => {
    const odd = { ...document, info: { ...document.info, title: '<script>alert(1)</script>&"' } };
    expect(openApiPage(odd)).not.toContain('<script>alert');
  });
});
