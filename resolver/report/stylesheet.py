"""How the page looks: light and dark, wide, narrow and on paper."""

STYLESHEET = """
:root {
  color-scheme: light dark;
  --paper: #fff; --ink: #1b1f24; --quiet: #59636e; --line: #d5dae0; --panel: #f5f7f9; --link: #0b5cad;
  --answered: #4477aa; --nxdomain: #c9a227; --failed: #d1495b; --denied: #8e2f7f; --other: #2a9d8f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --ink: #e4e8ec; --quiet: #9aa4af; --line: #333a42; --panel: #1d2127; --link: #7cb7f5;
    --answered: #5d95cf; --nxdomain: #d8b84a; --failed: #ee7482; --denied: #c76fb8; --other: #4bbfae;
  }
}
* { box-sizing: border-box; }
html { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 72rem; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .25rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
p { margin: .25rem 0 .75rem; max-width: 45rem; }
a { color: var(--link); }
.period, section > p, small, footer { color: var(--quiet); }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .5rem; margin: 1rem 0; }
.facts div { display: flex; flex-direction: column-reverse; justify-content: flex-end; padding: .6rem .8rem;
  background: var(--panel); border-radius: .4rem; }
.facts dt { color: var(--quiet); font-size: .85rem; line-height: 1.25; }
.facts dd { margin: 0; font-size: 1.05rem; font-weight: 600; font-variant-numeric: tabular-nums; }
aside { border-left: .25rem solid var(--nxdomain); padding: .1rem 1rem; background: var(--panel); }
aside h2 { font-size: 1rem; margin: .5rem 0 0; }
aside ul { margin: .25rem 0 .5rem; padding-left: 1.2rem; overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; padding: 0; margin: 1rem 0 0; }
nav a { display: inline-block; padding: .2rem 0; }
figure { margin: 1rem 0 .5rem; }
figcaption { display: flex; flex-wrap: wrap; gap: .1rem 1rem; align-items: baseline; }
figcaption small { flex-basis: 100%; }
.key::before { content: ""; display: inline-block; width: .75rem; height: .75rem; margin-right: .35rem;
  border-radius: .15rem; background: var(--mark); }
.key.answered { --mark: var(--answered); } .key.nxdomain { --mark: var(--nxdomain); }
.key.failed { --mark: var(--failed); } .key.denied { --mark: var(--denied); }
.plot { display: block; font-size: 12px; }
.plot text { fill: var(--quiet); }
.plot .scale { fill: var(--ink); stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; paint-order: stroke;
  pointer-events: none; }
.grid { stroke: var(--line); stroke-dasharray: 2 3; } .axis { stroke: var(--quiet); }
.hit { fill: transparent; }
g:hover .hit { fill: var(--line); fill-opacity: .5; }
rect.answered { fill: var(--answered); } rect.nxdomain { fill: var(--nxdomain); } rect.failed { fill: var(--failed); }
rect.denied { fill: var(--denied); } rect.other { fill: var(--other); }
.scroll { overflow-x: auto; margin: .75rem 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
td.text { overflow-wrap: anywhere; min-width: 7rem; }
td.name { overflow-wrap: anywhere; min-width: 13rem; }
td.note { overflow-wrap: anywhere; min-width: 15rem; }
td.number, th.number, td.share, th.share, td.ms, th.ms, .figures td, .figures th { text-align: right;
  font-variant-numeric: tabular-nums; }
td.number, td.share, td.ms { white-space: nowrap; }
.figures td:first-child, .figures th:first-child { text-align: left; }
td.time { white-space: nowrap; font-variant-numeric: tabular-nums; color: var(--quiet); }
td.bar, th.bar { width: 14%; min-width: 3.5rem; padding-right: 0; }
td.bar svg { display: block; margin-top: .4rem; }
.none { color: var(--quiet); }
.unseen { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
summary { cursor: pointer; padding: .25rem 0; overflow-wrap: anywhere; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
@media (max-width: 46rem) {
  .extra { display: none; }
  .facts { grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); }
  .facts dd { font-size: .95rem; }
  table { font-size: .85rem; }
  th, td { padding-right: .5rem; }
  td.text, td.name, td.note { min-width: 4.5rem; }
  td.bar, th.bar { width: auto; min-width: 2.5rem; }
  .wide, .wide tbody { display: block; }
  .wide caption { display: block; }
  .wide thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  .wide tr { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 .9rem; padding: .4rem 0;
    border-bottom: 1px solid var(--line); }
  .wide td { border: 0; padding: 0; min-width: 0; }
  .wide td::before { content: attr(data-title) " "; color: var(--quiet); }
  .wide td.name { flex-basis: 100%; font-weight: 600; order: -1; }
  .wide td.name::before { content: none; }
  .wide td.note, .wide td.bar { flex-basis: 100%; }
  .wide td.bar::before { content: none; }
  .wide td.bar svg { margin: .2rem 0 0; height: 6px; }
  .wide td.extra { display: none; }
}
@media print {
  :root {
    --paper: #fff; --ink: #000; --quiet: #444; --line: #bbb; --panel: #f2f2f2; --link: #000;
    --answered: #4477aa; --nxdomain: #c9a227; --failed: #d1495b; --denied: #8e2f7f; --other: #2a9d8f;
  }
  html { font-size: 11px; }
  body { max-width: none; padding: 0; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  nav, .skip, details.figures { display: none; }
  details::details-content { content-visibility: visible; }
  summary { display: none; }
  .plot { font-size: 9px; }
  .scroll { overflow: visible; }
  figure, tr, .facts div { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
}
"""
