"""The text of a piece of HTML, as a browser would lay it out in lines."""

from __future__ import annotations

import re
from typing import Any

_BLOCKS = set(
    "address article aside blockquote br caption dd details div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 "
    "header hr li main nav ol option p pre section summary table tbody td tfoot th thead tr ul".split()
)
_HIDDEN = {"script", "style", "template", "noscript", "head", "title"}
MAX_ATTRIBUTES = 1_000
"""Of one tag. libxml2 takes time by their square, feedparser too, and neither can be interrupted."""

_attribute = r"""[\s/"'=]*+[^\s/"'=>]++(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'>]++))?+"""
_too_many = re.compile(rf"<[A-Za-z][^\s>/]*+(?:{_attribute}){{{MAX_ATTRIBUTES + 1}}}")
_control = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def check_attributes(html: str) -> None:
    """Refuse a tag with more than :data:`MAX_ATTRIBUTES`: raises :class:`ValueError` where there is one."""
    if found := _too_many.search(html):
        name = found[0][1:20].split()[0]
        raise ValueError(f"a tag ({name!r}) has more than {MAX_ATTRIBUTES:,} attributes; no page of text has")


def html_to_text(html: str) -> str:
    """Tags out, entities resolved, a line for each block; white space within lines is one space.

    Needs lxml. Nothing that the HTML names is loaded.

    Raises
    ------
    ValueError
        See :func:`check_attributes`.
    """
    import lxml.etree
    import lxml.html

    if "<" not in html and "&" not in html:
        return _tidy(html)
    check_attributes(html)
    parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    data = _control.sub(" ", f"<div>{html}</div>").encode("utf-8", "replace")
    tree = lxml.html.document_fromstring(data, parser=parser)
    return element_text(tree)


def element_text(element: Any) -> str:
    """The text of an lxml element, in lines."""
    import lxml.etree

    pieces: list[str] = []
    hidden = 0
    # Walked, not recursed into: hostile pages nest deeply.
    for event, node in lxml.etree.iterwalk(element, events=("start", "end")):
        name = node.tag if isinstance(node.tag, str) else ""
        if name in _BLOCKS:
            pieces.append("\n")
        if event == "start":
            hidden += name in _HIDDEN
            if not hidden and name and node.text:
                pieces.append(re.sub(r"\s+", " ", node.text))
        else:
            hidden -= name in _HIDDEN
            if not hidden and node is not element and node.tail:
                pieces.append(re.sub(r"\s+", " ", node.tail))
    return _tidy("".join(pieces))


def _tidy(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
