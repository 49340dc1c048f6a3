import { work } from '../shared/imports/index.ts';
import { openApp } from '../shared/openApp.ts';
import { readSettings } from '../shared/settings.ts';

/** Works on an import, to be killed: `importProcess.ts ENVIRONMENT ID`; `HOLDFAST_STORAGE` says where. */
const [environment = '', id = ''] = process.argv.slice(2);
const app = await openApp(readSettings(process.env));
console.log('at work');
await work(app, { environment, id });
process.exit(0);
