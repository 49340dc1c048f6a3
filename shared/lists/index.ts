export { maxListBytes } from './csv.ts';
export type { ListContent, ListReader, ListRow, Lists, ParsedList } from './lists.ts';
export { openLists } from './lists.ts';
export type {
  StoredSupportEntry,
  SupportChange,
  SupportEntry,
  SupportLists,
  SupportStatus,
  SupportValue,
  SupportWritten,
} from './supportLists.ts';
export { findSupportList, openSupportLists, supportListNames, supportLists } from './supportLists.ts';
