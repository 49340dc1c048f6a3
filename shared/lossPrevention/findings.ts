import type { Engine } from '../duck.ts';
import { type Analysis, analyse, analyseTwice, type EntityScore, type ReasonScore } from './analysis.ts';
import { type Cell, gather, inferRoles, staffCells } from './cells.ts';
import { type Reason, reasons } from './reasons.ts';
import {
  asideSql,
  type MonthSources,
  ofCustomers,
  ofProducts,
  type Place,
  placesOf,
  tillRows,
  uniqueTerminals,
} from './sources.ts';
import { at } from './sums.ts';

export const kinds = ['staff', 'terminals', 'stores', 'customers', 'products'] as const;
export type Kind = (typeof kinds)[number];

export interface FindingSettings {
  /** the rate given to Benjamini–Hochberg */
  rate: number;
  /** the score from which an entity counts as anomalous; DFP's were 560 for staff and 760 for terminals */
  thresholds: Readonly<Record<Kind, number>>;
  /** entities of a kind that get reasons and a page even if fewer are flagged, and pages there are at most */
  leastPages: number;
  mostPages: number;
}

export const findingDefaults: FindingSettings = {
  rate: 0.02,
  thresholds: { staff: 560, terminals: 760, stores: 560, customers: 560, products: 560 },
  leastPages: 10,
  mostPages: 300,
};

/** The result of a run: the same data give the same findings, byte for byte of their JSON. */
export interface Findings {
  months: string[];
  /** whether the data said who is what, or the mix of work had to tell */
  roles: 'given' | 'inferred';
  rate: number;
  transactions: number;
  sections: Record<Kind, Section>;
}

export interface Section {
  threshold: number;
  /** entities looked at, and those with a score at or above the threshold in some month */
  count: number;
  flagged: number;
  /** mean score of all by month */
  average: number[];
  entities: Entity[];
}

export interface Entity {
  id: string;
  /** where it belongs: the store of a person, the category of a product … */
  place: string;
  role: string;
  currency: string;
  scores: number[];
  max: number;
  /** mean of the months with activity */
  mean: number;
  /** months with a score at or above the threshold */
  above: number;
  flagged: boolean;
  /** minus the decimal logarithm of the least p: what the list is ordered by */
  risk: number;
  /** cents beyond the peers' by month, in returns and in discounts; for those with details */
  returnsStake: number[];
  discountsStake: number[];
  /** the strongest reason of the worst month */
  main: string;
  /** it has its own page in the dashboard */
  page: boolean;
  /** reasons of each month, best first; of the flagged, and those that have a page */
  reasons?: ReasonScore[][];
}

const returnReasons = new Set([
  'returns',
  'returnValue',
  'noReceipt',
  'cash',
  'otherStore',
  'soon',
  'closing',
  'round',
  'sameCard',
]);

/** Products have no payments or closing times of their own, customers no say in overrides. */
const productReasons = new Set([
  'returns',
  'noReceipt',
  'cash',
  'otherStore',
  'manual',
  'deepManual',
  'overrides',
  'deepOverrides',
  'withheld',
]);
const customerReasons = new Set([
  'returns',
  'returnValue',
  'noReceipt',
  'cash',
  'otherStore',
  'soon',
  'closing',
  'manual',
  'deepManual',
  'overrides',
  'deepOverrides',
]);

/** Scores staff, then terminals, stores, products and customers without the transactions of the staff flagged. */
export async function findAnomalies(
  engine: Engine,
  sources: MonthSources,
  months: readonly string[],
  settings: FindingSettings = findingDefaults,
): Promise<Findings> {
  // One kind after the other, so that only one is in memory.
  const scored = (kind: Kind, list: readonly Reason[], cells: readonly Cell[], twice = false) => {
    const threshold = settings.thresholds[kind];
    const options = { months: months.length, reasons: list, rate: settings.rate, threshold };
    const analysis = twice ? analyseTwice(cells, options) : analyse(cells, options);
    const section = (places: ReadonlyMap<string, Place>) =>
      sectionOf(analysis, places, cells, threshold, months.length, settings);
    return { flagged: analysis.flagged, section };
  };
  const ofStaff = await scoreStaff(engine, sources, scored);
  const { flagged } = ofStaff;
  const tills = await scoreTills(engine, sources, flagged, scored);
  const only = (names: ReadonlySet<string>) => reasons.filter((reason) => names.has(reason.id));
  const customers = await ofCustomers(engine, sources.customers, flagged);
  const customerSection = scored('customers', only(customerReasons), customers.cells).section(
    customers.places,
  );
  const products = await ofProducts(engine, sources.products, flagged);
  return {
    months: [...months],
    roles: ofStaff.roles,
    rate: settings.rate,
    transactions: ofStaff.transactions,
    sections: {
      staff: ofStaff.section,
      ...tills,
      customers: customerSection,
      products: scored('products', only(productReasons), products.cells).section(products.places),
    },
  };
}

type Scored = (
  kind: Kind,
  list: readonly Reason[],
  cells: readonly Cell[],
  twice?: boolean,
) => { flagged: ReadonlySet<string>; section(places: ReadonlyMap<string, Place>): Section };

