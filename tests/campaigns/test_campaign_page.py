"""The page: what stands in the file, and what it does in a real browser without a network."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from axe_playwright_python.sync_playwright import Axe
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import expect, sync_playwright

from classifier.campaigns import page
from classifier.campaigns.addresses import is_web_address
from classifier.campaigns.page import to_html
from classifier.campaigns.plots import specifications
from classifier.campaigns.privacy import with_pseudonyms, without_texts
from tests.campaigns.made_findings import HOSTILE, SOURCES, hostile_findings, made_findings
from tests.service.test_page import CHROMIUM_ARGUMENTS

NAMES = {"inevitable-war": "Inevitable war", "russophobia": "Русофобия", "spies": "Spies under cover"}
TITLE = "Narratives, 2026-03-01 to 2026-03-04"
COMMAND = "narratives campaign posts.csv -o out"


class _Elements(HTMLParser):
    """Every start tag with its attributes, and the text of scripts."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags = []
        self.scripts = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1] += data


def elements(html):
    parser = _Elements()
    parser.feed(html)
    return parser


@pytest.fixture(scope="module")
def plain():
    return to_html(made_findings(NAMES), title=TITLE, command=COMMAND)


@pytest.fixture(scope="module")
def hostile():
    return to_html(hostile_findings(), title=HOSTILE[0], command=HOSTILE[1])


# ---- the file


