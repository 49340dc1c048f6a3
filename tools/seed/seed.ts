import { readFile } from 'node:fs/promises';

export interface SeedOptions {
  /** where the app is served, e.g. `http://localhost:7071` */
  baseUrl: string;
  /** credentials */
  headers: Record<string, string>;
}

/** What is created, in this order; see `resources.json`. `path` stands behind `/management/v1/environments/`. */
interface Resource {
  path: string;
  body?: unknown;
  /** a file beside `resources.json`, sent as it is */
  csv?: string;
}

/**
 * Creates the sample environments and their rules through the management API. What exists already stays as it is, so
 * that seeding again changes nothing. Gives a line for each thing that was created.
 */
export async function seed(options: SeedOptions): Promise<string[]> {
  const resources: Resource[] = JSON.parse(
    await readFile(new URL('resources.json', import.meta.url), 'utf8'),
  );
  const created: string[] = [];
  for (const { path, body, csv } of resources) {
    const response = await fetch(`${options.baseUrl}/management/v1/environments/${path}`, {
      method: 'PUT',
      headers: {
        ...options.headers,
        'content-type': csv ? 'text/csv' : 'application/json',
        'if-none-match': '*',
      },
      body: csv ? await readFile(new URL(csv, import.meta.url)) : JSON.stringify(body),
    });
    const text = await response.text();
    if (response.ok) created.push(`seeded ${decodeURIComponent(path)}`);
    else if (response.status !== 412) throw new Error(`Seeding ${path} gave ${response.status}: ${text}`);
  }
  return created;
}
