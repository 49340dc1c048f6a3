import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Engine, openEngine } from '../duck.ts';
import { sniff } from '../sniff.ts';
import { forgetFacts, makeFacts } from './facts.ts';
import { folderFiles } from './files.ts';
import { dayOf, entityOf, findLayout } from './layout.ts';
import { isHeader, type Mapping, mappingSchema } from './mapping.ts';
import { bringUpToDate } from './night.ts';
import { emptyTables } from './read.ts';
import { entityNames, schemaFields } from './schema.ts';

let root: string;
let engine: Engine;
let lake = '';
let cases = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lp-input-'));
  engine = await openEngine({ directory: join(root, 'work'), memoryBytes: 256 * 1048576, threads: 1 });
});

beforeEach(() => {
  lake = join(root, `lake-${cases++}`);
});

afterAll(async () => {
  engine?.close();
  await rm(root, { recursive: true, force: true });
});

async function put(name: string, content: string): Promise<void> {
  await mkdir(dirname(join(lake, name)), { recursive: true });
  await writeFile(join(lake, name), content);
}

const night = (mapping?: Mapping) =>
  bringUpToDate({
    lake: folderFiles(lake),
    out: folderFiles(`${lake}-out`),
    engine,
    prefix: '',
    ...(mapping ? { mapping } : {}),
    largestFileBytes: 1e9,
    signal: new AbortController().signal,
    progress: () => undefined,
  });

const read = async (name: string) => new TextDecoder().decode(await folderFiles(`${lake}-out`).read(name));

const header = 'TRANSACTIONNUMBER,TERMINAL,STAFF,TRANSACTIONDATE,NETAMOUNT,COMMENT';
const row = (n: number, comment = '') => `T${n},R1,E1,2026-03-01T10:00:00.0000000Z,12.50,${comment}`;
const rows = (count: number) => Array.from({ length: count }, (_, i) => row(i));

describe('the engine', () => {
  it('reaches its own folder and nothing else, and cannot be talked into more', async () => {
    const attempts = [
      `SELECT * FROM read_csv('/etc/passwd')`,
      `SELECT * FROM read_text('${root}/work/../lake')`,
      `COPY (SELECT 1) TO '${root}/elsewhere.csv'`,
      'INSTALL httpfs',
      'LOAD httpfs',
      `SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')`,
      `ATTACH '${root}/other.db'`,
      `SET enable_external_access = true`,
      `SET memory_limit = '8GB'`,
      `RESET lock_configuration`,
    ];
    for (const sql of attempts) await expect(engine.run(sql), sql).rejects.toThrow();
    await engine.run(`COPY (SELECT 1 AS one) TO '${root}/work/own.parquet'`);
    expect(await engine.rows(`SELECT * FROM '${root}/work/own.parquet'`)).toEqual([{ one: 1 }]);
  });
});

describe('finding what lies in a lake', () => {
  it('knows entities and days by the names of files and folders', () => {
    expect(entityOf('lp/Transactions/2026-01-05.csv')).toBe('Transactions');
    expect(entityOf('transactions/sales_20260105.tsv')).toBe('Sales');
    expect(entityOf('PaymentMethods.csv')).toBe('PaymentMethod');
    expect(entityOf('RetailTransactionPaymentTrans')).toBe('Payments');
    expect(entityOf('readme.csv')).toBeUndefined();
    expect(dayOf('Transactions/2026-01-05.csv')).toBe('2026-01-05');
    expect(dayOf('y/2026/01/05/part-0001.csv')).toBe('2026-01-05');
    expect(dayOf('year=2026/month=01/day=05/x.parquet')).toBe('2026-01-05');
    expect(dayOf('sales_20260105.csv')).toBe('2026-01-05');
    expect(dayOf('2026-01.csv')).toBe('2026-01');
    expect(dayOf('part-00012345678.csv')).toBe('all');
  });

  it('puts the files of a day together, and what stands beside it apart', async () => {
    for (const name of [
      'a/Sales/2026-01-05.csv',
      'a/Transactions/2026-01-05.csv',
      'b/Transactions/2026-01-05.csv',
      'a/PaymentMethod.csv',
      'notes.txt',
    ])
      await put(name, 'x');
    const layout = await findLayout(folderFiles(lake), '');
    expect(layout.units.map((unit) => unit.files.map((file) => file.name))).toEqual([
      ['a/Sales/2026-01-05.csv', 'a/Transactions/2026-01-05.csv'],
      ['b/Transactions/2026-01-05.csv'],
    ]);
    expect(layout.methods.map((file) => file.name)).toEqual(['a/PaymentMethod.csv']);
    expect(layout.ignored).toBe(1);
  });

  it('finds delimiter and header by looking', () => {
    const shape = (text: string) => {
      const found = sniff(Buffer.from(text), false, { header: isHeader });
      return found.ok
        ? [found.shape.delimiter, found.shape.header, found.shape.columns.length]
        : found.reason;
    };
    expect(shape(`${header}\n${row(1)}\n`)).toEqual([',', true, 6]);
    expect(shape('\uFEFFTERMINAL;STAFF\n"a;b";c,d\n')).toEqual([';', true, 2]);
    expect(shape(`${schemaFields.PaymentMethod.map((_, i) => `v${i}`).join('\t')}\n`)).toEqual([
      '\t',
      false,
      3,
    ]);
    expect(shape('a,b\n1,2')).toEqual([',', false, 2]);
    expect(shape('a\0b')).toContain('NUL');
  });
});

