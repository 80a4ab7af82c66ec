"""How the page looks: light and dark, from 320 pixels on."""

STYLE = """\
:root{color-scheme:light dark;--page:#fff;--ink:#16191d;--quiet:#4d5661;--line:#c9ced6;--mark:#1f5a99;--band:#a9c7e8;\
--raw:#6b7480;--burst:#f6c77a;--stripe:#f3f5f7;--asserted:#d55e00;--attributed:#0072b2;--rejected:#009e73;\
--untold:#6b7480;--low:#eef3f9;--high:#0b3a6e}
@media (prefers-color-scheme:dark){:root{--page:#14171b;--ink:#e8eaed;--quiet:#b0b8c2;--line:#3c444e;--mark:#6aa9ea;\
--band:#2b4a6b;--raw:#98a2ae;--burst:#6b4c12;--stripe:#1c2026;--asserted:#f0884b;--attributed:#6cb2f0;\
--rejected:#4fd1a5;--untold:#98a2ae;--low:#1d2630;--high:#8fc1f5}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:80rem;background:var(--page);color:var(--ink);\
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25}
h2{font-size:1.3rem;margin-top:2.5rem}
h3{font-size:1rem;margin:.5rem 0 0}
p,li{max-width:46rem}
a{color:var(--mark)}
a:focus-visible,summary:focus-visible,.scroll:focus-visible,input:focus-visible,button:focus-visible{\
outline:2px solid var(--mark);outline-offset:2px}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;padding:0;list-style:none}
nav a{display:inline-block;padding:.25rem 0}
dl{display:grid;grid-template-columns:minmax(6rem,max-content) 1fr;gap:.15rem 1rem}
dt{color:var(--quiet)}
dd{margin:0}
code{font:.9em/1.4 ui-monospace,monospace}
figure{margin:.5rem 0}
figcaption,caption,.quiet{color:var(--quiet);font-size:.9rem;text-align:left}
caption{padding:.25rem 0}
figcaption p{margin:.25rem 0}
summary{cursor:pointer;padding:.3rem 0;color:var(--mark)}
summary h3{display:inline;color:var(--ink)}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr));gap:1rem 2rem}
.panels>*,.clusters>*{min-width:0}
.clusters>details{border-top:1px solid var(--line)}
.plot{display:block;width:100%;min-height:2rem}
.plot svg{display:block}
.wide .plot{width:max-content}
.scroll{overflow-x:auto}
fieldset{border:1px solid var(--line);margin:0;padding:.5rem 1rem}
fieldset label,.choice{display:inline-block;margin-right:1rem;padding:.15rem 0}
button{font:inherit;color:var(--ink);background:var(--stripe);border:1px solid var(--line);padding:.2rem .8rem;\
margin-right:.5rem}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:right;vertical-align:top;\
overflow-wrap:normal;white-space:nowrap}
th{font-weight:600}
th.word,td.word{text-align:left;white-space:normal;min-width:8rem;max-width:34rem}
td.word{overflow-wrap:anywhere;min-width:12rem}
.word.text{min-width:18rem}
tbody tr:nth-child(even){background:var(--stripe)}
.key{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;padding:0;list-style:none}
.key span{display:inline-block;width:1.5rem;height:.7rem;margin-right:.4rem;vertical-align:middle}
.key .adjusted{border-top:3px solid var(--mark);height:0}
.key .raw{border-top:2px dashed var(--raw);height:0}
.key .band{background:var(--band)}
.key .burst{background:var(--burst)}
.key .asserted{background:var(--asserted)}
.key .attributed{background:var(--attributed)}
.key .rejected{background:var(--rejected)}
.key .shift{border-left:3px solid var(--ink);width:.4rem;height:1rem}
[hidden]{display:none!important}
#vg-tooltip-element{position:fixed;visibility:hidden;z-index:9;max-width:min(24rem,90vw);padding:.5rem;\
background:var(--page);color:var(--ink);border:1px solid var(--line);font-size:.85rem;pointer-events:none}
#vg-tooltip-element.visible{visibility:visible}
#vg-tooltip-element table{font-size:.85rem}
#vg-tooltip-element td{white-space:normal;text-align:left;border:0;padding:.1rem .3rem;overflow-wrap:anywhere}
#vg-tooltip-element td.key{display:table-cell;color:var(--quiet);white-space:nowrap}
#vg-tooltip-element tr{background:none}
@media print{.scroll{overflow:visible}fieldset{display:none}}
"""
