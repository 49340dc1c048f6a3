import type { Entity, Kind } from '../findings.ts';
import { reasons } from '../reasons.ts';
import { money, pageName } from './format.ts';
import { type Html, html } from './html.ts';

export const kindTitles: Readonly<Record<Kind, { title: string; one: string; place: string }>> = {
  staff: { title: 'Staff', one: 'staff', place: 'Store' },
  terminals: { title: 'Terminals', one: 'terminal', place: 'Store' },
  stores: { title: 'Stores', one: 'store', place: 'Region' },
  customers: { title: 'Customers', one: 'customer', place: 'Main store' },
  products: { title: 'Products', one: 'product', place: 'Category' },
};

const labels = new Map(reasons.map((reason) => [reason.id, reason]));
export const reasonLabel = (id: string): string => labels.get(id)?.label ?? '–';
export const reasonUnit = (id: string): string => labels.get(id)?.unit ?? '';

/** Month range, score range and search; shown by the script that makes them work. */
export function filters(
  months: readonly string[],
  threshold: number,
  more: { search?: true; terminals?: number },
): Html {
  const options = (chosen: number) =>
    months.map((month, m) =>
      m === chosen
        ? html`<option value="${m}" selected>${month}</option>`
        : html`<option value="${m}">${month}</option>`,
    );
  return html`<form class="filters" hidden>
<label>Months from <select name="from">${options(0)}</select></label>
<label>to <select name="to">${options(months.length - 1)}</select></label>
<label>${more.terminals === undefined ? 'Score from' : 'Staff score from'} <input type="number" name="low" min="0" max="999" value="${threshold}"></label>
${
  more.terminals !== undefined &&
  html`<label>Terminals from <input type="number" name="lowTerminals" min="0" max="999" value="${more.terminals}"></label>`
}
<label>to <input type="number" name="high" min="0" max="999" value="999"></label>
${more.search && html`<label>Search <input type="search" name="search" autocomplete="off"></label>`}
</form>`;
}

/** The caption of a table that the words around it introduce already: for those who hear the page. */
export const unseenCaption = (text: string): Html => html`<caption class="unseen">${text}</caption>`;

/** The top-risk grid. `plain` tables are not filtered. */
export function grid(kind: Kind, entities: readonly Entity[], caption: string, plain = false): Html {
  const { place } = kindTitles[kind];
  const roles = entities.some((entity) => entity.role !== '');
  // scores first: on a phone the rest is a swipe away
  const head = html`<tr><th scope="col">${kindTitles[kind].title}</th><th scope="col" class="n">Maximum score</th><th scope="col" class="n">Average score</th><th scope="col" class="n">Score count</th><th scope="col">Strongest reason</th><th scope="col" class="n">Money at stake</th><th scope="col">${place}</th>${
    roles && html`<th scope="col">Role</th>`
  }</tr>`;
  const rows = entities.map((entity) => {
    const stake = [...entity.returnsStake, ...entity.discountsStake].reduce((sum, cents) => sum + cents, 0);
    const name = entity.page ? html`<a href="${kind}/${pageName(entity.id)}">${entity.id}</a>` : entity.id;
    const cells = html`<th scope="row" class="id${entity.flagged && ' with'}">${name}${entity.flagged && html` <span class="flag">high</span>`}</th><td class="n" data-k="max">${entity.max}</td><td class="n" data-k="mean">${entity.mean.toFixed(1)}</td><td class="n" data-k="above">${entity.above}</td><td>${reasonLabel(entity.main)}</td><td class="n">${
      entity.reasons ? money(stake, entity.currency) : '–'
    }</td><td class="id">${entity.place}</td>${roles && html`<td>${entity.role}</td>`}`;
    return plain
      ? html`<tr>${cells}</tr>`
      : html`<tr data-id="${entity.id}" data-scores="${entity.scores.join(',')}">${cells}</tr>`;
  });
  return html`<div class="scroll" tabindex="0"><table${plain ? html`` : html` class="sortable"`}><caption>${caption}</caption><thead>${head}</thead><tbody>${rows}</tbody></table></div>`;
}
