export { type BinAnswer, type Bins, openBins } from './bin.ts';
