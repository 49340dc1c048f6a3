import { type Entity, type Findings, type Kind, kinds, type Section } from '../findings.ts';
import type { FileProblem } from '../layout.ts';
import type { Charts } from './charts.ts';
import { count, money } from './format.ts';
import { page } from './frame.ts';
import { embeddedJson, type Html, html } from './html.ts';
import { filters, grid, kindTitles, reasonLabel, unseenCaption } from './parts.ts';

/** What the lake held that is not in the result. */
export interface LakeNotes {
  problems: readonly FileProblem[];
  rejects: number;
  unmatched: number;
  duplicates: number;
}

/** The first page: what there is to gain, how many are anomalous, who leads the list. */
export function overviewPage(findings: Findings, charts: Charts, notes: LakeNotes): string {
  const { staff, terminals } = findings.sections;
  const first = findings.months[0] ?? '';
  const last = findings.months.at(-1) ?? '';
  // not all data name staff or terminals
  const tills = [staff, terminals].some((section) => section.count > 0);
  const leading = kinds.filter((kind) => findings.sections[kind].count > 0);
  return page(
    'Overview',
    'index.html',
    '',
    html`<p>${count(findings.transactions)} transactions from ${first} to ${last}.${
      staff.count === 0
        ? ' The data name no staff: what can be compared is below.'
        : findings.roles === 'inferred' &&
          ' The data name no roles; peers were found by the mix of work people do.'
    }</p>
${lakeNotes(notes)}
<dl class="tiles">${leading.map((kind) => found(kind, findings.sections[kind]))}</dl>
${tills && filters(findings.months, staff.threshold, { terminals: terminals.threshold })}
${staff.count > 0 && opportunity('staff', 'Revenue opportunity by staff', staff)}
${terminals.count > 0 && opportunity('terminals', 'Revenue opportunity by terminal', terminals)}
<div class="pair">${
      staff.count > 0 && bins('Anomalous staff by month and score', findings.months, staff, charts)
    }
${
  terminals.count > 0 && bins('Anomalous terminals by month and score', findings.months, terminals, charts)
}</div>
<h2>Highest risk</h2>
${(staff.count > 0 ? (['staff'] as const) : leading).map((kind) => highest(kind, findings.sections[kind]))}
${staff.count > 0 && html`<h2>What speaks against them</h2>${reasonTable(staff)}`}
<p class="note">Files: <a href="result.json">result.json</a>, <a href="staff.csv">staff.csv</a>, <a href="terminals.csv">terminals.csv</a>, <a href="stores.csv">stores.csv</a>, <a href="customers.csv">customers.csv</a>, <a href="products.csv">products.csv</a>, <a href="reasons.csv">reasons.csv</a></p>
<script type="application/json" id="stakes">${embeddedJson({ staff: stakes(staff), terminals: stakes(terminals) })}</script>`,
  );
}

function found(kind: Kind, section: Section): Html {
  return html`<div><dt><a href="${kind}.html">${kindTitles[kind].title}</a> of high risk</dt><dd>${section.flagged} <small>of ${count(section.count)}</small></dd></div>`;
}

function highest(kind: Kind, section: Section): Html {
  const { title } = kindTitles[kind];
  const flagged = section.entities.filter((entity) => entity.flagged).slice(0, 10);
  if (flagged.length === 0) return html`<p>None of the ${title.toLowerCase()} is of high risk.</p>`;
  return html`${grid(kind, flagged, `${title} with the highest risk`, true)}
<p><a href="${kind}.html">All ${title.toLowerCase()} at or above ${section.threshold}</a></p>`;
}

function lakeNotes(notes: LakeNotes): Html {
  const { problems, rejects, unmatched, duplicates } = notes;
  if (problems.length + rejects + unmatched + duplicates === 0) return html``;
  const shown = problems.slice(0, 200);
  return html`<details><summary>${count(problems.length)} files are not part of this; ${count(rejects)} rows were rejected, ${count(unmatched)} lines have no transaction, ${count(duplicates)} transactions stood there twice</summary>
${
  shown.length > 0 &&
  html`<div class="scroll" tabindex="0"><table>${unseenCaption('Files left out')}<thead><tr><th scope="col">File</th><th scope="col">Why</th></tr></thead><tbody>${shown.map(
    (problem) => html`<tr><td class="id">${problem.file}</td><td>${problem.reason}</td></tr>`,
  )}</tbody></table></div>`
}</details>`;
}

