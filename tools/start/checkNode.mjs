/** Plain JavaScript, for any Node: says what to do where the one at hand cannot run the rest. */
const needed = 24;
if (Number(process.versions.node.split('.')[0]) < needed) {
  console.error(`Holdfast runs on Node ${needed} and found ${process.version}: run npm ci, which brings it, then npm start`);
  process.exitCode = 1;
}
