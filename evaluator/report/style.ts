/** Style sheet of all pages: light, dark, narrow and print from the same custom properties. */
export const styleSheet = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1c2127; --soft: #5b6570; --line: #dcdfe3;
  --accent: #1f5fbf; --warm: #b4501e; --green: #1d7a46; --amber: #8f5a00; --red: #b3261e; --grey: #56606b;
  --loss: #b4501e; --accuracy: #1f5fbf; --speed: #1d7a46; --memory: #7a3fa0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --card: #1c2026; --ink: #e7e9ec; --soft: #a0a9b4; --line: #343b44;
    --accent: #7fb0ff; --warm: #ff9f6b; --green: #5fd394; --amber: #f0b54a; --red: #ff8a80; --grey: #aab3bd;
    --loss: #ff9f6b; --accuracy: #7fb0ff; --speed: #5fd394; --memory: #cf9bf0;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 0 0 .75rem; }
h3 { font-size: .95rem; margin: 0 0 .35rem; }
p { margin: 0 0 .6rem; max-width: 85ch; }
a { color: var(--accent); }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .86em; }
.soft { color: var(--soft); }
.small { font-size: .875rem; }
.card > :last-child { margin-bottom: 0; }
.grid + p, ol + p { margin-top: .75rem; }
.byline { color: var(--soft); margin: .3rem 0 1.5rem; overflow-wrap: anywhere; }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.25rem 1.35rem; margin: 0 0 1.25rem;
}
.verdict { border-left: 6px solid var(--tone); display: grid; grid-template-columns: 1fr; gap: .5rem 2.5rem; }
.verdict.scored { grid-template-columns: minmax(0, 5fr) minmax(0, 6fr); align-items: center; }
.tone-good { --tone: var(--green); } .tone-fair { --tone: var(--amber); }
.tone-bad { --tone: var(--red); } .tone-none { --tone: var(--grey); }
.code { font-size: 1.25rem; font-weight: 700; letter-spacing: .02em; color: var(--tone); margin: 0; }
.big { font-size: 3rem; line-height: 1.1; font-weight: 700; margin: 0; font-variant-numeric: tabular-nums; }
.verdict dl { margin: .4rem 0 0; }
dl.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem 1.1rem; margin: 0; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
dl.facts ul { margin: 0; padding-left: 1.1rem; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 310px), 1fr)); gap: 1.25rem 2rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 410px), 1fr)); gap: 1.25rem 2rem; }
.pair > .card { margin: 0; }
.pair { margin-bottom: 1.25rem; }
.card .pair { margin-bottom: 0; }
figure { margin: 0; min-width: 0; }
figcaption { color: var(--soft); font-size: .875rem; margin-top: .5rem; }
.plot svg { display: block; width: 100%; height: auto; overflow: visible; }
.scroll { overflow-x: auto; }
.scroll .plot svg { min-width: 760px; }
.scroll table { margin-top: .75rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .875rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .5rem; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; }
th[scope=row], .left { text-align: left; }
table.wide { width: 100%; }
td.outcome { color: var(--tone); font-weight: 600; }
.confusion { border-collapse: separate; border-spacing: 2px; width: 100%; }
.confusion th, .confusion td { border: 0; padding: .35rem .2rem; }
.confusion td {
  text-align: center; border-radius: 3px; min-width: 1.9rem;
  background: color-mix(in srgb, var(--hue) var(--share), transparent);
}
.confusion td.hit { --hue: var(--accent); font-weight: 700; }
.confusion td.miss { --hue: var(--warm); }
.confusion td.none { color: var(--soft); background: none; opacity: .65; }
.confusion thead th { vertical-align: bottom; font-weight: 500; }
.confusion thead th span { writing-mode: vertical-rl; transform: rotate(180deg); }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); gap: 1rem; padding: 0; margin: 0; list-style: none; }
.mistakes img { width: 100%; height: auto; display: block; image-rendering: pixelated; border-radius: 4px; }
.mistakes figcaption { font-size: .75rem; line-height: 1.4; margin-top: .3rem; overflow-wrap: anywhere; }
.mistakes figcaption div { display: flex; justify-content: space-between; gap: .3rem; }
.mistakes figcaption div :last-child { flex-shrink: 0; }
.mistakes b { color: var(--ink); }
.mistakes .wrong { color: var(--warm); }
details { margin-top: .75rem; }
summary { cursor: pointer; }
pre {
  margin: .5rem 0 0; padding: .75rem; border-radius: 6px; background: var(--paper); border: 1px solid var(--line);
  overflow-x: auto; max-height: 28rem; white-space: pre-wrap; overflow-wrap: anywhere;
}
footer { color: var(--soft); font-size: .875rem; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
@media (max-width: 640px) {
  main { padding: 1.25rem .75rem 2rem; }
  .card { padding: 1rem; }
  .verdict.scored { grid-template-columns: 1fr; }
  dl.facts { grid-template-columns: 1fr; gap: 0; }
  dl.facts dd { margin-bottom: .5rem; }
}
@media print {
  :root { --paper: #fff; --card: #fff; }
  body { font-size: 11pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  .card { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: .75rem 0; }
  .verdict { border-left: 6px solid var(--tone); padding-left: 1rem; }
  figure, tr, .mistakes li { break-inside: avoid; }
  h2 { break-after: avoid; }
  .pair { display: block; }
  pre { max-height: none; }
}
`;
