import type { Content, Document, Operation, Response } from './document.ts';
import { script, style } from './pageAssets.ts';
import type { Schema } from './schemas.ts';

/**
 * The OpenAPI document as one HTML page: every operation with its parameters, bodies, answers and schemas, searchable.
 * Everything is in the page itself; without JavaScript only the search is missing.
 */
export function openApiPage(document: Document): string {
  const groups = document.tags.map(({ name, description }) => {
    const operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item)
        .filter(([, operation]) => operation.tags.includes(name))
        .map(([method, operation]) => ({
          older: operation.deprecated === true,
          html: operationHtml(method, path, operation, document),
        })),
    );
    const [older, ours] = [true, false].map((wanted) =>
      operations.filter((operation) => operation.older === wanted).map(({ html }) => html),
    );
    const others =
      older && older.length > 0
        ? `<details class="others"><summary>${older.length} other paths of the same, for older clients</summary>${older.join('')}</details>`
        : '';
    return `<section><h2>${text(name)}</h2><p>${text(description)}</p>${ours?.join('')}${others}</section>`;
  });
  const schemas = Object.entries(document.components.schemas).map(
    ([name, schema]) =>
      `<details class="schema" id="schema-${text(name)}" data-search="${text(name.toLowerCase())}"><summary><code>${text(name)}</code></summary>${schemaHtml(schema)}</details>`,
  );
  const count = Object.values(document.paths).reduce((sum, item) => sum + Object.keys(item).length, 0);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${text(document.info.title)} API</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${text(document.info.title)} API <small>${text(document.info.version)}</small></h1>
<p>${text(document.info.description)} As a document for tools: <a href="openapi.json">openapi.json</a>.</p>
<label class="search">Search <input type="search" id="search" placeholder="path, name, word …" autocomplete="off"></label>
<p id="found" aria-live="polite">${count} operations</p>
</header>
<main>
${groups.join('\n')}
<section><h2>Schemas</h2>${schemas.join('')}</section>
</main>
<script>${script}</script>
</body>
</html>
`;
}

function operationHtml(method: string, path: string, operation: Operation, document: Document): string {
  const {
    operationId,
    summary,
    description,
    deprecated,
    parameters = [],
    requestBody,
    responses,
  } = operation;
  const search = `${method} ${path} ${operationId} ${summary}`.toLowerCase();
  const rows = parameters.map(
    ({ name, in: place, required, description: words, schema }) =>
      `<tr><td><code>${text(name)}</code>${required ? ' <b title="required">*</b>' : ''}</td><td>${place}</td><td>${typeText(schema)}</td><td>${text(words ?? '')}</td></tr>`,
  );
  const answers = Object.entries(responses).map(([status, response]) => {
    const { description: words, content } = resolved(response, document);
    return `<tr><td><code>${status}</code></td><td>${text(words)}</td><td>${contentHtml(content)}</td></tr>`;
  });
  return `<details class="operation${deprecated ? ' older' : ''}" id="${text(operationId)}" data-search="${text(search)}">
<summary><span class="method ${method}">${method.toUpperCase()}</span> <code>${breakable(path)}</code> <span class="what">${text(summary)}</span></summary>
<div class="body">
${description ? `<p>${code(description)}</p>` : ''}
${rows.length > 0 ? `<h3>Parameters</h3><div class="wide"><table><tr><th>name</th><th>in</th><th>type</th><th></th></tr>${rows.join('')}</table></div>` : ''}
${requestBody ? `<h3>Body</h3>${contentHtml(requestBody.content)}${exampleHtml(requestBody.content)}` : ''}
<h3>Answers</h3><div class="wide"><table><tr><th>status</th><th></th><th>body</th></tr>${answers.join('')}</table></div>
</div>
</details>`;
}

function resolved(response: Response | { $ref: string }, { components }: Document): Response {
  if (!('$ref' in response)) return response;
  return components.responses[response.$ref.split('/').at(-1) ?? ''] ?? { description: '' };
}

function contentHtml(content: Content | undefined): string {
  return Object.entries(content ?? {})
    .map(([type, { schema }]) => `<div><small>${text(type)}</small> ${typeText(schema)}</div>`)
    .join('');
}

function exampleHtml(content: Content): string {
  return Object.values(content)
    .flatMap(({ example }) => (example === undefined ? [] : [example]))
    .map((example) => {
      const shown = typeof example === 'string' ? example : JSON.stringify(example, undefined, 2);
      return `<pre><code>${text(shown)}</code></pre>`;
    })
    .join('');
}

/** A schema's members as a table. */
function schemaHtml(schema: Schema): string {
  const required = Array.isArray(schema.required) ? schema.required : [];
  const rows = Object.entries(members(schema)).map(
    ([name, member]) =>
      `<tr><td><code>${text(name)}</code>${required.includes(name) ? ' <b title="required">*</b>' : ''}</td><td>${typeText(member)}</td><td>${text(String(member.description ?? ''))}</td></tr>`,
  );
  if (rows.length === 0) return `<p>${typeText(schema)}</p>`;
  return `<div class="wide"><table>${rows.join('')}</table></div>`;
}

/** A schema in a few words, with links to components. */
function typeText(schema: Schema): string {
  if (typeof schema.$ref === 'string') {
    const name = schema.$ref.split('/').at(-1) ?? '';
    return `<a href="#schema-${text(name)}">${text(name)}</a>`;
  }
  if (schema.const !== undefined) return `<code>${text(JSON.stringify(schema.const))}</code>`;
  if (Array.isArray(schema.enum))
    return schema.enum.map((one) => `<code>${text(String(one))}</code>`).join(' ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) return choices.map((one) => typeText(asSchema(one))).join(' or ');
  if (schema.type === 'array') return `list of ${typeText(asSchema(schema.items))}`;
  if (schema.type === 'object' && Object.keys(members(schema)).length > 0)
    return `<details class="inner"><summary>object</summary>${schemaHtml(schema)}</details>`;
  const limits = (['format', 'minimum', 'maximum', 'minLength', 'maxLength', 'default'] as const)
    .filter((name) => schema[name] !== undefined && schema[name] !== '')
    .filter((name) => Math.abs(Number(schema[name])) !== Number.MAX_SAFE_INTEGER)
    .map((name) => (name === 'format' ? String(schema[name]) : `${name} ${JSON.stringify(schema[name])}`));
  const type = typeof schema.type === 'string' ? schema.type : 'any JSON';
  return text([type, ...limits].join(', '));
}

function members({ properties }: Schema): Record<string, Schema> {
  return typeof properties === 'object' && properties !== null ? { ...properties } : {};
}

function asSchema(value: unknown): Schema {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function text(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Text with `code` in it. */
function code(value: string): string {
  return text(value).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

/** A path that may break after its slashes. */
function breakable(path: string): string {
  return text(path).replaceAll('/', '/<wbr>');
}