describe('reading upload files', () => {
  it('keeps quoted delimiters and line breaks, and puts bad rows into a reject file with row and reason', async () => {
    const good = rows(300);
    good[10] = row(10, '"two\nlines, and a ""quote"""');
    good.splice(20, 0, 'T900,R1,E1,yesterday,12.50,');
    good.splice(30, 0, ',R1,E1,2026-03-01,12.50,');
    await put('Transactions/2026-03-01.csv', `${header}\n${good.join('\n')}\n`);
    const result = await night();
    expect(result.units[0]?.record).toMatchObject({ transactions: 300, rejects: 2 });
    const rejects = (await read(`${result.units[0]!.folder}/rejects.csv`)).split('\r\n');
    expect(rejects[1]).toContain(
      `Transactions/2026-03-01.csv,22,TRANSACTIONDATE,"Could not convert string ""yesterday"" to 'TIMESTAMP'"`,
    );
    expect(rejects[2]).toContain('Transactions/2026-03-01.csv,32,TRANSACTIONNUMBER,empty or not readable');
    expect(rejects).toHaveLength(4);
  });

  it('stops a file with more than one bad row in a hundred, and leaves its day out', async () => {
    await put('Transactions/2026-03-01.csv', `${header}\n${rows(97).join('\n')}\nx,y\nz\n`);
    await put('Transactions/2026-03-02.csv', `${header}\n${rows(99).join('\n')}\nx,y\n`);
    const result = await night();
    expect(result.units.map((unit) => unit.record.files.map((file) => file.name))).toEqual([
      ['Transactions/2026-03-02.csv'],
    ]);
    expect(result.problems).toEqual([
      {
        file: 'Transactions/2026-03-01.csv',
        reason:
          'not used: 2 of 99 rows are bad, more than 1 %; the first: row 99, TERMINAL: Expected Number of Columns: 6 Found: 2',
      },
    ]);
  });

  it('keeps rejected rows only until their file is mended or gone', async () => {
    const rejects = async () => {
      const found: string[] = [];
      for await (const { name } of folderFiles(`${lake}-out`).list('partials/'))
        if (name.endsWith('/rejects.csv')) found.push(await read(name));
      return found;
    };
    const bad = 'T900,R1,E1,yesterday,12.50,Jane Doe';
    await put('Transactions/2026-03-01.csv', `${header}\n${[...rows(120), bad].join('\n')}\n`);
    await put('Transactions/2026-03-02.csv', `${header}\n${bad}\n`);
    await night();
    // of a day that is used and of one that is not, also when they were read in a night before
    await night();
    expect(await rejects()).toEqual([expect.stringContaining('Jane'), expect.stringContaining('Jane')]);
    await put('Transactions/2026-03-01.csv', `${header}\n${rows(120).join('\n')}\n`);
    await rm(join(lake, 'Transactions/2026-03-02.csv'));
    await night();
    expect(await rejects()).toEqual([]);
  });

  it('shows what a bad cell held in the reject file alone', async () => {
    const bad = 'T900,R1,E1,Jane "4111" Doe,12.50,';
    await put('Transactions/2026-03-01.csv', `${header}\n${bad}\n`);
    expect((await night()).problems).toEqual([
      {
        file: 'Transactions/2026-03-01.csv',
        reason:
          'not used: 1 of 1 rows are bad, more than 1 %; the first: row 2, TRANSACTIONDATE: Could not convert string …',
      },
    ]);
  });

  it('does not let an open quote swallow the rest of a file', async () => {
    const list = rows(500);
    list[100] = row(100, '"open');
    await put('Transactions/2026-03-01.csv', `${header}\n${list.join('\n')}\n`);
    const result = await night();
    expect(result.units).toEqual([]);
    expect(result.problems[0]?.reason).toBe('not used: row 102 opens a quote that is never closed');
  });

  it('counts what has no transaction and what stands there twice', async () => {
    await put('Transactions/2026-03-01.csv', `${header}\n${[...rows(5), row(2)].join('\n')}\n`);
    await put(
      'Sales/2026-03-01.csv',
      `TRANSACTIONNUMBER,TERMINAL,ITEMID,NETAMOUNT\n${['T1', 'T2', 'T77'].map((id) => `${id},R1,P1,5.00`).join('\n')}\n`,
    );
    const result = await night();
    expect(result.units[0]?.record).toMatchObject({ transactions: 6, duplicates: 1, unmatched: 1 });
  });

  it('survives amounts that no till can have taken', async () => {
    const list = rows(120).map((text) => text.replace('12.50', '99999999999999.99'));
    await put('Transactions/2026-03-01.csv', `${header}\n${list.join('\n')}\n`);
    const lines = list.map((_, n) => `T${n},R1,P1,-99999999999999,99999999999999,99999999999999`);
    const columns = 'TRANSACTIONNUMBER,TERMINAL,ITEMID,NETAMOUNT,QUANTITY,PRICE';
    await put('Sales/2026-03-01.csv', `${columns}\n${[...lines, ...lines].join('\n')}\n`);
    const result = await night();
    expect(result.units[0]?.record).toMatchObject({ transactions: 120, lines: 240 });
    const tills = join(`${lake}-out`, result.units[0]!.folder, 'tills.parquet');
    await copyFile(tills, join(root, 'work', 'tills.parquet'));
    const [sum] = await engine.rows(`SELECT sold, gross FROM '${root}/work/tills.parquet'`);
    expect(sum).toEqual({ sold: Number.MAX_SAFE_INTEGER, gross: Number.MAX_SAFE_INTEGER });
  });

  it('waits for the Transactions of a day', async () => {
    await put('Sales/2026-03-01.csv', 'TRANSACTIONNUMBER,TERMINAL,ITEMID,NETAMOUNT\nT1,R1,P1,5.00\n');
    expect((await night()).problems[0]?.reason).toContain('no Transactions for the same day');
    await put('Transactions/2026-03-01.csv', `${header}\n${row(1)}\n`);
    expect((await night()).units).toHaveLength(1);
  });
});

