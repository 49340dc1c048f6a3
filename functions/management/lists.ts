import { z } from 'zod';
import { listSchema } from '../../shared/config/index.ts';
import { listKind, listView, writtenReply } from './resources.ts';
import { queryText, type Reply, type Route, type RouteContext } from './route.ts';

const list = `environments/{env}/${listKind}/{name}`;
const previewRows = 20;

async function contentOf({ app, parameter }: RouteContext) {
  const stored = await app.config.get(parameter('env'), listKind, parameter('name'));
  const { pages, ...content } = listSchema.parse(stored.document.content);
  return { ...stored, content: { ...content, ...(pages === undefined ? {} : { pages }) } };
}

/** Custom lists as files: upload, download, the first rows. */
export const listRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: list,
    permission: 'resources.read',
    about: { operation: 'downloadList', summary: 'A list as a CSV file', answers: { 200: 'csv' } },
    async handler(context): Promise<Reply> {
      const { content, etag, entry } = await contentOf(context);
      return {
        status: 200,
        etag,
        file: {
          content: await context.app.config.lists.download(content),
          type: 'text/csv; charset=utf-8',
          name: `${entry.name}.csv`,
        },
      };
    },
  },
  {
    method: 'PUT',
    path: list,
    permission: 'resources.write',
    body: 'csv',
    about: {
      operation: 'putList',
      summary: 'Creates or replaces a list with a CSV file: UTF-8, unique headers, up to 20 MB',
      query: { description: z.string().max(4000).optional() },
      conditional: true,
      answers: { 200: listView, 201: listView },
    },
    async handler({ app, parameter, file, query, write }): Promise<Reply> {
      const description = queryText(query, 'description');
      const written = await app.config.putList(parameter('env'), parameter('name'), file, {
        ...write,
        description,
      });
      return writtenReply(written);
    },
  },
  {
    method: 'GET',
    path: `${list}/preview`,
    permission: 'resources.read',
    about: {
      operation: 'previewList',
      summary: 'The first rows of a list',
      answers: {
        200: z.object({
          columns: z.array(z.string()),
          rows: z.array(z.array(z.string())),
          total: z.int().min(0),
        }),
      },
    },
    async handler(context): Promise<Reply> {
      const { content, etag } = await contentOf(context);
      const rows = await context.app.config.lists.preview(content, previewRows);
      return { status: 200, etag, body: { columns: content.columns, rows, total: content.rows } };
    },
  },
];
