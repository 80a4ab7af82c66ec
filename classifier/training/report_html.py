"""A report as one HTML file that asks nothing of anybody: styles and plots stand in it, and a policy forbids more."""

from __future__ import annotations

import re
from html import escape

from classifier.training.page_parts import MARK, Contents, Paragraph, Plot, Section, Table

_STYLE = """\
:root{color-scheme:light dark;--page:#fff;--ink:#16191d;--quiet:#4d5661;--line:#c9ced6;--mark:#1f5a99;--faint:#7b8490;\
--stripe:#f3f5f7}
@media (prefers-color-scheme:dark){:root{--page:#14171b;--ink:#e8eaed;--quiet:#b0b8c2;--line:#3c444e;--mark:#6aa9ea;\
--faint:#8c96a3;--stripe:#1c2026}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:70rem;background:var(--page);color:var(--ink);\
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25}
h2{font-size:1.25rem;margin-top:2.5rem}
p{max-width:44rem}
a{color:var(--mark)}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;padding:0;list-style:none}
nav a{display:inline-block;padding:.25rem 0}
figure{margin:1rem 0}
figcaption,caption{color:var(--quiet);font-size:.9rem;text-align:left;padding:.25rem 0}
.scroll{overflow-x:auto}
.scroll:focus-visible{outline:2px solid var(--mark)}
.plot svg{display:block;max-width:none;height:auto}
.plot svg text{fill:currentColor}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:right;vertical-align:top;\
overflow-wrap:normal;white-space:nowrap}
th{font-weight:600}
.word{text-align:left;white-space:normal;min-width:9rem}
td.word{overflow-wrap:anywhere}
tbody tr:nth-child(even){background:var(--stripe)}
@media print{.scroll{overflow:visible}}
"""

_COLOURS = {"#000000": "currentColor", "#ffffff": "none", MARK: "var(--mark)", "#999999": "var(--faint)"}
"""matplotlib's colours as those of the page, so that plots are as dark or light as it."""


def to_html(contents: Contents) -> str:
    """The whole file. Every text is escaped."""
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{escape(contents.title)}</title>",
        f"<style>\n{_STYLE}</style>",
        "</head>",
        "<body>",
        f"<header><h1>{escape(contents.title)}</h1>",
        '<nav aria-label="Sections"><ul>',
        *[f'<li><a href="#{section.id}">{escape(section.title)}</a></li>' for section in contents.sections],
        "</ul></nav></header>",
        "<main>",
        *[line for section in contents.sections for line in _section(section)],
        "</main>",
        "</body>",
        "</html>",
    ]
    # Half surrogate pairs cannot be written as UTF-8.
    return ("\n".join(parts) + "\n").encode("utf-8", "replace").decode("utf-8")


def _section(section: Section) -> list[str]:
    lines = [f'<section aria-labelledby="{section.id}">', f'<h2 id="{section.id}">{escape(section.title)}</h2>']
    for block in section.blocks:
        if isinstance(block, Paragraph):
            lines.append(f"<p>{escape(block.text)}</p>")
        elif isinstance(block, Table):
            lines += _table(block)
        else:
            lines += [
                "<figure>",
                _scroll(block.caption, "plot"),
                _inline(block),
                "</div>",
                f"<figcaption>{escape(block.caption)}</figcaption>",
                "</figure>",
            ]
    return [*lines, "</section>"]


def _scroll(label: str, kind: str = "") -> str:
    """Wide things scroll by themselves, with the keyboard too."""
    return f'<div class="{f"scroll {kind}".strip()}" tabindex="0" role="region" aria-label="{escape(label)}">'


def _table(table: Table) -> list[str]:
    def cell(tag: str, heading: str, text: str, more: str = "") -> str:
        word = ' class="word" dir="auto"' if heading in table.words else ""
        return f"<{tag}{word}{more}>{escape(text)}</{tag}>"

    lines = [_scroll(table.caption), "<table>", f"<caption>{escape(table.caption)}</caption>", "<thead><tr>"]
    lines += [cell("th", heading, heading, ' scope="col"') for heading in table.headings]
    lines.append("</tr></thead><tbody>")
    for row in table.rows:
        first = cell("th", table.headings[0], row[0], ' scope="row"')
        rest = (cell("td", heading, text) for heading, text in zip(table.headings[1:], row[1:], strict=True))
        lines.append(f"<tr>{first}{''.join(rest)}</tr>")
    return [*lines, "</tbody></table>", "</div>"]


def _inline(plot: Plot) -> str:
    svg = plot.svg.decode("utf-8")
    svg = svg[svg.index("<svg") :].rstrip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Identifiers of several plots share one page.
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{plot.id}-\1"', svg)
    svg = re.sub(r'href="#', f'href="#{plot.id}-', svg)
    svg = re.sub(r"url\(#", f"url(#{plot.id}-", svg)
    for theirs, ours in _COLOURS.items():
        svg = svg.replace(theirs, ours)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(plot.alt)}"', 1)