describe('a saved mapping', () => {
  const mapping = mappingSchema.parse({
    sources: [
      {
        files: 'shop/*.csv',
        entities: {
          Transactions: {
            distinct: true,
            fields: {
              TRANSACTIONNUMBER: 'Invoice',
              TRANSACTIONDATE: 'When',
              CURRENCY: { value: 'GBP' },
              SALEISRETURNSALE: { startsWith: ['Invoice', 'C'] },
            },
          },
          Sales: {
            fields: {
              TRANSACTIONNUMBER: 'Invoice',
              ITEMID: 'Code',
              QUANTITY: 'Quantity',
              PRICE: 'Price',
              NETAMOUNT: { product: ['Quantity', 'Price'] },
            },
          },
        },
      },
    ],
  });

  it('makes transactions and lines of one file with other names', async () => {
    await put(
      'shop/all.csv',
      'Invoice,Code,Quantity,When,Price\n1,A,2,2026-01-01 10:00,1.25\n1,B,1,2026-01-01 10:00,3\nC2,A,-1,2026-01-02 09:00,1.25\n',
    );
    const result = await night(mapping);
    expect(result.problems).toEqual([]);
    expect(result.units[0]?.record).toMatchObject({
      transactions: 2,
      lines: 3,
      months: [{ month: '2026-01', days: 2 }],
    });
    const sums = await engine.rows('SELECT number, sold, returned, currency FROM fact ORDER BY number');
    expect(sums).toEqual([
      { number: '1', sold: 550, returned: 0, currency: 'GBP' },
      { number: 'C2', sold: 0, returned: 125, currency: 'GBP' },
    ]);
  });

  it('says which column a file lacks', async () => {
    await put('shop/all.csv', 'Invoice,Quantity,When,Price\n1,2,2026-01-01,1.25\n');
    expect((await night(mapping)).problems[0]?.reason).toBe(
      'not used: the mapping names a column that the file lacks: Code',
    );
  });
});

