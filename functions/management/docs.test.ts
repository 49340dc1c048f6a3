import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../shared/assessment/app.ts';
import { openApp } from '../../shared/openApp.ts';
import { Problem } from '../../shared/problem.ts';
import { readSettings } from '../../shared/settings.ts';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { problemResponse } from '../http.ts';
import { dispatch, openRouter } from './route.ts';
import { managementRoutes } from './routes.ts';

interface Example {
  method: string;
  url: string;
  type: string;
  body: string;
  status: number;
  answer: string;
}

/** The examples of the document: a block with a request, then a block with its answer. */
function examplesOf(text: string): Example[] {
  const blocks = [...text.matchAll(/```http\n([\s\S]*?)```/g)].map(([, block]) => block ?? '');
  expect(blocks.length % 2).toBe(0);
  return Array.from({ length: blocks.length / 2 }, (_, index) => {
    const [head = '', ...body] = (blocks[index * 2] ?? '').split('\n\n');
    const [first = '', ...headers] = head.split('\n');
    const [method = '', url = ''] = first.split(' ');
    const [status = '', ...answer] = (blocks[index * 2 + 1] ?? '').split('\n\n');
    return {
      method,
      url,
      type: headers.join().replace('content-type: ', '') || 'application/json',
      body: body.join('\n\n'),
      status: Number.parseInt(status, 10),
      answer: answer.join('\n\n').trim(),
    };
  });
}

/** What differs from run to run, out of the way. */
function settled(text: string): unknown {
  const plain = text
    .replaceAll(/(?!7b925ca8)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<id>')
    .replaceAll(/"(changed|created)":\s*"[^"]+"/g, '"$1": "<time>"');
  return text === '' ? '' : JSON.parse(plain);
}

let azurite: Azurite;
let app: App;
beforeAll(async () => {
  azurite = await startAzurite();
  app = await openApp(readSettings({ HOLDFAST_STORAGE: azurite.connectionString }));
});
afterAll(() => azurite?.stop());

async function answerOf(example: Example): Promise<{ status: number; text: string }> {
  const [path = '', query = ''] = example.url.replace('/management/v1/', '').split('?');
  try {
    const reply = await dispatch(
      openRouter(managementRoutes),
      {
        method: example.method,
        path,
        query: new URLSearchParams(query),
        headers: new Headers(example.body === '' ? {} : { 'content-type': example.type }),
        body: async () => new TextEncoder().encode(example.body),
      },
      app,
      { id: 'local', kind: 'user', roles: ['ProductAdmin'] },
    );
    return { status: reply.status, text: JSON.stringify(reply.body) ?? '' };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { status: error.status, text: String(problemResponse(error).body) };
  }
}

describe('docs/management-api.md', () => {
  it('shows what its examples really answer, one after the other', async () => {
    const text = await readFile(new URL('../../docs/management-api.md', import.meta.url), 'utf8');
    const examples = examplesOf(text);
    expect(examples.length).toBeGreaterThan(15);
    for (const example of examples) {
      const answer = await answerOf(example);
      const title = `${example.method} ${example.url}`;
      expect(answer.status, `${title}: ${answer.text}`).toBe(example.status);
      expect(settled(answer.text), title).toEqual(settled(example.answer));
    }
  });
});
