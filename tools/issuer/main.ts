/** `node tools/issuer/main.ts`: the issuer alone, where the app is run by `func start`. `npm start` starts both. */
import { parseArgs } from 'node:util';
import { startIssuer } from './issuer.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '7072' },
    folder: { type: 'string', default: '.holdfast/issuer' },
  },
});
const issuer = await startIssuer({ port: Number(values.port), folder: values.folder });
console.log(`${issuer.baseUrl}/dev/oauth2/v2.0/token; settings of an app that takes its tokens:`);
for (const [name, value] of Object.entries(issuer.settings)) console.log(`${name}=${value}`);
const stop = () => void issuer.stop().then(() => process.exit(0));
process.once('SIGINT', stop).once('SIGTERM', stop);
