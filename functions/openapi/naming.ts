import { z } from 'zod';
import type { About } from '../management/about.ts';
import type { Route } from '../management/route.ts';
import type { Document } from './document.ts';

/** The same schema as a component of that name. */
export function named<S extends z.ZodType>(schema: S, id: string): S {
  z.globalRegistry.add(schema, { ...z.globalRegistry.get(schema), id });
  return schema;
}

/** What is said of a route; of one that says nothing of itself, what its path tells. */
export function aboutOf({ method, path, about }: Route): About {
  if (about) return about;
  const parts = path.split('/').filter((part) => !part.startsWith('{'));
  const name = parts.map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join('');
  const last = path.endsWith('}') ? 'One' : '';
  return {
    operation: `${method.toLowerCase()}${name}${last}`,
    summary: `${method} ${path}`,
    answers: method === 'DELETE' ? { 204: 'none' } : { 200: z.unknown() },
  };
}

/** Which permission a route needs, in words. */
export function needs(permission: Route['permission']): string {
  const names = [permission].flat().map((name) => `\`${name}\``);
  return names.length > 1
    ? `Needs one of the permissions ${names.join(', ')}.`
    : `Needs the permission ${names.join()}.`;
}

/** `environments/{env}/velocitySets/{name}` → `Management: velocity sets`. */
export function tagOf(path: string): string {
  const subject = path.split('/')[2] ?? 'environments';
  return `Management: ${subject.replaceAll(/([A-Z])/g, ' $1').toLowerCase()}`;
}

/** The tags of a document's operations, each with what it is about. */
export function tagsOf(paths: Document['paths']): Document['tags'] {
  const names = Object.values(paths).flatMap((item) => Object.values(item).flatMap(({ tags }) => tags));
  const described: Record<string, string> = {
    'Purchase protection': 'Purchases, and what becomes of them.',
    'Account protection': 'Account creation and login, with bot and risk scores.',
    Assessments: 'Events that the merchant defines.',
    Provisioning: 'Environments below a root, for programs.',
    'Data subjects': 'What is known of a person: export and deletion.',
    Operations: 'Is it up? What does it serve?',
  };
  return [...new Set(names)].map((name) => ({
    name,
    description:
      described[name] ?? `Configuration, through the management API: ${name.replace('Management: ', '')}.`,
  }));
}