async function scoreStaff(engine: Engine, sources: MonthSources, scored: Scored) {
  const rows = await tillRows(engine, sources.tills, ['staff', 'store', 'region', 'role', 'currency']);
  const given = rows.some((row) => row.role !== '');
  const inferred = given ? undefined : inferRoles(rows);
  if (inferred) for (const row of rows) row.role = inferred.get(row.staff) ?? '';
  const { flagged, section } = scored('staff', reasons, staffCells(rows), true);
  const places = placesOf(
    rows,
    (row) => row.staff,
    (row) => row.store,
    (row) => row.role,
  );
  return {
    roles: given ? ('given' as const) : ('inferred' as const),
    transactions: rows.reduce((sum, row) => sum + row.sums[at.transactions]! + row.sums[at.voids]!, 0),
    flagged,
    section: section(places),
  };
}

/** Terminals and stores, without what the flagged staff did. */
async function scoreTills(
  engine: Engine,
  sources: MonthSources,
  flagged: ReadonlySet<string>,
  scored: Scored,
) {
  const dimensions = ['terminal', 'store', 'region', 'currency'] as const;
  const rows = await tillRows(engine, sources.tills, dimensions, asideSql(flagged));
  const terminalName = uniqueTerminals(rows);
  const terminals = gather(rows, (row) =>
    row.terminal === ''
      ? undefined
      : { id: terminalName(row), month: row.month, group: row.store, region: row.region, role: '', site: '' },
  );
  const stores = gather(rows, (row) => ({
    id: row.store,
    month: row.month,
    group: row.region,
    region: '',
    role: '',
    site: '',
  }));
  const noRole = () => '';
  return {
    terminals: scored('terminals', reasons, terminals).section(
      placesOf(rows, terminalName, (row) => row.store, noRole),
    ),
    stores: scored('stores', reasons, stores).section(
      placesOf(
        rows,
        (row) => row.store,
        (row) => row.region,
        noRole,
      ),
    ),
  };
}

function sectionOf(
  analysis: Analysis,
  places: ReadonlyMap<string, Place>,
  cells: readonly Cell[],
  threshold: number,
  months: number,
  settings: FindingSettings,
): Section {
  const active = new Map<string, Set<number>>();
  for (const cell of cells) {
    const own = active.get(cell.id);
    if (own) own.add(cell.month);
    else active.set(cell.id, new Set([cell.month]));
  }
  const wanted = new Set(
    analysis.entities
      .filter((entity, i) => entity.flagged || i < settings.leastPages)
      .map((entity) => entity.id),
  );
  const pages = new Set([...wanted].slice(0, settings.mostPages));
  const details = analysis.detail(wanted);
  const average = Array.from({ length: months }, (_, m) => {
    const present = analysis.entities.filter((entity) => active.get(entity.id)?.has(m));
    const sum = present.reduce((total, entity) => total + entity.months[m]!.score, 0);
    return present.length === 0 ? 0 : Math.round((10 * sum) / present.length) / 10;
  });
  return {
    threshold,
    count: analysis.entities.length,
    flagged: analysis.flagged.size,
    average,
    entities: analysis.entities.map((entity) =>
      entityOf(
        entity,
        places.get(entity.id),
        active.get(entity.id) ?? new Set(),
        threshold,
        details.get(entity.id),
        pages.has(entity.id),
      ),
    ),
  };
}

function entityOf(
  entity: EntityScore,
  place: Place | undefined,
  active: ReadonlySet<number>,
  threshold: number,
  detail: ReasonScore[][] | undefined,
  page: boolean,
): Entity {
  const scores = entity.months.map((month) => month.score);
  const worst = entity.months.reduce((a, b) => (b.p < a.p ? b : a));
  const sum = scores.reduce((total, score, m) => total + (active.has(m) ? score : 0), 0);
  return {
    id: entity.id,
    place: place?.place ?? '',
    role: place?.role ?? '',
    currency: place?.currency ?? '',
    scores,
    max: Math.max(...scores),
    mean: active.size === 0 ? 0 : Math.round((10 * sum) / active.size) / 10,
    above: scores.filter((score) => score >= threshold).length,
    flagged: entity.flagged,
    page,
    risk: Math.round(entity.risk * 1000) / 1000,
    returnsStake: detail ? detail.map((month) => stakeOf(month, true)) : [],
    discountsStake: detail ? detail.map((month) => stakeOf(month, false)) : [],
    main: worst.main ?? '',
    ...(detail ? { reasons: detail.map((month) => month.map(rounded)) } : {}),
  };
}

/** The reasons of one side overlap, so the money at stake is that of the largest, not their sum. */
function stakeOf(month: readonly ReasonScore[], returns: boolean): number {
  return Math.max(
    0,
    ...month
      .filter((reason) => returnReasons.has(reason.reason) === returns && reason.p < 0.01)
      .map((reason) => reason.stake),
  );
}

/** What is printed needs no more digits than a reader can use. */
function rounded(reason: ReasonScore): ReasonScore {
  const to = (value: number, digits: number) => Number(value.toPrecision(digits));
  return {
    ...reason,
    value: to(reason.value, 6),
    peer: to(reason.peer, 6),
    expected: to(reason.expected, 6),
    z: to(reason.z, 4),
    p: to(reason.p, 3),
  };
}
