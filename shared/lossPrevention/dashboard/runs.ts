import { kinds } from '../findings.ts';
import type { RunRecord } from '../runs.ts';
import { count } from './format.ts';
import { page } from './frame.ts';
import { type Html, html } from './html.ts';
import { kindTitles } from './parts.ts';

/** The page of the latest runs, newest first, with the progress of one that is under way; it then reloads itself. */
export function runsPage(records: readonly RunRecord[]): string {
  const active = records.some((record) => record.status === 'running' || record.status === 'queued');
  const body = html`${records.length === 0 && html`<p>No run has been asked for yet.</p>`}${
    active &&
    html`<p class="note">This page loads itself anew every five seconds until the run has ended.</p>`
  }${records.map(runOf)}`;
  const whole = page('Runs', 'runs.html', '', body);
  return active ? whole.replace('<title>', '<meta http-equiv="refresh" content="5">\n<title>') : whole;
}

function runOf(record: RunRecord): Html {
  const { by, progress, reason, requested, started, finished, status, summary } = record;
  return html`<h2>${time(requested)}: ${status === 'failed' ? html`<span class="flag">failed</span>` : status}</h2>
${reason && html`<p>${reason}</p>`}${progress && status !== 'succeeded' && progressOf(progress)}
<dl class="facts">
<dt>Asked for by</dt><dd>${by === 'schedule' ? 'the nightly schedule' : by}</dd>
${started && html`<dt>${finished ? 'Took' : 'Began'}</dt><dd>${finished ? duration(started, finished) : time(started)}</dd>`}
${summary && summaryOf(summary)}</dl>
${summary && problemsOf(summary.problems)}`;
}

function summaryOf(summary: NonNullable<RunRecord['summary']>): Html {
  const { months, transactions, unitsRead, rowsRead, rejects, unmatched, duplicates } = summary;
  const flagged = kinds.map((kind) => `${summary.flagged[kind]} ${kindTitles[kind].title.toLowerCase()}`);
  return html`<dt>Looked at</dt><dd>${count(transactions)} transactions, ${months[0] ?? ''} to ${months.at(-1) ?? ''}</dd>
<dt>Read anew</dt><dd>${count(unitsRead)} days or folders, ${count(rowsRead)} rows</dd>
<dt>High risk</dt><dd>${flagged.join(', ')}</dd>
<dt>Left out</dt><dd>${count(rejects)} rows rejected, ${count(unmatched)} lines without a transaction, ${count(duplicates)} transactions that stood there twice, ${count(summary.problems.length)} files</dd>
`;
}

const shownProblems = 20;

function problemsOf(problems: readonly { file: string; reason: string }[]): Html {
  if (problems.length === 0) return html``;
  return html`<details><summary>Files that are not part of the result</summary><ul>${problems
    .slice(0, shownProblems)
    .map(({ file, reason }) => html`<li>${file}: ${reason}</li>`)}${
    problems.length > shownProblems && html`<li>and ${count(problems.length - shownProblems)} more</li>`
  }</ul></details>`;
}

const steps = { reading: 'reading', scoring: 'comparing', writing: 'writing the pages' } as const;

function progressOf(progress: NonNullable<RunRecord['progress']>): Html {
  const { daysDone, daysAll, rows, rejects, step, secondsLeft } = progress;
  return html`<p><progress max="${Math.max(1, daysAll)}" value="${daysDone}" aria-label="days done"></progress><br>
${count(daysDone)} of ${count(daysAll)} days or folders, ${count(rows)} rows, ${count(rejects)} rejected; ${steps[step]}${
    secondsLeft !== undefined && `, about ${words(secondsLeft)} left`
  }</p>`;
}

const time = (instant: string) => `${instant.slice(0, 16).replace('T', ' ')} UTC`;

function duration(from: string, to: string): string {
  return words(Math.round((Date.parse(to) - Date.parse(from)) / 1000));
}

function words(seconds: number): string {
  if (seconds < 120) return `${seconds} seconds`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} minutes` : `${Math.floor(minutes / 60)} hours ${minutes % 60} minutes`;
}
