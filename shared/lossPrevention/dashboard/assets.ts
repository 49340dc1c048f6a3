/** The style of every page: readable on a phone, in print, in light and dark. */
export const style = `
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--panel:#f4f6f8;--rule:#c9d1d9;--muted:#57606a;--link:#0550ae;--mark:#b3261e;--marktext:#fff}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--panel:#161b22;--rule:#3d444d;--muted:#9198a1;--link:#79b8ff;--mark:#ff8a80;--marktext:#1b0000}}
*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
header,main,footer{max-width:72rem;margin:0 auto;padding:.75rem 1rem}
header{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;align-items:baseline;border-bottom:1px solid var(--rule)}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1rem}
a{color:var(--link)}nav a[aria-current]{color:inherit;font-weight:600;text-decoration:none}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;background:var(--paper);padding:.5rem}
h1{font-size:1.6rem;margin:.5rem 0;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:1.5rem 0 .5rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;margin:0;padding:0}
.tiles>div{background:var(--panel);border:1px solid var(--rule);border-radius:.5rem;padding:.6rem .8rem;min-width:0}
.tiles dt{color:var(--muted);font-size:.875rem}.tiles dd{margin:0;font-size:1.35rem;font-weight:600;overflow-wrap:anywhere}
.tiles small{display:block;font-weight:400;font-size:.8rem;color:var(--muted)}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem}
figure{margin:.75rem 0 0;min-width:0}figcaption{color:var(--muted);font-size:.9rem;margin-bottom:.25rem}
.chart{width:100%;max-width:36rem;height:auto;display:block}
.scroll{overflow-x:auto;border:1px solid var(--rule);border-radius:.5rem}.scroll:focus-visible{outline:2px solid var(--link)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.92rem}
caption{text-align:left;padding:.4rem .6rem;color:var(--muted)}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--rule);vertical-align:top}
td.id,th[scope=row]{overflow-wrap:break-word;max-width:22rem;font-weight:400}
.with{white-space:nowrap}.with a{display:inline-block;max-width:16rem;white-space:normal;overflow-wrap:break-word;vertical-align:top}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
caption.unseen{padding:0}th[scope=row]{min-width:8rem}
progress{width:100%;max-width:24rem;accent-color:var(--link)}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.25rem 0}.facts dt{color:var(--muted)}.facts dd{margin:0;overflow-wrap:anywhere}
thead th{background:var(--panel);white-space:nowrap}
.n{text-align:right;white-space:nowrap}
tr.high th,tr.high td{font-weight:600}
.flag{background:var(--mark);color:var(--marktext);border-radius:.25rem;padding:0 .35rem;font-size:.8rem;font-weight:600;white-space:nowrap}
.note{color:var(--muted)}
form.filters{display:flex;flex-wrap:wrap;gap:.5rem 1rem;margin:.75rem 0;padding:.6rem .8rem;background:var(--panel);border:1px solid var(--rule);border-radius:.5rem}
form.filters label{display:flex;gap:.4rem;align-items:center}
input,select,button{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--rule);border-radius:.3rem;padding:.2rem .4rem}
input[type=number]{width:5.5rem}th button{border:0;background:none;padding:0;font-weight:inherit;cursor:pointer;text-decoration:underline dotted}
[hidden]{display:none!important}
details{margin:.5rem 0}summary{cursor:pointer}
footer{border-top:1px solid var(--rule);margin-top:2rem;color:var(--muted);font-size:.875rem}
@media print{form.filters,nav,.skip{display:none!important}.scroll{overflow:visible;border:0}header,main,footer{max-width:none}details:not([open])>*{display:revert}a{color:inherit;text-decoration:none}}
`;

/**
 * What a reader with script gets on top: month range, score range, search and sorting, all from what the page already
 * holds. Without it the page shows everything from its threshold up.
 */
