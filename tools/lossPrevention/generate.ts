import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { createGzip } from 'node:zlib';
import { days } from './calendar.ts';
import { newMemory, type Sale, storeDay } from './day.ts';
import {
  inSchemaOrder,
  paymentMethods,
  rowsOf,
  type WrittenEntity,
  writtenColumns,
  writtenEntities,
} from './rows.ts';
import { makeWorld, type Store, truthOf, type WorldSettings } from './world.ts';

export const layouts = ['upload', 'headerless', 'cdm', 'parquet'] as const;
export type SampleLayout = (typeof layouts)[number];

export interface SampleSettings extends WorldSettings {
  layout: SampleLayout;
  /** stop after so many days; all of the months' where absent */
  days?: number;
  /** of upload files */
  delimiter: ',' | ';' | '\t';
  gzip: boolean;
  /** the optional column with the staff member's role */
  roles: boolean;
}

export const sampleDefaults: SampleSettings = {
  seed: 1,
  stores: 8,
  staffPerStore: 12,
  months: 4,
  start: '2026-01',
  transactionsPerMonth: 100,
  abuse: 0.08,
  layout: 'upload',
  delimiter: ',',
  gzip: false,
  roles: true,
};

export interface Written {
  /** rows over all files, headers not counted */
  lines: number;
  files: number;
}

/**
 * Writes a sample lake below `folder`, day by day (a CDM folder by month), and the truth file `truth.json` beside it.
 * The same settings write the same bytes; `each` is shown every day of every store.
 */
export async function generate(
  folder: string,
  settings: SampleSettings,
  each?: (store: Store, month: string, sales: readonly Sale[]) => void,
): Promise<Written> {
  const world = makeWorld(settings);
  const memories = world.stores.map(() => newMemory());
  const lake = join(folder, 'lake');
  const written: Written = { lines: 0, files: 0 };
  const csv = settings.layout !== 'cdm' && settings.layout !== 'parquet';
  const partOf = (day: string) => (settings.layout === 'cdm' ? day.slice(0, 7) : day);
  let open: { part: string; files: Record<WrittenEntity, Target> } | undefined;
  const close = async () => {
    if (!open) return;
    for (const entity of writtenEntities) await open.files[entity].close();
    if (settings.layout === 'parquet') await toParquet(lake, open.part);
    open = undefined;
  };
  let index = 0;
  for (const { day, month, monthIndex } of days(settings.start, settings.months, settings.days)) {
    const part = partOf(day);
    if (open?.part !== part) {
      await close();
      const files = {
        Transactions: target('Transactions'),
        Sales: target('Sales'),
        Payments: target('Payments'),
      };
      written.files += 3;
      open = { part, files };
    }
    const { files } = open;
    for (let s = 0; s < world.stores.length; s++) {
      const store = world.stores[s]!;
      const sales = storeDay(world, s, index, monthIndex, memories[s]!);
      each?.(store, month, sales);
      for (const sale of sales) {
        const rows = rowsOf(sale, store, day, settings.roles);
        for (const entity of writtenEntities)
          for (const row of rows[entity]) {
            files[entity].add(settings.layout === 'headerless' ? inSchemaOrder(entity, row) : row);
            written.lines++;
          }
      }
    }
    for (const entity of writtenEntities) await files[entity].drain();
    index++;

    function target(entity: WrittenEntity): Target {
      const table = settings.layout === 'cdm' ? commerceTables[entity].name : entity;
      const name = settings.delimiter === '\t' && csv ? `${part}.tsv` : `${part}.csv`;
      const header =
        settings.layout === 'upload' || settings.layout === 'parquet' ? writtenColumns[entity] : undefined;
      return openTarget(
        join(lake, table, settings.gzip && csv ? `${name}.gz` : name),
        csv ? settings.delimiter : ',',
        header,
      );
    }
  }
  await close();
  await writeMethods(lake, settings);
  if (settings.layout === 'cdm') await writeModel(lake, settings);
  await writeFile(join(folder, 'truth.json'), `${JSON.stringify(truthOf(world), null, 2)}\n`);
  return written;
}

interface Target {
  add(row: readonly string[]): void;
  drain(): Promise<void>;
  close(): Promise<void>;
}

function openTarget(path: string, delimiter: string, header: readonly string[] | undefined): Target {
  let stream: WriteStream | undefined;
  let sink: NodeJS.WritableStream | undefined;
  let text = header ? `${header.join(delimiter)}\n` : '';
  const start = async () => {
    if (sink) return sink;
    await mkdir(dirname(path), { recursive: true });
    stream = createWriteStream(path);
    // Level 1: sample data is written far more often than it is sent.
    const zip = path.endsWith('.gz') ? createGzip({ level: 1 }) : undefined;
    zip?.pipe(stream);
    sink = zip ?? stream;
    return sink;
  };
  const drain = async () => {
    const to = await start();
    if (text !== '' && !to.write(text)) await once(to, 'drain');
    text = '';
  };
  return {
    add: (row) => {
      text += `${row.join(delimiter)}\n`;
    },
    drain,
    close: async () => {
      await drain();
      sink!.end();
      await once(stream!, 'close');
    },
  };
}

