import { type App, openApp } from '../shared/assessment/app.ts';
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
