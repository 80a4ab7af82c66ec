"""The page of two models compared: it needs nothing else, and no text of it is taken for HTML."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from classifier.model.answer import TextItem
from classifier.model.comparing import compare_models
from classifier.training.diff_page import write_diff
from classifier.training.report_html import to_html

HOSTILE = '<script>alert(1)</script> "war" & Russophobia is inevitable \ud800 </table><img src=https://x.invalid>'


@pytest.fixture
def found(small_model, shipped):
    """A comparison with hostile texts among the flips."""
    texts = ["A war is inevitable, he said.\nRussophobia is everywhere, they say.", "Taken out of context, he said."]
    found = compare_models(small_model, shipped, [(f"<i>{i}", TextItem(t)) for i, t in enumerate(texts)])
    side = replace(found.flips[0].a, sentence=HOSTILE)
    hostile = replace(found.flips[0], text=HOSTILE + " and more", a=side)
    return replace(found, flips=(hostile, *found.flips))


def test_the_page_needs_nothing_else_and_escapes_everything(found):
    page = to_html(write_diff(found, "<b>some</b>.csv"))
    page.encode("utf-8")
    tags = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.append(tag)
            assert not {name for name, _ in attrs} & {"src", "onclick", "onerror"}
            assert not [value for name, value in attrs if name == "href" and not value.startswith("#")]

    Parser().feed(page)
    assert not {"script", "img", "link", "i", "b", "iframe"} & set(tags)
    assert "default-src 'none'" in page
    assert 'name="viewport"' in page
    assert "prefers-color-scheme:dark" in page
    assert "&lt;script&gt;alert(1)" in page
    for flip in found.flips:
        assert f"{flip.b.logit - flip.a.logit:+.3f}" in page
    assert len(re.findall(r"<td[^>]*>[^<]*</td>|<th[^>]*>bias</th>", page)) > 100


def test_the_same_model_says_so(small_model):
    found = compare_models(small_model, small_model, [("1", TextItem("A war."))])
    page = to_html(write_diff(found, "one text"))
    assert "The same model: nothing differs." in page


def test_axe_finds_nothing_and_a_phone_shows_it_whole(found, chromium, tmp_path):
    path = tmp_path / "diff.html"
    path.write_text(to_html(write_diff(found, "two texts")), encoding="utf-8")
    switches = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*switches.split(), "--no-first-run"])
        for scheme in ("light", "dark"):
            context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme=scheme, bypass_csp=True)
            page = context.new_page()
            asked = []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.goto(path.as_uri())
            assert asked == [path.as_uri()]
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            violations = Axe().run(page).response["violations"]
            assert not [(v["id"], v["nodes"][0]["html"][:200]) for v in violations]
        browser.close()
