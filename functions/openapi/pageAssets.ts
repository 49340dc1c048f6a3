/** The page's style sheet: system fonts, the reader's own light or dark, one column that fits a phone. */
export const style = `
:root{color-scheme:light dark;--ink:light-dark(#1b1f24,#e6e8eb);--soft:light-dark(#57606a,#9aa4af);--paper:light-dark(#fff,#14171a);--card:light-dark(#f6f8fa,#1c2126);--line:light-dark(#d0d7de,#343b43);--link:light-dark(#0550ae,#79b8ff)}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:1rem;font:1rem/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
a{color:var(--link)}h1{font-size:1.6rem;margin:.5rem 0}h1 small{color:var(--soft);font-weight:400;font-size:1rem}
h2{font-size:1.2rem;margin:2rem 0 .25rem}h3{font-size:1rem;margin:1rem 0 .25rem}section>p,#found{color:var(--soft);margin:0 0 .5rem}
header{position:relative}.search{position:sticky;top:0;display:flex;gap:.5rem;align-items:center;padding:.5rem 0;background:var(--paper);z-index:1}
.search input{flex:1;min-width:0;font:inherit;padding:.5rem .75rem;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:.5rem}
details.operation,details.schema{border:1px solid var(--line);border-radius:.5rem;margin:.4rem 0;background:var(--card)}
details.others{margin:.4rem 0}details.others>summary{padding:.5rem .75rem;cursor:pointer;color:var(--soft)}
details.operation>summary,details.schema>summary{padding:.5rem .75rem;cursor:pointer;overflow-wrap:anywhere}
summary:focus-visible,input:focus-visible,a:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.body,details.schema>div,details.schema>p{padding:0 .75rem .75rem;margin:0}.what{color:var(--soft);display:block}.older>summary>code{color:var(--soft)}
.method{display:inline-block;min-width:4.2rem;text-align:center;font:600 .8rem/1.6 ui-monospace,monospace;border-radius:.3rem;color:#fff;background:#57606a}
.method.get{background:#0a5db0}.method.post{background:#1a7037}.method.put{background:#8a5300}.method.delete{background:#b3261e}
code,pre{font:.875em/1.45 ui-monospace,SFMono-Regular,Menlo,monospace}pre{overflow-x:auto;padding:.75rem;background:var(--paper);border:1px solid var(--line);border-radius:.5rem}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:500}small{color:var(--soft)}details.inner{display:inline-block}details.inner>summary{cursor:pointer;color:var(--link)}[hidden]{display:none}
`;

/** Search, and opening what a link points at. Nothing is loaded from anywhere. */
export const script = `
const input = document.getElementById('search'), found = document.getElementById('found');
const all = [...document.querySelectorAll('[data-search]')];
const others = [...document.querySelectorAll('details.others')];
const sections = [...document.querySelectorAll('main > section')];
function search() {
  const words = input.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let shown = 0;
  for (const each of all) {
    each.hidden = !words.every((word) => each.dataset.search.includes(word));
    if (!each.hidden && each.classList.contains('operation')) shown++;
  }
  for (const group of others) {
    group.hidden = !group.querySelector('[data-search]:not([hidden])');
    group.open = words.length > 0 && !group.hidden;
  }
  for (const section of sections) section.hidden = !section.querySelector('[data-search]:not([hidden])');
  found.textContent = shown + (shown === 1 ? ' operation' : ' operations');
}
input.addEventListener('input', search);
function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target || target.tagName !== 'DETAILS') return;
  for (let each = target; each.tagName !== 'MAIN'; each = each.parentElement) {
    each.hidden = false;
    if (each.tagName === 'DETAILS') each.open = true;
  }
  target.scrollIntoView();
}
addEventListener('hashchange', reveal);
reveal();
`;
