/**
 * One instance of external calls in a process of its own, for `warmUp.test.ts` beside it: warms a call up over and over by the
 * real clock, and writes the number of the interval of each ping, and
 * `looked` after its first turn. Ends with its standard input.
 */
import { openExternal } from '../shared/external/external.ts';
import { openStorage } from '../shared/storage/index.ts';

const [storage = '', keepAliveUrl = '', interval = '', traffic = ''] = process.argv.slice(2);
const intervalMs = Number(interval);
let turn = Date.now();
const external = openExternal(openStorage({ connectionString: storage }), {
  fence: { development: true },
  flushMs: 0,
  warmUp: { intervalMs },
  now: () => turn,
});
const { definition } = external.read({
  method: 'GET',
  url: keepAliveUrl,
  timeoutMs: 5000,
  keepAliveUrl,
  warmUp: true,
});
const call = { environment: 'env', name: 'warm', definition };

let [ended, looked] = [false, false];
process.stdin.resume().on('end', () => {
  ended = true;
});
while (!ended) {
  turn = Date.now();
  if (traffic === 'traffic') {
    const context = { name: 'warm', correlationId: '', assessment: '', rule: '', clause: '' };
    await external.invoke('env', definition, [], context);
    await external.flush();
  }
  const [result] = await external.warmUp.run([call]);
  if (!looked) console.log('looked');
  looked = true;
  if (result === 'pinged') console.log(Math.floor(turn / intervalMs));
  // the other process, and what reads standard input, want their turn
  await new Promise((resolve) => setImmediate(resolve));
}
await external.close();
