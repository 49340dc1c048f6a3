import { type Findings, type Kind, kinds } from '../findings.ts';
import { reasons } from '../reasons.ts';
import { openCharts } from './charts.ts';
import { entityFile, entityPage, gridPage, type JournalRow } from './entities.ts';
import { csv } from './format.ts';
import { type LakeNotes, overviewPage } from './overview.ts';

export type Put = (name: string, content: string, contentType: string) => Promise<void>;

/** Writes the whole dashboard: the data as JSON and CSV, and pages that need nothing but a browser. */
export async function writeDashboard(
  findings: Findings,
  notes: LakeNotes,
  journal: (kind: Kind, id: string) => readonly JournalRow[] | undefined,
  put: Put,
): Promise<void> {
  const charts = await openCharts();
  const risky = new Set(
    findings.sections.staff.entities.filter((entity) => entity.flagged).map((entity) => entity.id),
  );
  const text = (name: string, content: string) => put(name, content, 'text/csv; charset=utf-8');
  const pageOf = (name: string, content: string) => put(name, content, 'text/html; charset=utf-8');
  await put('result.json', `${JSON.stringify(findings)}\n`, 'application/json');
  for (const kind of kinds) {
    const section = findings.sections[kind];
    await text(`${kind}.csv`, sectionCsv(findings, kind));
    await pageOf(`${kind}.html`, gridPage(kind, findings));
    for (const entity of section.entities)
      if (entity.page)
        await pageOf(
          entityFile(kind, entity),
          entityPage(kind, entity, findings, charts, journal(kind, entity.id), risky),
        );
  }
  await text('reasons.csv', reasonsCsv(findings));
  await pageOf('index.html', overviewPage(findings, charts, notes));
}

function sectionCsv(findings: Findings, kind: Kind): string {
  const header = [
    'id',
    'place',
    'role',
    'currency',
    'maximum',
    'average',
    'months above',
    'flagged',
    'main reason',
    ...findings.months,
  ];
  return csv(
    header,
    findings.sections[kind].entities.map((entity) => [
      entity.id,
      entity.place,
      entity.role,
      entity.currency,
      entity.max,
      entity.mean,
      entity.above,
      entity.flagged ? 'yes' : 'no',
      entity.main,
      ...entity.scores,
    ]),
  );
}

function reasonsCsv(findings: Findings): string {
  const labels = new Map(reasons.map((reason) => [reason.id, reason.label]));
  const rows = kinds.flatMap((kind) =>
    findings.sections[kind].entities.flatMap((entity) =>
      (entity.reasons ?? []).flatMap((month, m) =>
        month.map((reason) => [
          kind,
          entity.id,
          findings.months[m]!,
          labels.get(reason.reason) ?? reason.reason,
          reason.value,
          reason.peer,
          reason.percentile,
          reason.stake / 100,
          entity.currency,
          reason.window,
          reason.observed,
          reason.expected,
          reason.z,
        ]),
      ),
    ),
  );
  return csv(
    [
      'kind',
      'id',
      'month',
      'reason',
      'value',
      'peers',
      'percentile',
      'at stake',
      'currency',
      'window',
      'seen',
      'expected',
      'z',
    ],
    rows,
  );
}
