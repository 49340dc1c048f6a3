import { expect, it } from 'vitest';
import { sessionCookie } from './dashboardPages.ts';

it('the cookie of a session goes to the pages of its environment only, by HTTPS, and is no script’s to read', () => {
  expect(sessionCookie('e1', 'secret', false)).toEqual({
    name: '__Secure-holdfast-dashboard',
    value: 'secret',
    path: '/dashboards/e1/',
    httpOnly: true,
    sameSite: 'Strict',
    secure: true,
  });
  expect(sessionCookie('e1', 'secret', true)).toMatchObject({ name: 'holdfast-dashboard', secure: false });
});
