import type { TillRow } from '../../shared/lossPrevention/cells.ts';
import { addDay, closeCards, newTotals, type Totals } from './aggregate.ts';
import { days } from './calendar.ts';
import { newMemory, storeDay } from './day.ts';
import { makeWorld, type World, type WorldSettings } from './world.ts';

/** A world's transactions straight into sums, without files: for measuring the analysis on much data. */
export function streamSums(settings: WorldSettings): { world: World; totals: Totals } {
  const world = makeWorld(settings);
  const memories = world.stores.map(() => newMemory());
  const totals = newTotals();
  days(settings.start, settings.months).forEach(({ month, monthIndex }, day) => {
    for (let s = 0; s < world.stores.length; s++)
      addDay(totals, world.stores[s]!, month, storeDay(world, s, day, monthIndex, memories[s]!), false);
  });
  closeCards(totals);
  return { world, totals };
}

/** The hand-written sums as rows of the month roll-up. */
export function tillRows(totals: Totals): TillRow[] {
  const months = [...new Set([...totals.tills.keys()].map((key) => key.slice(0, 7)))].sort();
  return [...totals.tills]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, sums]) => {
      const [month = '', staff = '', terminal = '', store = '', role = '', region = ''] = key.split('|');
      return { month: months.indexOf(month), staff, terminal, store, role, region, sums };
    });
}