export const script = `
(function(){
  'use strict';
  var form=document.querySelector('form.filters');if(!form)return;form.hidden=false;
  function val(name){var e=form.elements[name];return e?e.value:'';}
  function nums(text){return text?text.split(',').map(Number):[];}
  var rows=[].slice.call(document.querySelectorAll('tr[data-scores]')).map(function(tr){
    return {tr:tr,id:(tr.getAttribute('data-id')||'').toLowerCase(),scores:nums(tr.getAttribute('data-scores'))};});
  var data=document.getElementById('stakes');var stakes=data?JSON.parse(data.textContent):null;
  function set(id,text){var e=document.getElementById(id);if(e)e.textContent=text;}
  function money(cents,currency){try{return new Intl.NumberFormat('en',{style:'currency',currency:currency,maximumFractionDigits:0}).format(cents/100);}
    catch(e){return Math.round(cents/100)+' '+currency;}}
  function apply(){
    var from=Number(val('from')),to=Number(val('to')),low=Number(val('low')),high=Number(val('high')),text=val('search').toLowerCase();
    var shown=0,hits=0,sum=0;
    rows.forEach(function(row){
      var max=0,total=0,n=0,above=0;
      for(var m=from;m<=to&&m<row.scores.length;m++){var s=row.scores[m];if(s>max)max=s;total+=s;n++;if(s>=low&&s<=high)above++;}
      var mean=n?total/n:0;
      var ok=above>0&&(text===''||row.id.indexOf(text)>=0);
      row.tr.hidden=!ok;
      if(ok){shown++;hits+=above;sum+=mean;}
      var cells=row.tr.querySelectorAll('[data-k]');
      for(var i=0;i<cells.length;i++){var k=cells[i].getAttribute('data-k');
        cells[i].textContent=k==='max'?String(max):k==='mean'?mean.toFixed(1):String(above);}
    });
    var none=document.getElementById('none');if(none)none.hidden=shown>0;
    set('shown',String(shown));set('hits',String(hits));set('average',shown?(sum/shown).toFixed(1):'0');
    [].forEach.call(document.querySelectorAll('[data-month]'),function(e){var m=Number(e.getAttribute('data-month'));e.hidden=m<from||m>to;});
    if(stakes)Object.keys(stakes).forEach(function(kind){
      var by={},who=0,least=kind==='terminals'&&form.elements.lowTerminals?Number(val('lowTerminals')):low;
      stakes[kind].forEach(function(e){var used=false;for(var m=from;m<=to;m++){if(e.s[m]>=least&&e.s[m]<=high){used=true;
        var c=by[e.c]||(by[e.c]=[0,0]);c[0]+=e.r[m]||0;c[1]+=e.d[m]||0;}}if(used)who++;});
      var list=function(f){var t=Object.keys(by).sort().map(function(c){return money(f(by[c]),c);}).join(' · ');return t||'0';};
      set(kind+'-returns',list(function(x){return x[0];}));set(kind+'-discounts',list(function(x){return x[1];}));
      set(kind+'-total',list(function(x){return x[0]+x[1];}));set(kind+'-who',String(who));
    });
  }
  form.addEventListener('input',apply);form.addEventListener('submit',function(e){e.preventDefault();});
  [].forEach.call(document.querySelectorAll('table.sortable thead th'),function(th,col){
    var label=th.textContent;var b=document.createElement('button');b.type='button';b.textContent=label;th.textContent='';th.appendChild(b);
    b.addEventListener('click',function(){
      var down=th.getAttribute('aria-sort')!=='descending';
      [].forEach.call(th.parentNode.children,function(o){o.removeAttribute('aria-sort');});
      th.setAttribute('aria-sort',down?'descending':'ascending');
      var body=th.closest('table').tBodies[0];
      [].slice.call(body.rows).sort(function(a,b){
        var x=a.cells[col].textContent,y=b.cells[col].textContent,p=parseFloat(x.replace(/[^0-9.-]/g,'')),q=parseFloat(y.replace(/[^0-9.-]/g,''));
        var c=th.classList.contains('n')?(p||0)-(q||0):x<y?-1:x>y?1:0;return down?-c:c;}).forEach(function(r){body.appendChild(r);});
    });
  });
  apply();
})();
`;
