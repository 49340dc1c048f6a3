/* What the deployed app reads and opens, found in its sources. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { settingsSchema } from '../shared/settings.ts';

const root = path.resolve(import.meta.dirname, '..');

function sourceFiles(): string[] {
  return ['functions', 'shared'].flatMap((room) =>
    readdirSync(path.join(root, room), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => path.join(room, name)),
  );
}

function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8').replaceAll(/^\s*(\/\/|\/?\*).*$/gm, '');
}

/** App settings by the files that read them: the schema's, those taken from the environment elsewhere, and those that triggers name. */
export function settingsRead(): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of Object.keys(settingsSchema.shape)) found.set(name, 'shared/settings.ts');
  for (const file of sourceFiles()) {
    const text = read(file);
    for (const match of text.matchAll(/process\.env(?:\.(\w+)|\??\.?\[\s*['"`](\w+)['"`]\s*\])/g))
      found.set(match[1] ?? match[2] ?? '', file);
    for (const match of text.matchAll(/(?:schedule|queueName|route): '%(\w+)%'/g))
      found.set(match[1] ?? '', file);
  }
  return found;
}

/** Files that hand the whole environment on, so that what they read cannot be seen. */
export function wholeEnvironmentReaders(): string[] {
  return sourceFiles().filter((file) => /process\.env(?!\.\w|\??\.?\[\s*['"`])/.test(read(file)));
}

/** Names of connections that triggers read from the settings. */
export function triggerConnections(): string[] {
  return [
    ...new Set(
      sourceFiles().flatMap((file) =>
        [...read(file).matchAll(/\bconnection: '(\w+)'/g)].map((match) => match[1] ?? ''),
      ),
    ),
  ];
}

export interface Place {
  kind: 'table' | 'container' | 'queue';
  /** its name; for one that is computed, the expression */
  name: string;
  file: string;
}

/** What the bundle opens in storage, and what it creates. */
export function storagePlaces(): { opened: Place[]; created: Place[] } {
  const files = bundled('functions/main.ts');
  const texts = new Map(files.map((file) => [file, read(file)]));
  const opened: Place[] = [];
  const created: Place[] = [];
  const kinds = { table: 'table', blobs: 'container', queue: 'queue' } as const;
  for (const [file, text] of texts) {
    if (file.startsWith('shared/storage/')) continue;
    for (const match of text.matchAll(/\bstorage\.(table|blobs|queue)\(([^()]+(?:\([^()]*\))?)\)/g)) {
      const kind = match[1] === 'table' ? kinds.table : match[1] === 'blobs' ? kinds.blobs : kinds.queue;
      opened.push({ kind, name: nameOf(match[2] ?? '', file, texts), file });
    }
    for (const match of text.matchAll(/\.ensure\(([^;]*?)\)(?:[;,.\s]|$)/g))
      for (const place of placesOf(match[1] ?? '', file, texts)) created.push(place);
  }
  return { opened, created };
}

/** The tables, containers and queues of `{ tables: […], … }`, or of a constant that is such an object. */
function placesOf(expression: string, file: string, texts: Map<string, string>): Place[] {
  const constant = /^\s*(\w+)\s*$/.exec(expression)?.[1];
  if (constant) return placesOf(objectOf(constant, texts), file, texts);
  const kinds = { tables: 'table', containers: 'container', queues: 'queue' } as const;
  return (['tables', 'containers', 'queues'] as const).flatMap((list) => {
    const items = new RegExp(`\\b${list}: \\[([^\\]]*)\\]`).exec(expression)?.[1] ?? '';
    return items
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
      .flatMap((item): Place[] => {
        const spread = /^\.\.\.\(?(\w+)\.(tables|containers|queues)/.exec(item);
        if (!spread) return [{ kind: kinds[list], name: nameOf(item, file, texts), file }];
        return placesOf(objectOf(spread[1] ?? '', texts), file, texts).filter(
          ({ kind }) => kind === kinds[list],
        );
      });
  });
}

function objectOf(constant: string, texts: Map<string, string>): string {
  for (const text of texts.values()) {
    const found = new RegExp(`const ${constant}\\b[^=]*= (\\{[^;]*\\})`).exec(text)?.[1];
    if (found) return found;
  }
  return '';
}

/** What a literal or a constant says; constants of the same file first. Anything else stays an expression. */
function nameOf(expression: string, file: string, texts: Map<string, string>): string {
  const literal = /^'([^']+)'$/.exec(expression.trim())?.[1];
  if (literal) return literal;
  if (!/^\w+$/.test(expression.trim())) return expression.trim();
  const constant = new RegExp(`const ${expression.trim()}(?:: string)? = ('[^']+'|\\w+);`);
  const renamed = new RegExp(`(\\w+) as ${expression.trim()}\\b`);
  for (const text of [texts.get(file) ?? '', ...texts.values()]) {
    const found = constant.exec(text)?.[1] ?? renamed.exec(text)?.[1];
    if (found) return nameOf(found, file, texts);
  }
  return expression.trim();
}

/** The sources that an entry imports, statically and by `import()`, itself included. Types are followed too, which does no harm. */
function bundled(entry: string): string[] {
  const seen = new Set<string>();
  const visit = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const match of read(file).matchAll(/(?:from|import\(?)\s*'(\.[^']+\.ts)'/g))
      visit(path.join(path.dirname(file), match[1] ?? ''));
  };
  visit(entry);
  return [...seen];
}