const anomalous = (section: Section) =>
  section.entities.filter((entity) => entity.reasons && entity.above > 0);

function stakes(section: Section) {
  return anomalous(section).map((entity) => ({
    s: entity.scores,
    r: entity.returnsStake,
    d: entity.discountsStake,
    c: entity.currency,
  }));
}

function opportunity(kind: Kind, title: string, section: Section): Html {
  const by = new Map<string, { returns: number; discounts: number }>();
  for (const entity of anomalous(section))
    entity.scores.forEach((score, m) => {
      if (score < section.threshold) return;
      const sum = by.get(entity.currency) ?? { returns: 0, discounts: 0 };
      sum.returns += entity.returnsStake[m] ?? 0;
      sum.discounts += entity.discountsStake[m] ?? 0;
      by.set(entity.currency, sum);
    });
  const list = (of: (sum: { returns: number; discounts: number }) => number) =>
    [...by]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([currency, sum]) => money(of(sum), currency))
      .join(' · ') || '0';
  return html`<h2>${title}</h2>
<dl class="tiles">
<div><dt>Returns</dt><dd id="${kind}-returns">${list((sum) => sum.returns)}</dd></div>
<div><dt>Discounts</dt><dd id="${kind}-discounts">${list((sum) => sum.discounts)}</dd></div>
<div><dt>Total</dt><dd id="${kind}-total">${list((sum) => sum.returns + sum.discounts)}</dd></div>
<div><dt>${kind === 'staff' ? 'Staff' : 'Terminals'} in the score range</dt><dd><span id="${kind}-who">${anomalous(section).length}</span> <small>of ${count(section.count)}</small></dd></div>
</dl>
<p class="note">Money beyond what their peers returned or took off, in the months whose score is in the range (${section.threshold} to 999 unless you change it).</p>`;
}

function bins(title: string, months: readonly string[], section: Section, charts: Charts): Html {
  const edges = [section.threshold, ...[600, 700, 800, 900].filter((edge) => edge > section.threshold), 1000];
  const series = edges.slice(0, -1).map((from, i) => ({
    name: `${from}–${edges[i + 1]! - 1}`,
    color: i,
    values: months.map(
      (_, m) =>
        section.entities.filter((entity) => entity.scores[m]! >= from && entity.scores[m]! < edges[i + 1]!)
          .length,
    ),
  }));
  return html`<figure><figcaption>${title}</figcaption>${charts.columns(title, months, series)}
<details><summary>As a table</summary><div class="scroll" tabindex="0"><table>${unseenCaption(title)}<thead><tr><th scope="col">Month</th>${series.map(
    ({ name }) => html`<th scope="col" class="n">${name}</th>`,
  )}</tr></thead><tbody>${months.map(
    (month, m) =>
      html`<tr data-month="${m}"><th scope="row">${month}</th>${series.map(({ values }) => html`<td class="n">${values[m]!}</td>`)}</tr>`,
  )}</tbody></table></div></details></figure>`;
}

function reasonTable(section: Section): Html {
  const counts = new Map<string, number>();
  for (const entity of section.entities)
    if (entity.flagged) counts.set(entity.main, (counts.get(entity.main) ?? 0) + 1);
  const rows = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  if (rows.length === 0) return html`<p>Nobody is at or above ${section.threshold}.</p>`;
  return html`<div class="scroll" tabindex="0"><table>${unseenCaption('Strongest reasons')}<thead><tr><th scope="col">Strongest reason</th><th scope="col" class="n">Staff</th></tr></thead><tbody>${rows.map(
    ([reason, n]) => html`<tr><th scope="row">${reasonLabel(reason)}</th><td class="n">${n}</td></tr>`,
  )}</tbody></table></div>`;
}

/** Entities that the first page and grids count. */
export const atOrAbove = (section: Section): Entity[] =>
  section.entities.filter((entity) => entity.above > 0);