@pytest.mark.parametrize("kind", ["plain", "hostile"])
def test_nothing_is_fetched_and_only_its_own_scripts_run(kind, request):
    html = request.getfixturevalue(kind)
    found = elements(html)
    counts = [tag for tag, _ in found.tags]
    assert counts.count("script") == 4
    assert not {"link", "iframe", "img", "object", "embed", "base", "form"} & set(counts)
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "style")], (tag, attributes)
        if "href" in attributes:
            assert tag == "a"
            assert attributes["href"].startswith("#") or is_web_address(attributes["href"])
            assert attributes["href"].startswith("#") or "noopener" in attributes["rel"]
    policy = next(a["content"] for _, a in found.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    script_source = re.search(r"script-src ([^;]*);", policy)[1]
    run = [s for s, (_, a) in zip(found.scripts, [t for t in found.tags if t[0] == "script"], strict=True) if not a]
    assert script_source.split() == [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in run
    ]
    rest = html.replace(run[0], "")
    assert set(re.findall(r"https?://[\w.]+", rest)) <= {"https://example.org"}
    for address in re.findall(r"""https?://[^\s"'`]+""", run[0]):
        # Names of grammars and of XML dialects, and what error messages point to: nothing that is loaded.
        assert re.match(r"http://www\.w3\.org/|https://vega\.github\.io/|https://github\.com/vega/", address), address


def test_what_it_says(plain):
    findings = made_findings(NAMES)
    assert plain.count("<h1>") == 1
    assert f"<h1>{TITLE}</h1>" in plain
    for told in (findings.model.digest, COMMAND, "no time: 3", "First", "Measured on: ", "random_state", "Русофобия"):
        assert told in plain
    for name in NAMES.values():
        assert f'<th class="word" dir="auto" scope="row">{name}</th>' in plain
    headings = re.findall(r"<h2 id=[^>]*>([^<]+)</h2>", plain)
    assert len(headings) == len(set(headings)) == 8
    # A plot without words is none for those who do not see it.
    labels = [a["aria-label"] for t, a in elements(plain).tags if "plot" in a.get("class", "").split()]
    assert len(labels) == 1 + 3 + 1 + 6 + 3
    assert all(len(label) > 30 for label in labels)
    assert "1 burst" in plain


def test_data_is_json_that_cannot_end_its_element(hostile):
    scripts = elements(hostile).scripts
    specs, rows = json.loads(scripts[0]), json.loads(scripts[1])
    assert specs == specifications()
    assert "<" not in scripts[0] + scripts[1]
    names = {point["name"] for point in rows["overall"]["all"]["points"]}
    assert all(any(text.startswith(name.rstrip("…")[:20]) for text in HOSTILE) for name in names if name[0] != "a")
    assert not any("\u202e" in name for name in names)


def test_texts_and_sources_can_be_left_out():
    findings = made_findings(NAMES, texts=("nobody shall read this",))
    quiet = to_html(without_texts(findings), title=TITLE, command=COMMAND)
    assert "nobody shall" not in quiet
    unnamed = to_html(with_pseudonyms(findings), title=TITLE, command="")
    assert not any(source in unnamed for source in SOURCES)
    assert "example.org" not in unnamed


def test_long_lists_are_cut_and_it_is_said(monkeypatch):
    for name in ("MAX_SOURCES", "MAX_CLUSTERS", "MAX_ECHOES"):
        monkeypatch.setattr(page, name, 4)
    html = to_html(made_findings(NAMES), title=TITLE, command=COMMAND)
    assert "2 more stand in sources.csv" in html
    assert "2 more stand in clusters.csv" in html
    assert "more stand in echoes.csv" in html
    rows = json.loads(elements(html).scripts[1])
    assert len(rows["echoes"]) == 4
    assert all(len(d["points"]) <= 4 for d in rows["echoes"].values())


def test_nothing_found_is_a_page_too():
    empty = made_findings({"a": "A"}, n_clusters=0)
    empty = type(empty)(
        **{
            **{name: getattr(empty, name) for name in ("model", "names", "definitions", "bin", "error_rates")},
            **dict.fromkeys(("posts", "prevalence", "overall", "bursts", "clusters", "pairs", "voices", "shifts"), ()),
            "skipped": {},
            "parameters": {},
        }
    )
    html = to_html(empty, title=TITLE, command=COMMAND)
    assert "No post carries a narrative." in html
    assert "In no post" not in html or "<bdi>A</bdi>" in html


def test_a_bin_without_posts_breaks_the_line():
    findings = made_findings(NAMES)
    kept = tuple(p for p in findings.prevalence if p.begin.day != 2)
    rows = json.loads(elements(to_html(made_findings(NAMES), title="", command="")).scripts[1])
    assert all(point["share"] is not None for point in rows["time"]["0"]["points"])
    rows = json.loads(
        elements(to_html(type(findings)(**{**_fields(findings), "prevalence": kept}), title="", command="")).scripts[1]
    )
    (gap,) = [point for point in rows["time"]["0"]["points"] if point["share"] is None]
    assert (gap["begin"], gap["end"]) == ("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z")


def _fields(findings):
    return {name: getattr(findings, name) for name in findings.__dataclass_fields__}


@settings(max_examples=15)
@given(st.lists(st.text(max_size=20), min_size=2, max_size=4, unique=True))
def test_any_text_stays_text(texts):
    findings = made_findings({"a": texts[0], "b": texts[1]}, sources=tuple(texts), texts=texts, urls=texts)
    found = elements(to_html(findings, title=texts[0], command=texts[1]))
    known = elements(to_html(made_findings({"a": "A", "b": "B"}), title="t", command="c"))
    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in known.tags}
    assert {name for _, a in found.tags for name in a} <= {name for _, a in known.tags for name in a}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/a?b=c#d", True),
        ("http://example.org", True),
        ("HTTPS://EXAMPLE.ORG", True),
        ("javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("https:example.org", False),
        ("//example.org", False),
        ("https://[", False),
        ("", False),
        (None, False),
    ],
)
def test_web_addresses(url, expected):
    assert is_web_address(url) is expected


# ---- in the browser


