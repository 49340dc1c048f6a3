/*
 * Reads Bicep sources as text, for the checks beside this file. It is no compiler: it knows declarations at the left
 * margin, and nothing of types or values. `az bicep build` is the judge of whether the sources compile.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface Declaration {
  kind: 'param' | 'var' | 'resource' | 'module' | 'output' | 'func' | 'type';
  name: string;
  /** from its keyword on */
  text: string;
  /** the decorators above it */
  decorators: string;
}

export interface Source {
  /** relative to `infra` */
  file: string;
  text: string;
  declarations: Declaration[];
}

const start = /^(param|var|resource|module|output|func|type) ([A-Za-z_]\w*)/;

/** A source without its comments, and its declarations in order. */
export function readSource(folder: string, file: string): Source {
  const lines = readFileSync(path.join(folder, file), 'utf8')
    .split('\n')
    .filter((line) => !/^\s*(\/\/|#disable)/.test(line));
  const declarations: Declaration[] = [];
  let decorators: string[] = [];
  let open: { declaration: Declaration; lines: string[] } | undefined;
  const close = () => {
    if (open) open.declaration.text = open.lines.join('\n').trimEnd();
    open = undefined;
  };
  for (const line of lines) {
    const found = start.exec(line);
    if (found) {
      close();
      const kind = kinds.find((each) => each === found[1]);
      if (!kind) continue;
      const declaration = { kind, name: found[2] ?? '', text: '', decorators: decorators.join('\n') };
      declarations.push(declaration);
      open = { declaration, lines: [line] };
      decorators = [];
    } else if (line.startsWith('@') || (decorators.length > 0 && !open)) {
      close();
      decorators.push(line);
    } else open?.lines.push(line);
  }
  close();
  return { file, text: lines.join('\n'), declarations };
}

const kinds = ['param', 'var', 'resource', 'module', 'output', 'func', 'type'] as const;

/** `main.bicep` and every module. */
export function readSources(folder: string): Source[] {
  const modules = readdirSync(path.join(folder, 'modules')).filter((name) => name.endsWith('.bicep'));
  return ['main.bicep', ...modules.sort().map((name) => `modules/${name}`)].map((file) =>
    readSource(folder, file),
  );
}

/** The resources of a type that a source deploys, declared at the left margin, with those inside them in their text. */
export function resourcesOf(source: Source, type: string): Declaration[] {
  return source.declarations.filter(
    ({ kind, text }) =>
      kind === 'resource' && text.includes(`'${type}@`) && !/' existing =/.test(text.split('\n')[0] ?? ''),
  );
}

/** The keys of the object that follows `after`, its own level only. */
export function keysAfter(text: string, after: string): string[] {
  return [...objectAfter(text, after).matchAll(/(?:^|[{\s])([A-Za-z_]\w*):(?!:)/g)].map(
    (match) => match[1] ?? '',
  );
}

/** The text of the object that follows `after`, without what is in objects and arrays inside it. */
function objectAfter(text: string, after: string): string {
  const from = text.indexOf(after);
  if (from < 0) return '';
  let depth = 0;
  let flat = '';
  for (const character of text.slice(text.indexOf('{', from + after.length))) {
    if ('{[('.includes(character)) depth++;
    if (depth === 1) flat += character;
    if ('}])'.includes(character)) depth--;
    if (depth === 0) break;
  }
  // texts may hold anything
  return flat.replaceAll(/'(?:[^'\\]|\\.)*'/g, "''");
}
