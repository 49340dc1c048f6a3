/** What `npm start` runs. */
import path from 'node:path';

const NODE = 24;

if (Number(process.versions.node.split('.')[0]) < NODE) {
  console.error(
    `Holdfast runs on Node ${NODE}, and this is ${process.version}: use npm start, which brings its own after npm ci`,
  );
  process.exitCode = 1;
} else {
  const [{ start }, { seed }, { sampleEnvironment, seedLossPrevention }] = await Promise.all([
    import('./start.ts'),
    import('../seed/seed.ts'),
    import('../seed/lossPrevention.ts'),
  ]);
  process.exitCode = await start({
    root: path.resolve(import.meta.dirname, '../..'),
    args: process.argv.slice(2),
    seed,
    dashboard: { environment: sampleEnvironment, seed: seedLossPrevention },
    print: (line) => console.log(line),
    printError: (line) => console.error(line),
  });
  // the app may have left timers or sockets open
  process.exit();
}