/** Commerce's names of the columns that the sample carries, in the order of `writtenColumns`. */
const commerceTables: Readonly<Record<WrittenEntity, { name: string; columns: string }>> = {
  Transactions: {
    name: 'RetailTransactionTable',
    columns:
      'transactionId terminal store inventSiteId staff transDate transTime entryStatus saleIsReturnSale netAmount receiptId custAccount currency dataAreaId posPermissionGroup',
  },
  Sales: {
    name: 'RetailTransactionSalesTrans',
    columns:
      'transactionId terminalId store lineNum itemId categoryId qty originalPrice price netAmount lineManualDiscountAmount periodicDiscAmount periodicDiscGroup reasonCodeDiscount priceChange returnNoSale returnTransactionId returnTerminalId returnStore dataAreaId',
  },
  Payments: {
    name: 'RetailTransactionPaymentTrans',
    columns:
      'transactionId terminal store lineNum tenderType amountTendered cardOrAccount changeLine voidStatus dataAreaId',
  },
};

async function writeMethods(lake: string, settings: SampleSettings): Promise<void> {
  const folder = join(lake, settings.layout === 'cdm' ? 'RetailTenderTypeTable' : 'PaymentMethod');
  await mkdir(folder, { recursive: true });
  const header =
    settings.layout === 'cdm' || settings.layout === 'headerless'
      ? []
      : [['PAYMENTMETHODNUMBER', 'DEFAULTFUNCTION', 'NAME']];
  await writeFile(
    join(folder, 'PaymentMethod.csv'),
    [...header, ...paymentMethods].map((row) => `${row.join(',')}\n`).join(''),
  );
}

async function writeModel(lake: string, settings: SampleSettings): Promise<void> {
  const months = [...new Set(days(settings.start, settings.months, settings.days).map(({ month }) => month))];
  const entity = (name: string, columns: string[], parts: string[]) => ({
    $type: 'LocalEntity',
    name,
    attributes: columns.map((column) => ({ name: column, dataType: 'string' })),
    partitions: parts.map((part) => ({
      name: part,
      location: `https://sample.dfs.core.windows.net/lake/${name}/${part}.csv`,
      fileFormatSettings: { $type: 'CsvFormatSettings', columnHeaders: false, delimiter: ',' },
    })),
  });
  const model = {
    name: 'Sample',
    version: '1.0',
    entities: [
      ...writtenEntities.map((one) =>
        entity(commerceTables[one].name, commerceTables[one].columns.split(' '), months),
      ),
      entity('RetailTenderTypeTable', ['tenderTypeId', 'defaultFunction', 'name'], ['PaymentMethod']),
    ],
  };
  await writeFile(join(lake, 'model.json'), `${JSON.stringify(model, null, 2)}\n`);
}

async function toParquet(lake: string, part: string): Promise<void> {
  const { openEngine, literal } = await import('../../shared/duck.ts');
  const engine = await openEngine({ directory: lake, memoryBytes: 256 * 1048576, threads: 1 });
  for (const entity of writtenEntities) {
    const path = join(lake, entity, part);
    await engine.run(`COPY (SELECT * FROM read_csv(${literal(`${path}.csv`)}, all_varchar = true, header = true))
      TO ${literal(`${path}.parquet`)} (FORMAT parquet)`);
    await rm(`${path}.csv`);
  }
  engine.close();
  await rm(join(lake, 'spill'), { recursive: true, force: true });
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: '.holdfast/lp-sample' },
      seed: { type: 'string' },
      stores: { type: 'string' },
      staff: { type: 'string' },
      months: { type: 'string' },
      start: { type: 'string' },
      transactions: { type: 'string' },
      abuse: { type: 'string' },
      layout: { type: 'string' },
      delimiter: { type: 'string' },
      gzip: { type: 'boolean' },
      'no-roles': { type: 'boolean' },
    },
  });
  const number = (text: string | undefined, otherwise: number) =>
    text === undefined ? otherwise : Number(text);
  const delimiters = { comma: ',', semicolon: ';', tab: '\t' } as const;
  const settings: SampleSettings = {
    seed: number(values.seed, sampleDefaults.seed),
    stores: number(values.stores, sampleDefaults.stores),
    staffPerStore: number(values.staff, sampleDefaults.staffPerStore),
    months: number(values.months, sampleDefaults.months),
    start: values.start ?? sampleDefaults.start,
    transactionsPerMonth: number(values.transactions, sampleDefaults.transactionsPerMonth),
    abuse: number(values.abuse, sampleDefaults.abuse),
    layout: layouts.find((layout) => layout === values.layout) ?? sampleDefaults.layout,
    delimiter:
      values.delimiter === 'semicolon' || values.delimiter === 'tab' ? delimiters[values.delimiter] : ',',
    gzip: values.gzip ?? false,
    roles: !values['no-roles'],
  };
  const { lines, files } = await generate(values.out, settings);
  process.stdout.write(
    `${lines} rows in ${files} files below ${values.out}/lake; what was planted is in truth.json\n`,
  );
}
