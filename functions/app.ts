import { app } from '@azure/functions';
import type { App } from '../shared/assessment/app.ts';
import { openApp } from '../shared/openApp.ts';
import { readSettings } from '../shared/settings.ts';

let opened: Promise<App> | undefined;

/** The app of this process, opened with the first use; a failed opening is tried again by the next caller. */
export function theApp(): Promise<App> {
  opened ??= openApp(readSettings(process.env)).catch((error) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

// what an instance holds in memory outlives it: metrics and events of external calls, marks of completion
app.hook.appTerminate(async () => {
  if (!opened) return;
  const { calls, records } = await opened;
  await Promise.allSettled([calls.external.close(), records.flush()]);
});
