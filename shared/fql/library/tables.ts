import { library } from './index.ts';
import type { Member } from './member.ts';

const headings: readonly (readonly [owner: string, title: string])[] = [
  ['String', 'Strings'],
  ['Strings', 'Parts of a Split'],
  ['CharSet', 'Character sets'],
  ['Math', 'Math'],
  ['DateTime', 'DateTime'],
  ['TimeSpan', 'TimeSpan'],
  ['Convert', 'Convert'],
  ['Int32', 'Int32'],
  ['Double', 'Double'],
  ['Boolean', 'Boolean'],
  ['Json', 'JSON values'],
  ['Array', 'JSON arrays'],
  ['Response', 'Answers of calls, and the decision'],
  ['Request', 'The request'],
  ['', 'Functions that stand alone'],
  ['Pattern', 'Patterns of a text'],
  ['Patterns', 'Regular expressions'],
  ['Geo', 'Geo'],
  ['BIN', 'BIN'],
  ['Bin', 'What BIN.Lookup gives'],
  ['Device', 'Device'],
];

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const code = (text: string): string => (text === '' ? '' : `\`${cell(text)}\``);

function signature(m: Member): string {
  const params = m.params
    .map((p) => `${p.constant ? 'constant ' : ''}${p.type} ${p.name}${m.rest === undefined ? '' : ' …'}`)
    .join(', ');
  const call = m.kind === 'property' ? m.name : `${m.name}(${params})`;
  if (m.receiver !== undefined) return `.${call}`;
  return m.owner === '' ? call : `${m.owner}.${call}`;
}

/** What the member gives for a missing attribute, where a text or number is read from one. */
const many: Readonly<Record<Member['lift'], string>> = { any: 'any', map: 'each', first: 'first' };

/** The library as Markdown, one table a family: generated, so that documentation and language cannot differ. */
export function libraryTables(): string {
  const parts = headings.flatMap(([owner, title]) => {
    const rows = library.filter((m) => m.owner === owner);
    if (rows.length === 0) return [];
    const lines = rows.map((m) => {
      const [example, value] = m.example;
      return `| ${code(signature(m))} | ${m.result === 'Json' ? 'JSON' : m.result} | ${cell(m.summary)} | ${many[m.lift]} | ${cell(m.faults ?? '–')} | ${code(example)} | ${code(JSON.stringify(value))} |`;
    });
    return [
      `### ${title}\n\n| signature | gives | what it does | arrays | faults | example | value |\n|---|---|---|---|---|---|---|\n${lines.join('\n')}\n`,
    ];
  });
  return parts.join('\n');
}
