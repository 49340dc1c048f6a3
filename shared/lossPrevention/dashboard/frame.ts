import { createHash } from 'node:crypto';
import { script, style } from './assets.ts';
import { type Html, html, trusted } from './html.ts';

/** What a content security policy calls a text by. */
export const integrity = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** What holds for every page; the last is heard in a header only. */
export const pageRules = ["base-uri 'none'", "frame-ancestors 'none'"];

const rules = [
  "default-src 'none'",
  `style-src ${integrity(style)}`,
  // charts place their texts by attributes
  "style-src-attr 'unsafe-inline'",
  `script-src ${integrity(script)}`,
  "form-action 'none'",
];

/** What a page may do: its own style and its one script, nothing from anywhere else. */
export const contentSecurityPolicy = [...rules, ...pageRules].join('; ');

const sections = [
  ['index.html', 'Overview'],
  ['staff.html', 'Staff'],
  ['terminals.html', 'Terminals'],
  ['stores.html', 'Stores'],
  ['customers.html', 'Customers'],
  ['products.html', 'Products'],
  ['runs.html', 'Runs'],
] as const;

/** A whole page. `up` leads from it to the folder of the dashboard ("" or "../"). */
export function page(title: string, here: string, up: string, body: Html): string {
  const links = sections.map(
    ([file, name]) =>
      html`<a href="${up}${file}"${trusted(file === here ? ' aria-current="page"' : '')}>${name}</a>`,
  );
  const { markup } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${[...rules, pageRules[0]!].join('; ')}">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${title} · Loss prevention</title>
<style>${trusted(style)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header><strong>Holdfast</strong><nav aria-label="Loss prevention">${links}</nav></header>
<main id="main">
<h1>${title}</h1>
${body}
</main>
<footer><p>A score says how unusual something is among its peers, not that anybody did wrong. Look into the transactions before you act, and involve Legal and Human Resources first.</p></footer>
<script>${trusted(script)}</script>
</body>
</html>
`;
  return markup;
}
