import { z } from 'zod';
import type { App } from '../../shared/assessment/app.ts';
import type { Permission } from '../../shared/auth/index.ts';
import {
  diagnosticsJson,
  exportTemplate,
  parseBody,
  type ResourceTemplate,
  type TemplateKind,
  templateSchema,
} from '../../shared/config/index.ts';
import { Problem } from '../../shared/problem.ts';
import { diagnosticView, page } from './about.ts';
import type { Reply, Route } from './route.ts';

const template = templateSchema.meta({ id: 'Template' });
const outcomeView = z
  .object({
    kind: z.string(),
    name: z.string(),
    outcome: z.enum(['created', 'updated', 'unchanged']),
    diagnostics: z.array(diagnosticView).optional(),
    secretsToSet: z.literal(true).optional().describe('its secrets are not in the template'),
  })
  .meta({ id: 'TemplateOutcome' });

interface Family {
  kind: TemplateKind;
  /** part of the path */
  folder: string;
  /** for operations */
  noun: string;
  area: { read: Permission; write: Permission };
}

const families: readonly Family[] = [
  {
    kind: 'rule',
    folder: 'rules',
    noun: 'Rule',
    area: { read: 'ruleTemplates.read', write: 'ruleTemplates.write' },
  },
  {
    kind: 'assessment',
    folder: 'assessments',
    noun: 'Assessment',
    area: { read: 'assessmentTemplates.read', write: 'assessmentTemplates.write' },
  },
  {
    kind: 'environment',
    folder: 'environments',
    noun: 'Environment',
    area: { read: 'environmentTemplates.read', write: 'environmentTemplates.write' },
  },
];

/** Rules, assessments and environments as one file each, out of an environment and into another. */
export const templateRoutes: readonly Route[] = families.flatMap((family): Route[] => [
  exporting(family),
  importing(family),
]);

function exporting({ kind, folder, noun, area }: Family): Route {
  const named = kind !== 'environment';
  return {
    method: 'GET',
    path: `environments/{env}/templates/${folder}/${named ? '{name}' : 'own'}`,
    permission: area.read,
    about: {
      operation: `export${noun}Template`,
      summary: `The template of ${kind === 'rule' ? 'a' : 'an'} ${kind}: everything but secrets and rows of lists`,
      answers: { 200: template },
    },
    async handler({ app, parameter }): Promise<Reply> {
      const at = new Date(app.clock()).toISOString();
      const body = await exportTemplate(
        app.config,
        parameter('env'),
        kind,
        named ? parameter('name') : undefined,
        at,
      );
      return { status: 200, body };
    },
  };
}

function importing({ kind, folder, noun, area }: Family): Route {
  return {
    method: 'POST',
    path: `environments/{env}/templates/${folder}`,
    permission: area.write,
    body: 'json',
    about: {
      operation: `import${noun}Template`,
      summary: `Imports the template of ${kind === 'rule' ? 'a' : 'an'} ${kind}, all of it or nothing; a preview writes nothing`,
      query: { preview: z.enum(['true', 'false']).optional() },
      body: template,
      answers: { 200: page(outcomeView) },
    },
    async handler({ app, parameter, query, body, write }): Promise<Reply> {
      const preview = previewOf(query);
      const given = parseBody(templateSchema, body);
      if (given.kind !== kind)
        throw Problem.badRequest(`The template is of ${given.kind}, and this path takes ${kind}.`, {
          code: 'InvalidBody',
          errors: [{ path: 'kind', message: `is not ${kind}` }],
        });
      for (const resource of given.resources) if (resource.kind === 'externalCalls') checkCall(app, resource);
      const written = await app.config.putTemplate(parameter('env'), given.resources, { ...write, preview });
      const items = written.map(({ diagnostics, lacksSecrets, ...item }) => ({
        ...item,
        ...(diagnostics.length > 0 ? { diagnostics: diagnosticsJson(diagnostics) } : {}),
        ...(lacksSecrets ? { secretsToSet: true } : {}),
      }));
      return { status: 200, body: { items } };
    },
  };
}

/** Values of secrets must not get into the configuration, and calls go where they may. Throws a Problem 400. */
function checkCall(app: App, { name, content }: ResourceTemplate['resources'][number]): void {
  const { values } = app.calls.external.read(content);
  if (Object.keys(values).length === 0) return;
  const message = `the external call ${JSON.stringify(name)} holds the value of a secret; a PUT of the call takes it`;
  throw Problem.badRequest(`The template is not usable: ${message}.`, {
    code: 'InvalidBody',
    errors: [{ path: 'resources', message }],
  });
}

function previewOf(query: URLSearchParams): boolean {
  const text = query.get('preview') ?? 'false';
  if (text === 'true' || text === 'false') return text === 'true';
  const message = 'true or false';
  throw Problem.badRequest(`The query is not usable: preview: ${message}.`, {
    errors: [{ path: 'preview', message }],
  });
}
