import { historyTable } from '../shared/scoring/historyRows.ts';
import { openHistories } from '../shared/scoring/historyStore.ts';
import { directories } from '../shared/scoring/scorecardDirectories.ts';
import { openStorage } from '../shared/storage/index.ts';

/** What the history of a customer says: purchases counted, and how many of them are known to be fraud. */
export async function knownOf(
  connectionString: string,
  root: string,
  user: string,
): Promise<{ purchases: number; frauds: number }> {
  const storage = openStorage({ connectionString });
  await storage.ensure(historyTable);
  const store = openHistories(storage, directories);
  const { user: history } = await store.read(root, 'Purchase', [{ kind: 'user', key: user }]);
  const days = history?.days ?? [];
  const sum = (member: number) => days.reduce((all, value, at) => (at % 5 === member ? all + value : all), 0);
  return { purchases: sum(1), frauds: sum(4) };
}
