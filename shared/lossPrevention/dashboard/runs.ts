import type { RunRecord } from '../runs.ts';
import { count } from './format.ts';
import { page } from './frame.ts';
import { type Html, html } from './html.ts';

/** The page of the latest runs, newest first, with the progress of one that is under way; it then reloads itself. */
export function runsPage(records: readonly RunRecord[]): string {
  const active = records.some((record) => record.status === 'running' || record.status === 'queued');
  const body = html`${records.length === 0 && html`<p>No run has been asked for yet.</p>`}${records.map(runOf)}`;
  const whole = page('Runs', 'runs.html', '', body);
  return active ? whole.replace('<title>', '<meta http-equiv="refresh" content="5">\n<title>') : whole;
}

function runOf(record: RunRecord): Html {
  const { progress, summary } = record;
  return html`<h2>${record.requested.slice(0, 16).replace('T', ' ')} UTC, ${record.status}</h2>
<p>Asked for by ${record.by}${record.reason && html`. ${record.reason}`}</p>
${progress && record.status !== 'succeeded' && progressOf(progress)}${
  summary &&
  html`<p>${count(summary.transactions)} transactions of ${summary.months.length} months. Read anew: ${summary.unitsRead} days, ${count(summary.rowsRead)} rows. Rejected: ${count(summary.rejects)} rows; ${summary.problems.length} files are not part of the result.</p>`
}`;
}

function progressOf(progress: NonNullable<RunRecord['progress']>): Html {
  const { daysDone, daysAll, rows, rejects, step, secondsLeft } = progress;
  return html`<p><progress max="${Math.max(1, daysAll)}" value="${daysDone}" aria-label="days done"></progress> ${daysDone} of ${daysAll} days, ${count(rows)} rows, ${count(rejects)} rejected, ${step}${
    secondsLeft !== undefined && html`, about ${secondsLeft} seconds left`
  }</p>`;
}
