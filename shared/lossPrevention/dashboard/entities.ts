import type { ReasonScore } from '../analysis.ts';
import type { Entity, Findings, Kind, Section } from '../findings.ts';
import type { Charts } from './charts.ts';
import { count, exactMoney, money, pageName, percent } from './format.ts';
import { page } from './frame.ts';
import { type Html, html } from './html.ts';
import { atOrAbove } from './overview.ts';
import { filters, grid, kindTitles, reasonLabel, reasonUnit, unseenCaption } from './parts.ts';

/** A transaction that an investigator would look at. */
export interface JournalRow {
  day: string;
  second: number;
  number: string;
  staff: string;
  terminal: string;
  store: string;
  customer: string;
  currency: string;
  sold: number;
  discount: number;
  overridden: number;
  returned: number;
  voided: number;
  receipt: boolean;
  isReturn: boolean;
  cash: boolean;
  card: boolean;
  category: string;
}

const mostRows = 500;

/** The grid of one kind: everyone at or above the threshold, and the best of the rest up to 500 rows. */
export function gridPage(kind: Kind, findings: Findings): string {
  const section = findings.sections[kind];
  const titles = kindTitles[kind];
  const high = atOrAbove(section);
  const listed = [...high, ...section.entities.filter((entity) => entity.above === 0)].slice(
    0,
    Math.max(high.length, mostRows),
  );
  const hits = high.reduce((sum, entity) => sum + entity.above, 0);
  const mean = high.length === 0 ? 0 : high.reduce((sum, entity) => sum + entity.mean, 0) / high.length;
  return page(
    titles.title,
    `${kind}.html`,
    '',
    html`${filters(findings.months, section.threshold, { search: true })}
<dl class="tiles">
<div><dt>In the score range</dt><dd><span id="shown">${high.length}</span> <small>of ${count(section.count)}</small></dd></div>
<div><dt>Score count: months in the range</dt><dd id="hits">${hits}</dd></div>
<div><dt>Average score of these</dt><dd id="average">${mean.toFixed(1)}</dd></div>
</dl>
<p class="note">Scores from ${section.threshold} to 999 are unlikely to be chance; the highest risk comes first. All of them are in <a href="${kind}.csv">${kind}.csv</a>.</p>
${grid(kind, listed, `Top risk ${titles.title.toLowerCase()}`)}
<p id="none" role="status" hidden>None fits: lower the score, take more months, or search for less.</p>`,
  );
}

