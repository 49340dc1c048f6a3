import { style } from './assets.ts';
import { integrity, pageRules } from './frame.ts';
import { type Html, html, trusted } from './html.ts';

/** Takes the code from the part of the address that browsers send to nobody, and out of the history. */
const script = `
(function(){
  'use strict';
  var code=location.hash.slice(1);if(!/^[\\w-]{20,}$/.test(code))return;
  history.replaceState(null,'',location.pathname);
  var form=document.querySelector('form');form.elements.code.value=code;form.submit();
})();
`;

/** What the page that takes codes may do: send its form to where it comes from. */
export const openPolicy = [
  "default-src 'none'",
  `style-src ${integrity(style)}`,
  `script-src ${integrity(script)}`,
  "form-action 'self'",
  ...pageRules,
].join('; ');

/** The page that opens a dashboard with a code: from the link by itself, by hand where there is no script. */
export function openPage(action: string, says: string): string {
  return notice(
    'Open a dashboard',
    html`<p>${says}</p>
<form method="post" action="${action}" class="filters">
<label>Code <input name="code" required autocomplete="off" spellcheck="false" size="44"></label>
<button type="submit">Open</button>
</form>
<p class="note">The code is the part of the link after the sign #. It opens one session, within ten minutes. Where it comes from: docs/loss-prevention.md, “In a browser”. Where you have a session already, <a href="">try again</a>.</p>
<script>${trusted(script)}</script>`,
  );
}

/** A page that says one thing. */
export function notice(title: string, body: Html): string {
  const { markup } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${title} · Loss prevention</title>
<style>${trusted(style)}</style>
</head>
<body>
<header><strong>Holdfast</strong></header>
<main id="main">
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;
  return markup;
}