describe('CDM folders', () => {
  it('apply the change feed in the order of its log sequence numbers', async () => {
    const attributes = ['RECID', 'transactionId', 'terminal', 'transDate', 'netAmount', 'staff'];
    const feed = ['Start_LSN', 'Seq_Val', 'DML_Action', ...attributes];
    const entity = (name: string, path: string) => ({
      entityName: name,
      entityPath: `${path}/RetailTransactionTable`,
    });
    const definition = (names: string[]) =>
      JSON.stringify({
        definitions: [
          { entityName: 'RetailTransactionTable', hasAttributes: names.map((name) => ({ name })) },
        ],
      });
    await put(
      'cdm/Tables.manifest.cdm.json',
      JSON.stringify({
        entities: [
          {
            ...entity('RetailTransactionTable', 'Retail.cdm.json'),
            dataPartitions: [{ location: 'Tables/RetailTransactionTable_1.csv' }],
          },
          {
            ...entity('RetailTransactionTable', 'Feed.cdm.json'),
            dataPartitions: [
              { location: 'ChangeFeed/RetailTransactionTable/2.csv' },
              { location: 'gone.csv' },
            ],
          },
        ],
      }),
    );
    await put('cdm/Retail.cdm.json', definition(attributes));
    await put('cdm/Feed.cdm.json', definition(feed));
    await put(
      'cdm/Tables/RetailTransactionTable_1.csv',
      '1,T1,R1,2026-01-05,10.00,E1\n2,T2,R1,2026-01-05,20.00,E1\n3,T3,R1,2026-01-05,30.00,E1\n',
    );
    await put(
      'cdm/ChangeFeed/RetailTransactionTable/2.csv',
      [
        '0x0002,2,AFTER_UPDATE,1,T1,R1,2026-01-05,12.00,E2',
        '0x0001,1,AFTER_UPDATE,1,T1,R1,2026-01-05,11.00,E1',
        '0x0003,1,DELETE,2,T2,R1,2026-01-05,20.00,E1',
        '0x0004,1,INSERT,4,T4,R1,2026-01-06,40.00,E1',
        '0x0002,1,BEFORE_UPDATE,1,T1,R1,2026-01-05,11.00,E1',
      ].join('\n'),
    );
    const result = await night();
    expect(result.problems.map((problem) => problem.reason)).toEqual([
      'names a partition that is not there: gone.csv',
    ]);
    expect(await engine.rows('SELECT number, staff, sold FROM fact ORDER BY number')).toEqual([
      { number: 'T1', staff: 'E2', sold: 1200 },
      { number: 'T3', staff: 'E1', sold: 3000 },
      { number: 'T4', staff: 'E1', sold: 4000 },
    ]);
  });

  it('take discounts from the discount lines of Commerce', async () => {
    await forgetFacts(engine);
    for (const sql of emptyTables(entityNames)) await engine.run(sql);
    const blank = `0`;
    await engine.run(
      `INSERT INTO raw_Transactions (unit, number, terminal, date) VALUES (0, 'T1', 'R1', TIMESTAMP '2026-01-01 10:00:00')`,
    );
    await engine.run(
      `INSERT INTO raw_Sales (unit, number, terminal, line, item, price, original, net, quantity) VALUES (0, 'T1', 'R1', 1, 'P1', 10, 10, 6, 1)`,
    );
    await engine.run(
      `INSERT INTO raw_Discounts VALUES (0, 'T1', 'R1', NULL, NULL, 1, 3, '2', NULL, ${blank}), (0, 'T1', 'R1', NULL, NULL, 1, 1, '0', 'O1', ${blank})`,
    );
    await makeFacts(engine, ['1']);
    expect(
      await engine.rows('SELECT manualValue, deepManual, discountValue, offers, withheld FROM fact'),
    ).toEqual([{ manualValue: 300, deepManual: 1, discountValue: 400, offers: 1, withheld: 0 }]);
  });
});