/** One entity: its score against everyone's, its reasons, and its transactions. */
export function entityPage(
  kind: Kind,
  entity: Entity,
  findings: Findings,
  charts: Charts,
  journal: readonly JournalRow[] | undefined,
  risky: ReadonlySet<string>,
): string {
  const section = findings.sections[kind];
  const months = entity.reasons ?? [];
  const worst = entity.scores.indexOf(entity.max);
  const ranked = months[worst] ?? [];
  const label = `Risk score by month against the average of all ${kindTitles[kind].title.toLowerCase()}`;
  return page(
    `${kindTitles[kind].title}: ${entity.id}`,
    '',
    '../',
    html`<p>${kindTitles[kind].place} ${entity.place || '–'}${entity.role && `, role ${entity.role}`} ${
      entity.flagged && html`<span class="flag">high risk</span>`
    }</p>
<dl class="tiles">
<div><dt>Maximum score</dt><dd>${entity.max} <small>in ${findings.months[worst] ?? ''}</small></dd></div>
<div><dt>Average score</dt><dd>${entity.mean.toFixed(1)}</dd></div>
<div><dt>Months at or above ${section.threshold}</dt><dd>${entity.above}</dd></div>
<div><dt>At stake in returns</dt><dd>${money(sum(entity.returnsStake), entity.currency)}</dd></div>
<div><dt>At stake in discounts</dt><dd>${money(sum(entity.discountsStake), entity.currency)}</dd></div>
</dl>
<figure><figcaption>${label}</figcaption>${charts.lines(
      label,
      findings.months,
      [
        { name: kindTitles[kind].one, values: entity.scores, color: 3 },
        { name: 'average', values: section.average, color: 0, dashed: true },
      ],
      { max: 999, threshold: section.threshold },
    )}${scoreTable(entity, section, findings.months)}</figure>
<h2>Reasons in ${findings.months[worst] ?? ''}, by percentile</h2>
${reasonTable(ranked, entity.currency)}
<h2>Reasons by month</h2>
${reasonDetails(months, findings.months, ranked, charts)}
${journal && transactions(journal, risky)}`,
  );
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function scoreTable(entity: Entity, section: Section, months: readonly string[]): Html {
  return html`<details><summary>As a table</summary><div class="scroll" tabindex="0"><table>${unseenCaption('Score by month')}<thead><tr><th scope="col">Month</th><th scope="col" class="n">Score</th><th scope="col" class="n">Average</th></tr></thead><tbody>${months.map(
    (month, m) =>
      html`<tr><th scope="row">${month}</th><td class="n">${entity.scores[m]!}</td><td class="n">${section.average[m]!}</td></tr>`,
  )}</tbody></table></div></details>`;
}

/** A percentile from which a reason stands out, as long as it is unlikely too. */
const high = (reason: ReasonScore) => reason.percentile >= 95 && reason.p < 0.01;

function reasonTable(ranked: readonly ReasonScore[], currency: string): Html {
  const rows = [...ranked].sort(
    (a, b) => Number(high(b)) - Number(high(a)) || b.percentile - a.percentile || a.p - b.p,
  );
  return html`<div class="scroll" tabindex="0"><table>${unseenCaption('Reasons, by percentile')}<thead><tr><th scope="col">Reason</th><th scope="col" class="n">Value</th><th scope="col" class="n">Peers</th><th scope="col" class="n">Percentile</th><th scope="col" class="n">At stake</th><th scope="col">Strongest in</th><th scope="col" class="n">Seen</th><th scope="col" class="n">Expected</th><th scope="col" class="n">z</th></tr></thead><tbody>${rows.map(
    (reason) =>
      html`<tr${high(reason) ? html` class="high"` : html``}><th scope="row">${reasonLabel(reason.reason)}${
        high(reason) && html` <span class="flag">high</span>`
      }</th><td class="n">${percent(reason.value)}</td><td class="n">${percent(reason.peer)}</td><td class="n">${reason.percentile.toFixed(1)}</td><td class="n">${money(reason.stake, currency)}</td><td>${
        reason.window === 1 ? 'this month' : `${reason.window} months`
      }</td><td class="n">${seen(reason, reason.observed, currency)}</td><td class="n">${seen(reason, reason.expected, currency)}</td><td class="n">${(Math.round(reason.z * 10) / 10 + 0).toFixed(1)}</td></tr>`,
  )}</tbody></table></div>
<p class="note">Value and peers are shares (${unitList(rows)}); the peers' is what others of the same role and store would have shown in the same place.</p>`;
}

const moneyReasons = new Set(['returnValue', 'depth', 'overrideDepth']);

function seen(reason: ReasonScore, value: number, currency: string): string {
  if (moneyReasons.has(reason.reason)) return money(value, currency);
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}

function unitList(rows: readonly ReasonScore[]): string {
  return [...new Set(rows.map((reason) => reasonUnit(reason.reason)))].join(', ');
}

function reasonDetails(
  months: readonly (readonly ReasonScore[])[],
  names: readonly string[],
  ranked: readonly ReasonScore[],
  charts: Charts,
): Html {
  const drawn = ranked.slice(0, 3).map((reason) => reason.reason);
  const all = [...new Set(months.flatMap((month) => month.map((reason) => reason.reason)))];
  const order = [...drawn, ...all.filter((reason) => !drawn.includes(reason)).sort()];
  return html`${order.map((id, i) => {
    const found = months.map((month) => month.find((reason) => reason.reason === id));
    const label = `${reasonLabel(id)}, ${reasonUnit(id)}`;
    const share = (value: number | undefined) =>
      value === undefined ? null : Math.round(value * 100_000) / 1000;
    const chart =
      i < drawn.length &&
      charts.lines(
        label,
        names,
        [
          { name: 'value', values: found.map((reason) => share(reason?.value)), color: 3 },
          { name: 'peers', values: found.map((reason) => share(reason?.peer)), color: 0, dashed: true },
        ],
        { percent: true },
      );
    const open = i === 0 ? html` open` : html``;
    return html`<details${open}><summary>${label}</summary>${chart}<div class="scroll" tabindex="0"><table>${unseenCaption(label)}<thead><tr><th scope="col">Month</th><th scope="col" class="n">Value</th><th scope="col" class="n">Peers</th><th scope="col" class="n">Percentile</th></tr></thead><tbody>${found.map(
      (reason, m) =>
        html`<tr><th scope="row">${names[m]!}</th><td class="n">${reason ? percent(reason.value) : '–'}</td><td class="n">${reason ? percent(reason.peer) : '–'}</td><td class="n">${reason ? reason.percentile.toFixed(1) : '–'}</td></tr>`,
    )}</tbody></table></div></details>`;
  })}`;
}

function transactions(journal: readonly JournalRow[], risky: ReadonlySet<string>): Html {
  const rows = journal.map((row) => {
    const kind = row.voided > 0 ? 'void' : row.isReturn ? 'return' : 'sale';
    const tender = [row.cash && 'cash', row.card && 'card'].filter(Boolean).join(' and ') || 'other';
    const cents = (value: number) => (value === 0 ? '' : exactMoney(value, row.currency));
    return html`<tr><td class="n">${row.day} ${clock(row.second)}</td><td class="id">${row.number}</td><td class="id with">${
      risky.has(row.staff) && html`<span class="flag">risk</span> `
    }${row.staff}</td><td class="id">${row.terminal}</td><td>${kind}</td><td class="n">${cents(row.sold)}</td><td class="n">${cents(row.discount)}</td><td class="n">${cents(row.overridden)}</td><td class="n">${cents(row.returned)}</td><td>${
      row.isReturn ? (row.receipt ? 'yes' : 'no') : ''
    }</td><td>${tender}</td><td>${row.category}</td></tr>`;
  });
  return html`<h2>Transactions of the last six months</h2>
<p class="note">Those with a return, a void, a manual discount, a changed price or a withheld offer; the latest ${journal.length}. A mark stands before staff of high risk.</p>
<div class="scroll" tabindex="0"><table>${unseenCaption('Transactions')}<thead><tr><th scope="col">Time</th><th scope="col">Transaction</th><th scope="col">Staff</th><th scope="col">Terminal</th><th scope="col">Kind</th><th scope="col" class="n">Purchase</th><th scope="col" class="n">Discount</th><th scope="col" class="n">Price taken off</th><th scope="col" class="n">Return</th><th scope="col">Receipt</th><th scope="col">Paid by</th><th scope="col">Category</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function clock(second: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(Math.floor(second / 3600))}:${two(Math.floor(second / 60) % 60)}`;
}

/** Where an entity's page lies in the dashboard. */
export const entityFile = (kind: Kind, entity: Entity): string => `${kind}/${pageName(entity.id)}`;
