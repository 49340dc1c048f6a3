/** The app, and beside it the floor of its benchmark. */
import '../../functions/main.ts';
import { app } from '@azure/functions';
import { theApp } from '../../functions/app.ts';
import { floor } from './floor.ts';

app.http('floor', {
  methods: ['POST'],
  authLevel: 'anonymous',
  route: 'bench/floor',
  handler: async (request) => {
    const body = await request.text();
    await floor(await theApp(), body);
    return { status: 200, headers: { 'content-type': 'application/json' }, body };
  },
});
