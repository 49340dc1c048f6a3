import { type Files, folderFiles } from '../../shared/lossPrevention/files.ts';
import { runLossPrevention } from '../../shared/lossPrevention/run.ts';

/**
 * A run that kills itself (SIGKILL) just before or just after its n-th change of what it keeps, so that tests can end it
 * at any moment that matters: `node mortal.ts <lake> <out> <work> <n>`.
 */
const [lake, out, temporary, moment] = process.argv.slice(2);
let left = Number(moment);

async function mortally<T>(change: () => Promise<T>): Promise<T> {
  if (--left === 0) process.kill(process.pid, 'SIGKILL');
  const result = await change();
  if (--left === 0) process.kill(process.pid, 'SIGKILL');
  return result;
}

const files = folderFiles(out!);
const mortal: Files = {
  ...files,
  write: (name, content, type) => mortally(() => files.write(name, content, type)),
  put: (name, path) => mortally(() => files.put(name, path)),
  remove: (name) => mortally(() => files.remove(name)),
};
const outcome = await runLossPrevention({
  lake: folderFiles(lake!),
  out: mortal,
  temporary: temporary!,
  threads: 1,
});
process.exitCode = outcome.ok ? 0 : 1;
