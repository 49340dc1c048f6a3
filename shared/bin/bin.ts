import { openReferenceFile, type ReferenceOptions } from '../referenceFile.ts';
import { networkOf } from './networks.ts';
import { type BinRow, readBinTable } from './table.ts';

/** What is known about a bank identification number; `error` says what is wrong where it is not known. */
export interface BinAnswer extends BinRow {
  error?: string;
}

export interface Bins {
  /** Resolves when look-ups may begin; never rejects. Call it before each assessment: it keeps the file current. */
  ready(): Promise<void>;
  /** `bin` is the first six digits of a card number or more, with spaces or hyphens between them or not. */
  lookup(bin: string): BinAnswer;
}

/**
 * Banks of cards, from the operator's CSV; the network, where the file does not name it, from public ranges. `error` is absent
 * where the file has the BIN, or, without a file, where its network is known.
 */
export function openBins(
  place: string | undefined,
  options: Pick<ReferenceOptions<unknown>, 'blobs' | 'clock' | 'warn'>,
): Bins {
  const file = openReferenceFile({ ...options, place, parse: readBinTable });
  return {
    ready: file.ready,
    lookup(bin) {
      const digits = bin.replaceAll(/[\s-]/g, '');
      if (!/^\d{6,19}$/.test(digits))
        return { error: 'A BIN is the first 6 digits of a card number or more.' };
      const network = networkOf(digits);
      const row = file.content()?.find(digits);
      const answer: BinAnswer = { ...(network ? { cardNetwork: network.name } : {}), ...row };
      // from 12 digits on it is a whole card number
      if (digits.length >= 12 && network && !network.lengths.includes(digits.length))
        return { ...answer, error: `${network.name} has no card numbers of ${digits.length} digits.` };
      if (row || (network && !file.content())) return answer;
      return { ...answer, error: 'The BIN is not known.' };
    },
  };
}