@pytest.fixture(scope="module")
def browser(chromium):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a page from disk with the network off; afterwards nothing has been asked for, and nothing has failed."""
    contexts = []

    def open_page(html, **options):
        path = tmp_path / f"{len(contexts)}.html"
        path.write_text(html, encoding="utf-8")
        context = browser.new_context(offline=True, reduced_motion="reduce", **options)
        tab = context.new_page()
        contexts.append((context, tab, asked := [], failed := []))
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: failed.append(message.text))
        tab.on("pageerror", lambda error: failed.append(str(error)))
        tab.goto(path.as_uri())
        return tab

    yield open_page
    for number, (context, tab, asked, failed) in enumerate(contexts):
        assert tab.evaluate("window.hacked") is None
        assert asked == [(tmp_path / f"{number}.html").as_uri()]
        assert failed == []
        context.close()


def draw_all(tab):
    for plot in tab.locator(".plot:visible").all():
        plot.scroll_into_view_if_needed()
        expect(plot).to_have_attribute("data-drawn", "yes", timeout=30_000)


@pytest.mark.parametrize(("kind", "width", "scheme"), [("plain", 390, "dark"), ("hostile", 1280, "light")])
def test_it_draws_fits_and_is_accessible(kind, width, scheme, opened, request):
    html = request.getfixturevalue(kind)
    tab = opened(html, viewport={"width": width, "height": 900}, color_scheme=scheme)
    # One of each kind: the others hold nothing else.
    kinds = ("#filter", "[data-table=time]", "[data-table=voices]", "#sources ~ details", ".clusters details details")
    tab.evaluate("kinds => kinds.forEach((kind) => { document.querySelector(kind).open = true; })", kinds)
    draw_all(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(tab, options={"resultTypes": ["violations"]})
    assert [(v["id"], v["nodes"][0]["html"]) for v in found.response["violations"]] == []
    assert tab.locator("table tbody tr").count() > 20


def test_filter_scale_tables_and_tooltips(plain, opened):
    tab = opened(plain, viewport={"width": 1280, "height": 900})
    draw_all(tab)
    panels = tab.locator("#time ~ .panels > div")
    expect(panels.locator("visible=true").first).to_be_visible()
    # Every day is drawn, over the whole width.
    box = panels.first.locator("svg .mark-line.role-mark path").last.bounding_box()
    assert box["width"] > 200
    tab.get_by_text("Choose narratives").click()
    tab.get_by_role("button", name="None").click()
    assert panels.first.is_hidden()
    tab.get_by_label("Русофобия", exact=True).check()
    expect(tab.locator("#shown")).to_have_text("1 of 3 narratives are shown.")
    shown = tab.locator("#time ~ .panels > div:visible")
    expect(shown).to_have_count(1)
    expect(shown.locator("h3")).to_have_text("Русофобия")
    shown.get_by_text("Figures", exact=True).click()
    expect(shown.locator("tbody tr")).to_have_count(16)
    expect(shown.locator("tbody th").first).to_have_text("2026-03-01 00:00")
    tab.get_by_role("button", name="All").click()
    expect(tab.locator("#time ~ .panels > div:visible")).to_have_count(3)
    plot = shown.last.locator(".plot")
    plot.scroll_into_view_if_needed()
    expect(plot).to_have_attribute("data-drawn", "yes")
    before = plot.inner_html()
    tab.get_by_label("same vertical scale for all").check()
    tab.wait_for_function(
        "before => [...document.querySelectorAll('[data-plot=time]')].at(-1).innerHTML !== before", arg=before
    )
    plot.hover()
    expect(tab.locator("#vg-tooltip-element")).to_contain_text("adjusted share")


def test_a_tooltip_is_text_whatever_it_says(hostile, opened):
    tab = opened(hostile, viewport={"width": 1280, "height": 900})
    draw_all(tab)
    for mark in tab.locator("#echoes ~ .clusters svg .mark-symbol.role-mark path").all()[-4:]:
        mark.hover(force=True)
        tooltip = tab.locator("#vg-tooltip-element")
        expect(tooltip).to_contain_text("time, UTC")
        assert tooltip.locator("script, img, svg").count() == 0


def test_colours_follow_the_system(plain, opened):
    tab = opened(plain, viewport={"width": 1280, "height": 900}, color_scheme="light")
    first = tab.locator(".plot").first
    expect(first).to_have_attribute("data-drawn", "yes", timeout=30_000)
    light = first.inner_html()
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_function("light => document.querySelector('.plot').innerHTML !== light", arg=light)
    assert "#6aa9ea" in first.inner_html()
