import { spawn } from 'node:child_process';
import { appendFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Analysis, analyseTwice } from '../../shared/lossPrevention/analysis.ts';
import { inferRoles, staffCells } from '../../shared/lossPrevention/cells.ts';
import { findingDefaults } from '../../shared/lossPrevention/findings.ts';
import { reasons } from '../../shared/lossPrevention/reasons.ts';
import { isolationForest, plainZ, type Quality, qualityOf } from '../lossPrevention/baselines.ts';
import { generate, type SampleSettings, sampleDefaults } from '../lossPrevention/generate.ts';
import { streamSums, tillRows } from '../lossPrevention/stream.ts';
import type { World, WorldSettings } from '../lossPrevention/world.ts';

/**
 * `npm run bench:lp`: what loss prevention costs and how well it finds what was planted.
 *
 *   --lines <n>    about this many CSV lines for the cost (10,000,000; 0 leaves it out)
 *   --seeds 1,2,3  worlds for the quality ('' leaves it out)
 *   --clean <n>    about this many honest people, among whom flags are counted (20,000; 0 leaves it out)
 *   --folder       where the sample goes (.holdfast/bench-lp)
 */
const { values } = parseArgs({
  options: {
    lines: { type: 'string', default: '10000000' },
    seeds: { type: 'string', default: '1,2,3' },
    clean: { type: 'string', default: '20000' },
    folder: { type: 'string', default: '.holdfast/bench-lp' },
  },
});

const world = (seed: number): WorldSettings => ({
  seed,
  stores: 200,
  staffPerStore: 15,
  months: 6,
  start: '2026-01',
  transactionsPerMonth: 100,
  abuse: 0.08,
});
const options = { months: 6, reasons, rate: findingDefaults.rate, threshold: 560 };

const seeds = values.seeds.split(',').filter(Boolean).map(Number);
if (seeds.length > 0) await quality();
if (Number(values.clean) > 0) clean(Number(values.clean));
if (Number(values.lines) > 0) await cost(Number(values.lines));

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function quality(): Promise<void> {
  say(
    '| seed | staff | planted | method | precision at 100 | at K = planted | average precision | flagged (right) |',
  );
  say('|---|---|---|---|---|---|---|---|');
  const kinds = new Map<string, { planted: number; found: number }>();
  for (const seed of seeds) {
    const { world: made, totals } = streamSums(world(seed));
    const rows = tillRows(totals);
    const planted = plantedIn(made);
    const staff = made.stores.reduce((sum, store) => sum + store.staff.length, 0);
    const line = (name: string, found: Quality, flagged = '') =>
      say(
        `| ${seed} | ${staff} | ${planted.size} | ${name} | ${found.at100.toFixed(2)} | ${found.atPlanted.toFixed(2)} | ${found.averagePrecision.toFixed(2)} | ${flagged} |`,
      );
    const ours = (name: string, analysis: Analysis) => {
      const right = [...analysis.flagged].filter((id) => planted.has(id)).length;
      const risks = new Map(analysis.entities.map((entity) => [entity.id, entity.risk]));
      line(name, qualityOf(risks, planted), `${analysis.flagged.size} (${right})`);
    };
    const analysis = analyseTwice(staffCells(rows), options);
    ours('Holdfast, roles given', analysis);
    const first = new Set(analysis.entities.slice(0, planted.size).map(({ id }) => id));
    for (const [id, kind] of planted) {
      const entry = kinds.get(kind) ?? { planted: 0, found: 0 };
      kinds.set(kind, entry);
      entry.planted++;
      if (first.has(id)) entry.found++;
    }
    const inferred = inferRoles(rows);
    const blind = rows.map((row) => ({ ...row, role: inferred.get(row.staff) ?? '' }));
    ours('Holdfast, roles inferred', analyseTwice(staffCells(blind), options));
    line('plain z', qualityOf(plainZ(rows, false), planted));
    line('plain z within the role', qualityOf(plainZ(rows, true), planted));
    line('isolation forest', qualityOf(isolationForest(rows, seed), planted));
  }
  say('\n| kind planted | staff | of them among the first K |\n|---|---|---|');
  for (const [kind, { planted, found }] of [...kinds].sort())
    say(`| ${kind} | ${planted} | ${((100 * found) / planted).toFixed(0)} % |`);
}

/** The kind of abuse by staff member. */
function plantedIn(made: World): Map<string, string> {
  return new Map(
    made.stores.flatMap((store) =>
      store.staff.flatMap((person): [string, string][] =>
        person.abuse ? [[person.id, person.abuse.kind]] : [],
      ),
    ),
  );
}

/** False flags among honest people, in worlds of at most 3,000 so that memory stays small. */
function clean(people: number): void {
  let seen = 0;
  let flagged = 0;
  for (let seed = 1001; seen < people; seed++) {
    const { totals } = streamSums({ ...world(seed), abuse: 0 });
    const analysis = analyseTwice(staffCells(tillRows(totals)), options);
    seen += analysis.entities.length;
    flagged += analysis.flagged.size;
  }
  say(`clean data: ${flagged} of ${seen} staff flagged`);
}

async function cost(lines: number): Promise<void> {
  const folder = values.folder;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  // A store of 15 leaves about 37,800 lines in six months.
  const settings: SampleSettings = {
    ...sampleDefaults,
    ...world(1),
    stores: Math.max(1, Math.round(lines / 37_800)),
  };
  const written = await generate(folder, settings);
  say(`${written.lines} lines in ${written.files} files, ${settings.stores * settings.staffPerStore} staff`);
  const hand = await measure('hand');
  say(`hand-written streaming aggregation of the same sums: ${text(hand)}`);
  const first = await measure('run');
  say(
    `first run: ${text(first)}; CPU ${(first.cpu / hand.cpu).toFixed(2)} times the hand-written aggregation`,
  );
  await writeFile(join(folder, 'first.json'), await latestJson(folder));
  const again = await measure('run');
  say(`next night, nothing new: ${text(again)}`);
  if ((await latestJson(folder)) !== (await readFile(join(folder, 'first.json'), 'utf8')))
    throw new Error('the result changed');
  const day = join(folder, 'lake', 'Transactions', '2026-06-15.csv');
  const row = (await readFile(day, 'utf8')).trimEnd().split('\n').at(-1)!;
  await appendFile(day, `${row.replace(/^[^,]+/, 'S0001-late')}\n`);
  say(`a changed day: ${text(await measure('run'))}`);

  interface Cost {
    seconds: number;
    cpu: number;
    megabytes: number;
  }
  function text({ seconds, cpu, megabytes }: Cost): string {
    return `${seconds.toFixed(1)} s, ${cpu.toFixed(1)} CPU-seconds, ${megabytes.toFixed(0)} MB at most`;
  }
  async function measure(what: 'run' | 'hand'): Promise<Cost> {
    const script = join(import.meta.dirname, 'lossPrevention.child.ts');
    const started = performance.now();
    const child = spawn(process.execPath, [script, what, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    for await (const chunk of child.stdout) output += chunk;
    if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode !== 0) throw new Error(`the measured process failed: ${output}`);
    const { cpu, megabytes }: Cost = JSON.parse(output);
    return { seconds: (performance.now() - started) / 1000, cpu, megabytes };
  }
}

async function latestJson(folder: string): Promise<string> {
  const { dashboard }: { dashboard: string } = JSON.parse(
    await readFile(join(folder, 'out', 'latest.json'), 'utf8'),
  );
  const path = join(folder, 'out', dashboard, 'result.json');
  await stat(path);
  return readFile(path, 'utf8');
}
