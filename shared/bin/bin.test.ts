import { describe, expect, it } from 'vitest';
import { openBins } from './bin.ts';

const file = `BIN,Issuer,Country_Code,card network,cardType,cardCategory,notes
411111,Contoso Bank,us,,Credit,Rewards,x
41111122,Contoso Prepaid,MX,Visa,Debit,Prepaid,y
990000,"Fabrikam, Inc.",DE,House card,,,
`;

interface Stored {
  content: Uint8Array;
  etag: string;
}

/** A blob that a test can replace, the clock beside it, and what was complained about. */
function world(text?: string) {
  let stored: Stored | undefined = text === undefined ? undefined : { content: Buffer.from(text), etag: '1' };
  let now = 0;
  const warnings: string[] = [];
  let downloads = 0;
  return {
    warnings,
    downloads: () => downloads,
    replace(next: string) {
      stored = { content: Buffer.from(next), etag: `${next.length}` };
    },
    remove() {
      stored = undefined;
    },
    wait(ms: number) {
      now += ms;
    },
    options: {
      blobs: {
        read: async () => {
          downloads++;
          return stored;
        },
        readIfChanged: async (_name: string, etag: string) => {
          if (!stored) return 'missing' as const;
          if (stored.etag === etag) return 'same' as const;
          downloads++;
          return stored;
        },
      },
      clock: () => now,
      warn: (message: string) => void warnings.push(message),
    },
  };
}

async function binsOf(text: string | undefined) {
  const { options } = world(text);
  const bins = openBins(text === undefined ? undefined : 'bins.csv', options);
  await bins.ready();
  return bins;
}

describe('BINs of the operator’s file', () => {
  it('are found by their longest prefix, with or without spaces', async () => {
    const bins = await binsOf(file);
    expect(bins.lookup('411111')).toEqual({
      cardNetwork: 'Visa',
      issuer: 'Contoso Bank',
      countryCode: 'US',
      cardType: 'Credit',
      cardCategory: 'Rewards',
    });
    expect(bins.lookup('4111 1122').issuer).toBe('Contoso Prepaid');
    expect(bins.lookup('4111-1123').issuer).toBe('Contoso Bank');
  });

  it('have the network of the file before that of the ranges', async () => {
    expect((await binsOf(file)).lookup('990000')).toEqual({
      cardNetwork: 'House card',
      issuer: 'Fabrikam, Inc.',
      countryCode: 'DE',
    });
  });

  it('that it lacks are an error, beside the network of the ranges', async () => {
    expect((await binsOf(file)).lookup('555555')).toEqual({
      cardNetwork: 'Mastercard',
      error: 'The BIN is not known.',
    });
  });
});

describe('without a file', () => {
  it.each([
    ['424242', 'Visa'],
    ['510510', 'Mastercard'],
    ['222100', 'Mastercard'],
    ['272099', 'Mastercard'],
    ['378282', 'American Express'],
    ['601111', 'Discover'],
    ['305693', 'Diners Club'],
    ['353011', 'JCB'],
    ['622126', 'UnionPay'],
    ['676210', 'Maestro'],
    ['220220', 'Mir'],
    ['652150', 'RuPay'],
  ])('%s is %s by the public ranges', async (bin, cardNetwork) => {
    expect((await binsOf(undefined)).lookup(bin)).toEqual({ cardNetwork });
  });

  it.each(['222099', '272100', '000000', '999999'])('%s is of no known network', async (bin) => {
    expect((await binsOf(undefined)).lookup(bin)).toEqual({ error: 'The BIN is not known.' });
  });

  it.each(['', '12345', 'abcdef', '4'.repeat(20), '411111x'])('%j is no BIN', async (bin) => {
    expect((await binsOf(undefined)).lookup(bin).error).toMatch(/first 6 digits/);
  });

  it('whole card numbers have to be as long as their network’s are', async () => {
    const bins = await binsOf(undefined);
    expect(bins.lookup('4111111111111111').error).toBeUndefined();
    expect(bins.lookup('411111111111111')).toEqual({
      cardNetwork: 'Visa',
      error: 'Visa has no card numbers of 15 digits.',
    });
    expect(bins.lookup('378282246310005').error).toBeUndefined();
  });
});

describe('the file', () => {
  it('is read once, and again in the background when it changed', async () => {
    const around = world(file);
    const bins = openBins('bins.csv', around.options);
    await Promise.all([bins.ready(), bins.ready()]);
    await bins.ready();
    expect(around.downloads()).toBe(1);
    around.wait(6 * 60_000);
    await bins.ready();
    await new Promise(setImmediate);
    expect(around.downloads()).toBe(1);
    around.replace('bin,issuer\n411111,New Bank');
    around.wait(6 * 60_000);
    await bins.ready();
    await new Promise(setImmediate);
    expect(bins.lookup('411111').issuer).toBe('New Bank');
  });

  it('that is gone or broken later stays in force as it was, with a warning', async () => {
    const around = world(file);
    const bins = openBins('bins.csv', around.options);
    await bins.ready();
    around.replace('bin,issuer\n4x,Bad');
    around.wait(6 * 60_000);
    await bins.ready();
    await new Promise(setImmediate);
    expect(around.warnings).toEqual(['The file bins.csv cannot be used: row 1 has "4x" as its BIN.']);
    around.remove();
    around.wait(61_000);
    await bins.ready();
    await new Promise(setImmediate);
    expect(around.warnings[1]).toBe('The file bins.csv cannot be used: it is not there.');
    expect(bins.lookup('411111').issuer).toBe('Contoso Bank');
  });

  it('that is not there yet is looked for again after a minute', async () => {
    const around = world();
    const bins = openBins('bins.csv', around.options);
    await bins.ready();
    expect(bins.lookup('411111')).toEqual({ cardNetwork: 'Visa' });
    around.replace(file);
    await bins.ready();
    expect(bins.lookup('411111').issuer).toBeUndefined();
    around.wait(61_000);
    await bins.ready();
    await new Promise(setImmediate);
    expect(bins.lookup('411111').issuer).toBe('Contoso Bank');
  });

  it('without a column of BINs is refused', async () => {
    const around = world('issuer\nx');
    await openBins('bins.csv', around.options).ready();
    expect(around.warnings[0]).toContain('no column "bin"');
  });
});
