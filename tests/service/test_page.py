"""The pages: their files as they are sent, and what they do in a real browser."""

import csv
import io
import json
import re
import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import expect, sync_playwright

from service.app import create_app
from service.page import static_files
from service.settings import Settings

CHROMIUM_ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run --disable-dev-shm-usage"
).split()

TEXT = (
    "A war with Azerbaijan is inevitable, military bloggers wrote, citing open Russophobia in Baku. "
    "There will be no war with Azerbaijan, the deputy said.\n\n"
    "Moscow says the interview was torn out of context. The trains between Baku and Tbilisi run again. "
    "The West is waging an information war against us, the host went on."
)
HOSTILE = (
    '<script>window.hacked=1</script><img src=x onerror="window.hacked=1"> A war with Azerbaijan is inevitable. '
    "<b onmouseover=window.hacked=1>Open Russophobia</b> reigns in Baku, &lt;they&gt; say."
)


# ---- the files


@pytest.fixture(scope="module")
def client(root):
    with TestClient(create_app(Settings(models=root / "models")), base_url="http://localhost") as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/review", "/docs"])
def test_pages(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert client.head(path).status_code == 200


def test_every_static_file_comes_with_its_type_and_is_checked_each_time(client):
    kinds = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    names = [name for name in static_files() if not name.endswith(".html")]
    assert {name.rpartition(".")[2] for name in names} == set(kinds)
    for name in names:
        answer = client.get(f"/static/{name}")
        assert answer.content == static_files()[name].content
        assert answer.headers["content-type"].split(";")[0] == kinds[name.rpartition(".")[2]]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-cache"
        again = client.get(f"/static/{name}", headers={"If-None-Match": f'"other", W/{answer.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get(f"/static/{name}", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("name", ["nothing.js", "index.html", "..%2fpage.py", "..%2f..%2fREADME.md", "page.css%00"])
def test_nothing_else_is_sent(client, name):
    answer = client.get(f"/static/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_pages_know_the_settings(client, root):
    off = Settings(models=root / "models", feedback_url="", max_evidence=7)
    with TestClient(create_app(off), base_url="http://localhost") as without:
        assert '<body data-feedback="off" data-max-words="7">' in without.get("/").text
        assert '<body data-feedback="on" data-max-words="1000">' in client.get("/").text
        assert without.get("/").headers["etag"] != client.get("/").headers["etag"]


def test_nothing_from_elsewhere_nothing_inline_and_no_markup_from_strings():
    for name, file in static_files().items():
        text = file.content.decode()
        assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text), name
        assert not re.search(r"\.(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            name
        )
        if name.endswith(".html"):
            assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text), name
            assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text)), name
        for imported in re.findall(r'from "/static/([^"]+)"|(?:src|href)="/static/([^"]+)"', text):
            assert "".join(imported) in static_files(), name


# ---- in the browser


class _Site:
    """A real server around the shipped model, and a browser."""

    def __init__(self, url, browser):
        self.url = url
        self.browser = browser
        self.contexts = {}

    def context(self, **options):
        """One for all tests that ask for the same: the scripts are then in the browser's cache."""
        key = repr(options)
        if key not in self.contexts:
            self.contexts[key] = self.browser.new_context(reduced_motion="reduce", **options)
        return self.contexts[key]


expect.set_options(timeout=30_000)  # a busy machine is no fault of the page


@pytest.fixture(scope="module")
def site(chromium, root, tmp_path_factory):
    place = tmp_path_factory.mktemp("page")
    app = create_app(Settings(models=root / "models", feedback_url=f"sqlite:///{place / 'feedback.db'}"))

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(600):
        if server.started:
            break
        time.sleep(0.05)
    assert server.started
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield _Site(f"http://127.0.0.1:{port}", browser)
        browser.close()
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def visit(site):
    """Open pages; None goes nowhere yet. In the end no other host was asked, and the console is empty."""
    pages, told, asked = [], [], []

    def visit(path="/", *, failures=False, **options):
        page = site.context(**options).new_page()
        pages.append(page)
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))

        def hear(message):
            # The browser itself reports a status of 400 and above; some tests are about those.
            if not (failures and message.text.startswith("Failed to load resource")):
                told.append(message.text)

        page.on("console", hear)
        if path is not None:
            page.goto(site.url + path)
        return page

    yield visit
    for page in pages:
        page.close()
    assert told == []
    assert {url for url in asked if not url.startswith((site.url + "/", "blob:", "data:"))} == set()


def read(page, text):
    page.get_by_label("Text", exact=True).fill(text)
    page.get_by_role("button", name="Read it").click()
    expect(page.locator("#result")).to_be_visible()


def drawn(page):
    return page.locator("#story .s.tagged").evaluate_all("found => found.map(s => s.textContent)")


def tagged(model, text):
    return [s for s in model.score([text], explain=60, evidence_unit="word").results[0].sentences if s.labels]


def test_paste_and_read(visit, shipped):
    page = visit()
    read(page, TEXT)
    expected = tagged(shipped, TEXT)
    assert len(expected) >= 3
    assert drawn(page) == [s.text for s in expected]
    assert page.locator("#story").inner_text().split() == TEXT.split()
    names = {n.id: n.name for n in shipped.taxonomy.narratives}
    whole = [d for d in shipped.score([TEXT]).results[0].labels if d.decision == "yes"]
    for decision in whole:
        assert names[decision.id] in page.locator("#verdict").inner_text()
    assert shipped.identity.digest in page.locator("#colophon").inner_text()
    assert shipped.identity.version in page.locator("#colophon").inner_text()
    # The text is in the body of one POST, and nowhere that lasts.
    assert page.url.endswith("/")
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def test_the_panel_tells_what_the_model_says(visit, shipped):
    page = visit()
    read(page, TEXT)
    names = {n.id: n.name for n in shipped.taxonomy.narratives}
    for k, sentence in enumerate(tagged(shipped, TEXT)):
        page.locator("#story .s.tagged").nth(k).click()
        cards = page.locator("#panel .card")
        assert cards.count() == len(sentence.labels)
        best = max(sentence.labels, key=lambda d: (d.decision == "yes", d.probability))
        card = cards.first
        expect(card.get_by_role("heading", level=3)).to_have_text(names[best.id])
        assert best.decision in card.locator(".badge").inner_text()
        assert card.locator(".voice-names .best").inner_text().split()[0] == best.voice.likeliest
        shown = float(card.locator(".bar").first.evaluate("bar => bar.style.getPropertyValue('--p')"))
        assert shown == pytest.approx(best.probability, abs=1e-4)
        threshold = float(card.locator(".bar").first.evaluate("bar => bar.style.getPropertyValue('--at')"))
        assert threshold == pytest.approx(best.threshold, abs=1e-4)
        contributions = {e.feature: e.contribution for e in sentence.evidence if e.label == best.id}
        rows = card.locator(".words li").evaluate_all(
            "rows => rows.map(row => ['.word', '.figure'].map(part => row.querySelector(part).textContent))"
        )
        assert rows
        for word, figure in rows:
            assert float(figure.replace("−", "-")) == pytest.approx(contributions[word], abs=0.006)
        if any(c < 0 for c in contributions.values()):
            assert any("−" in figure for _, figure in rows)


UNDERLINED = """() => [...CSS.highlights].flatMap(([name, found]) => [...found].map(range => [
  name, range.startContainer.data.slice(range.startOffset, range.endOffset)]))"""


def test_offsets_hold_with_emoji_and_other_scripts(visit, shipped):
    text = (
        "😀😀 Погода хорошая 🏳️‍🌈. A war with Azerbaijan 🇦🇿 is inevitable, 𝒷loggers wrote 🪖.\n"
        "ميناء 𐍈 جديد. Open Russophobia 👩‍👩‍👧 reigns in Baku. Война 🙂 неизбежна, пишут блогеры."
    )
    page = visit()
    read(page, text)
    expected = tagged(shipped, text)
    assert drawn(page) == [s.text for s in expected]
    assert any("😀" in text[: s.begin] for s in expected)
    for k, sentence in enumerate(expected):
        page.locator("#story .s.tagged").nth(k).click()
        best = max(sentence.labels, key=lambda d: (d.decision == "yes", d.probability))
        words = {text[e.begin : e.end]: e.contribution for e in sentence.evidence if e.label == best.id}
        underlined = page.evaluate(UNDERLINED)
        assert underlined
        for name, word in underlined:
            assert (words[word] > 0) == name.startswith("for")


@settings(max_examples=25)
@given(texts=st.lists(st.text(max_size=40), min_size=1, max_size=20))
def test_code_points_to_utf16(site, texts):
    pages = site.context().pages
    page = pages[0] if pages else site.context().new_page()
    if not page.url.startswith(site.url):
        page.goto(site.url)
    got = page.evaluate(
        """async texts => {
          const { utf16Offsets, codePointLength } = await import("/static/codepoints.js");
          return texts.map(text => {
            const at = utf16Offsets(text);
            return Array.from({ length: codePointLength(text) + 1 }, (_, k) => at(k));
          });
        }""",
        texts,
    )
    assert got == [[len(text[:k].encode("utf-16-le")) // 2 for k in range(len(text) + 1)] for text in texts]


def test_a_text_with_markup_is_shown_as_text(visit):
    page = visit()
    read(page, HOSTILE)
    assert "".join(page.locator("#story").inner_text().split()) == "".join(HOSTILE.split())
    for k in range(page.locator("#story .s.tagged").count()):
        page.locator("#story .s.tagged").nth(k).click()
    assert page.locator("#story img, #story script, #story b, #panel img, #panel script").count() == 0
    assert page.evaluate("window.hacked") is None


def test_keyboard(visit):
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.get_by_label("Text", exact=True).fill(TEXT)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#verdict")).to_be_focused()
    sentences = page.locator("#story .s.tagged")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('s')"):
            break
    expect(sentences.first).to_be_focused()
    expect(page.locator("#panel")).to_contain_text("Sentence 1 of 5")
    page.keyboard.press("ArrowRight")
    expect(sentences.nth(1)).to_be_focused()
    assert "Sentence 2 of 5." in page.locator("#status").inner_text()
    page.keyboard.press("End")
    expect(sentences.last).to_be_focused()
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("#panel")).to_contain_text("No narrative")
    expect(page.locator("#story .s").nth(3)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(sentences.first).to_be_focused()
    assert page.locator("#panel .card").count() == 0
    # No trap: Tab leaves the text again, forwards and backwards.
    page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.classList.contains('s')")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert not page.evaluate("document.activeElement.classList.contains('s')")


def test_hover_opens_but_does_not_move_what_is_pinned(visit):
    page = visit(viewport={"width": 1280, "height": 1000})
    read(page, TEXT)
    sentences = page.locator("#story .s.tagged")
    sentences.nth(1).hover()
    expect(page.locator("#panel")).to_contain_text("Sentence 2 of 5")
    sentences.first.click()
    expect(page.locator("#panel")).to_contain_text("Sentence 1 of 5")
    sentences.nth(1).hover()
    page.wait_for_timeout(300)
    expect(page.locator("#panel")).to_contain_text("Sentence 1 of 5")
    page.get_by_role("button", name="Close").click()
    sentences.nth(2).hover()
    expect(page.locator("#panel")).to_contain_text("Sentence 3 of 5")


def test_filter(visit, shipped):
    page = visit()
    read(page, TEXT)
    everything = drawn(page)
    button = page.locator(".filter").first
    narrative = button.get_attribute("data-narrative")
    button.click()
    chosen = [s.text for s in tagged(shipped, TEXT) if narrative in {d.id for d in s.labels}]
    assert drawn(page) == chosen != everything
    expect(page.locator(f'.filter[data-narrative="{narrative}"]')).to_have_attribute("aria-pressed", "true")
    expect(page.locator(f'.filter[data-narrative="{narrative}"]')).to_be_focused()
    page.get_by_role("button", name="Show all narratives").click()
    assert drawn(page) == everything


def test_level(visit, shipped):
    page = visit()
    read(page, TEXT)
    own = drawn(page)
    sentences = shipped.score([TEXT], all=True).results[0].sentences
    slider = page.get_by_role("slider")
    for level in (2, 40, 99):
        slider.fill(str(level))
        expected = [s.text for s in sentences if any(d.probability >= level / 100 for d in s.labels)]
        page.wait_for_function("n => document.querySelectorAll('#story .s.tagged').length === n", arg=len(expected))
        assert drawn(page) == expected
        assert "not the model's own decisions" in page.locator("#level-note").inner_text()
        expect(page.get_by_label("from a probability of")).to_be_checked()
    page.get_by_label("as the model decides").check()
    page.wait_for_function("n => document.querySelectorAll('#story .s.tagged').length === n", arg=len(own))
    assert drawn(page) == own
    assert page.locator("#level-note").inner_text() == ""


def test_a_level_does_not_overrule_doubt(visit):
    page = visit()
    got = page.evaluate(
        """async () => {
          const { tagsOf } = await import("/static/decisions.js");
          const label = (id, probability, decision, reason) => ({ id, probability, decision, reason });
          const labels = [label("a", 0.9, "unsure", "unfamiliar"), label("b", 0.3, "no"), label("c", 0.1, "no")];
          const told = (level, labels) => tagsOf(labels, level, new Set()).map(t => [t.label.id, t.decision, t.reason]);
          return [told(null, labels), told(0.2, labels), told(0.2, [label("d", 0.5, "unsure", "close")])];
        }"""
    )
    assert got == [
        [["a", "unsure", "unfamiliar"]],
        [["a", "unsure", "unfamiliar"], ["b", "unsure", "unfamiliar"]],
        [["d", "yes", None]],
    ]


def test_copy_and_download(visit, shipped, tmp_path):
    text = '=HYPERLINK("x") A war with Azerbaijan is inevitable, he said. 😀 Open Russophobia reigns\tin Baku.'
    page = visit(permissions=["clipboard-read", "clipboard-write"], accept_downloads=True)
    read(page, text)
    expected = tagged(shipped, text)

    page.get_by_role("button", name="Copy JSON").click()
    expect(page.locator("#status")).to_contain_text("copied")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download JSON").click()
    assert json.loads(Path(saved.value.path()).read_text()) == copied
    served = page.request.post(
        page.url + "v1/score", data={"text": text, "explain": {"top_k": 60, "unit": "word"}}
    ).json()
    assert copied == served

    page.get_by_role("button", name="Copy CSV").click()
    expect(page.locator("#status")).to_contain_text("as shown: copied")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download CSV").click()
    assert saved.value.suggested_filename.endswith(".csv")
    content = Path(saved.value.path()).read_bytes().decode("utf-8-sig")
    # Pasting into the clipboard may turn line ends.
    assert page.evaluate("navigator.clipboard.readText()").split("\n")[0].strip() == content.split("\r\n")[0]
    rows = list(csv.DictReader(io.StringIO(content, newline="")))
    pairs = [(s, d) for s in expected for d in sorted(s.labels, key=lambda d: (d.decision != "yes", -d.probability))]
    assert len(rows) == len(pairs)
    for row, (sentence, decision) in zip(rows, pairs, strict=True):
        assert row["text"].removeprefix("'") == sentence.text
        assert (int(row["begin"]), int(row["end"])) == (sentence.begin, sentence.end)
        assert (row["narrative"], row["decision"], row["shown_as"]) == (
            decision.id,
            decision.decision,
            decision.decision,
        )
        assert float(row["probability"]) == decision.probability
        assert row["voice"] == decision.voice.likeliest
        assert row["digest"] == shipped.identity.digest
        assert not any(value[:1] in "=+-@\t\r" for value in row.values() if value)


def test_formulas_are_defused(visit):
    page = visit()
    values = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "＝1", 'say "x", y', "plain", "a\nb", -1.5]
    cells = page.evaluate(
        'async values => { const { cell } = await import("/static/exports.js"); return values.map(cell); }', values
    )
    parsed = next(csv.reader(io.StringIO(",".join(cells), newline="")))
    expected = ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "'＝1", 'say "x", y', "plain", "a\nb", "-1.5"]
    assert parsed == expected


def drop(page, name, content, kind):
    transfer = page.evaluate_handle(
        """([name, bytes, kind]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], name, { type: kind }));
          return transfer;
        }""",
        [name, list(content), kind],
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})


def test_dropped_files(visit):
    page = visit()
    area = page.get_by_label("Text", exact=True)
    html = (
        "<!doctype html><html><head><title>not me</title><style>p{color:red}</style></head><body onload='hacked=1'>"
        "<h1>War is\n inevitable</h1><script>window.hacked=1</script><p\nstyle='color:red' class=a>"
        "One <b STYLE=x>bold</b> word. Life style = 1 &lt; 2."
        "<br>A line."
        "<img src=x onerror='window.hacked=1'><ul><li>First<li>Second &lt;i&gt; &amp; 😀</ul><pre>a\n  b</pre>"
        "<noscript>never</noscript><p hidden>hidden</p>"
        "<button>Share</button><table><tr><td>x<td>y</table></body></html>"
    )
    drop(page, "article.HTML", html.encode(), "text/html")
    expect(area).to_have_value(
        "War is inevitable\n\nOne bold word. Life style = 1 < 2.\n\n"
        "A line.\n\nFirst\n\nSecond <i> & 😀\n\na\n\nb\n\nx\n\ny"
    )
    assert page.evaluate("window.hacked") is None
    drop(page, "old.txt", "Война неизбежна".encode("cp1251"), "text/plain")
    expect(area).to_have_value("Война неизбежна")
    expect(page.locator("#notice")).to_contain_text("windows-1251")
    drop(page, "wide.txt", "\ufeffВойна".encode("utf-16-le"), "text/plain")
    expect(area).to_have_value("Война")
    drop(page, "paper.pdf", b"%PDF", "application/pdf")
    expect(page.locator("#notice")).to_contain_text("neither a .txt nor an .html file")
    drop(page, "empty.txt", b" \n", "text/plain")
    expect(page.locator("#notice")).to_contain_text("no text in “empty.txt”")
    page.set_input_files("#file", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"Plain."})
    expect(area).to_have_value("Plain.")


def test_a_file_is_scored_as_it_is_with_its_line_ends(visit, shipped):
    page = visit()
    text = "A war is inevitable, he said.\r\nOpen Russophobia reigns in Baku.\r\n"
    drop(page, "windows.txt", text.encode(), "text/plain")
    with page.expect_request("**/v1/score") as sent:
        page.get_by_role("button", name="Read it").click()
    assert json.loads(sent.value.post_data)["text"] == text
    expect(page.locator("#result")).to_be_visible()
    assert drawn(page) == [s.text for s in tagged(shipped, text)]


def answer_with(page, path, status, body=None, headers=None):
    page.unroute(path)
    page.route(path, lambda route: route.fulfill(status=status, json=body or {}, headers=headers or {}))


def test_errors_in_plain_words(visit):
    page = visit(failures=True)
    submit = page.get_by_role("button", name="Read it")
    notice = page.locator("#notice")
    submit.click()
    expect(notice).to_contain_text("There is no text yet")
    page.get_by_label("Text", exact=True).fill(TEXT)
    for status, headers, words in (
        (413, {}, "too large for the service: 9 bytes"),
        (422, {}, "cannot take this: 9 bytes"),
        (429, {"Retry-After": "1"}, "Try again in 1 s."),
        (500, {}, "The service failed"),
        (503, {"Retry-After": "120"}, "Try again in 120 s."),
        (418, {}, "status 418"),
    ):
        answer_with(page, "**/v1/score", status, {"detail": "9 bytes"}, headers)
        submit.click()
        expect(notice).to_contain_text(words)
    page.unroute("**/v1/score")
    page.route("**/v1/score", lambda route: route.fulfill(status=502, body="<html>Bad gateway</html>"))
    submit.click()
    expect(notice).to_contain_text("Something other than the service answered (status 502)")
    page.unroute("**/v1/score")
    page.route("**/v1/score", lambda route: route.abort())
    submit.click()
    expect(notice).to_contain_text("The service does not answer")
    page.unroute("**/v1/score")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#result")).to_be_visible()
    expect(notice).to_be_empty()


def test_a_key_is_asked_for_and_kept_in_memory(visit):
    page = visit(failures=True)
    given = []

    def guard(route):
        given.append(route.request.headers.get("authorization"))
        if given[-1] == "Bearer secret":
            route.continue_()
        else:
            route.fulfill(status=401, json={"detail": "a key is needed"})

    page.route("**/v1/**", guard)
    page.get_by_label("Text", exact=True).fill(TEXT)
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_label("Key", exact=True)).to_be_focused()
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#key")).to_contain_text("does not know this key")
    page.keyboard.type("secret")
    page.keyboard.press("Enter")
    expect(page.locator("#result")).to_be_visible()
    assert given == [None, "Bearer wrong", "Bearer secret", "Bearer secret"]
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0


def test_a_key_that_may_not_do_this_can_be_exchanged(visit):
    page = visit(failures=True)
    given = []

    def guard(route):
        given.append(route.request.headers.get("authorization"))
        if given[-1] is None:
            route.fulfill(status=401, json={"detail": "a key is needed"})
        elif given[-1] == "Bearer score":
            route.fulfill(status=403, json={"detail": "the key of 'desk' is good for score; this needs 'feedback'"})
        else:
            route.fulfill(status=201, json={"id": "1", "status": "stored"})

    page.route("**/v1/feedback", guard)
    read(page, TEXT)
    page.locator("#story .s.tagged").first.click()
    card = page.locator("#panel .card").first
    card.get_by_role("button", name="Right").click()
    card.get_by_role("button", name="Store it").click()
    page.get_by_label("Key", exact=True).fill("score")
    page.get_by_role("button", name="Use it").click()
    expect(page.locator("#key")).to_contain_text("this needs 'feedback'")
    page.get_by_label("Key", exact=True).fill("both")
    page.get_by_role("button", name="Use it").click()
    expect(card.locator(".said")).to_have_text("Stored: right. Thank you.")
    assert given == [None, "Bearer score", "Bearer both"]


def test_feedback_says_what_is_stored_and_sends_it(visit, shipped):
    page = visit(failures=True)
    sent = []

    def store(route):
        sent.append(json.loads(route.request.post_data))
        route.fulfill(status=201, json={"id": "1", "status": "stored"})

    page.route("**/v1/feedback", store)
    read(page, TEXT)
    sentence = tagged(shipped, TEXT)[0]
    best = max(sentence.labels, key=lambda d: d.probability)
    page.locator("#story .s.tagged").first.click()
    card = page.locator("#panel .card").first
    card.get_by_role("button", name="Right").click()
    expect(card).to_contain_text("This sentence is stored on this service")
    assert sent == []
    card.get_by_role("button", name="Cancel").click()
    card.get_by_role("button", name="Right").click()
    card.get_by_label("Your name or initials").fill("desk 3")
    card.get_by_role("button", name="Store it").click()
    expect(card.locator(".said")).to_have_text("Stored: right. Thank you.")
    base = {"text": sentence.text, "digest": shipped.identity.digest, "annotator": "desk 3"}
    ids = [request.pop("client_id") for request in sent]
    assert sent == [{**base, "label": best.id, "verdict": "correct"}]
    assert len(ids[0]) == 36

    # Once it has been read it is not asked again. "Should be X" is two answers.
    sent.clear()
    other = next(n for n in shipped.taxonomy.narratives if n.id not in {d.id for d in sentence.labels})
    card.get_by_role("button", name="Should be …").click()
    card.get_by_label("It should be").select_option(other.id)
    card.get_by_label("and its voice is").select_option("rejected")
    card.get_by_role("button", name="Send").click()
    expect(card.locator(".said")).to_contain_text(f"should be “{other.name}”, rejected")
    ids += [request.pop("client_id") for request in sent]
    assert sent == [
        {**base, "label": best.id, "verdict": "incorrect"},
        {**base, "label": other.id, "verdict": "missing", "voice": "rejected"},
    ]
    assert len(set(ids)) == 3

    # What was said is still there when the sentence is opened again; an untagged sentence can be given a tag.
    sent.clear()
    page.locator("#story .s").nth(3).click()
    page.get_by_role("button", name="Should be …").click()
    page.get_by_label("It should be").select_option(other.id)
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".said")).to_contain_text("Stored")
    assert [(request["label"], request["verdict"]) for request in sent] == [(other.id, "missing")]
    page.locator("#story .s.tagged").first.click()
    expect(page.locator(".said").first).to_contain_text("Stored")


def test_feedback_that_fails_is_sent_again_under_the_same_id(visit):
    page = visit(failures=True)
    sent = []

    def refuse(route):
        sent.append(json.loads(route.request.post_data))
        known = {"status": 503, "json": {"detail": "the disk is full"}, "headers": {"Retry-After": "2"}}
        route.fulfill(**(known if len(sent) == 1 else {"status": 200, "json": {"id": "1", "status": "known"}}))

    page.route("**/v1/feedback", refuse)
    read(page, TEXT)
    page.locator("#story .s.tagged").first.click()
    card = page.locator("#panel .card").first
    card.get_by_role("button", name="Wrong").click()
    card.get_by_role("button", name="Store it").click()
    expect(card.locator(".said")).to_contain_text("Not stored. The service cannot answer now: the disk is full")
    card.get_by_role("button", name="Try again").click()
    expect(card.locator(".said")).to_have_text("Stored: wrong. Thank you.")
    assert sent[0] == sent[1]


def test_feedback_that_is_switched_off_is_hidden(site, visit):
    page = visit(failures=True)
    answer_with(page, "**/v1/feedback", 404, {"detail": "feedback is switched off here"})
    read(page, TEXT)
    page.locator("#story .s.tagged").first.click()
    page.get_by_role("button", name="Right").first.click()
    page.get_by_role("button", name="Store it").click()
    expect(page.locator(".said").first).to_have_text("Not stored. feedback is switched off here")
    page.locator("#story .s.tagged").nth(1).click()
    assert page.locator(".feedback").count() == 0

    other = visit(None, failures=True)
    body = static_files()["index.html"].content.decode().replace('feedback="on"', 'feedback="off"')
    other.route(re.compile(r"/$"), lambda route: route.fulfill(body=body, content_type="text/html"))
    other.goto(site.url + "/")
    expect(other.get_by_role("link", name="Review")).to_be_hidden()
    read(other, TEXT)
    other.locator("#story .s.tagged").first.click()
    assert other.locator(".feedback").count() == 0


def test_ids_without_a_secure_context(visit):
    page = visit()
    ids = page.evaluate(
        """async () => {
          const { randomId } = await import("/static/api.js");
          Object.defineProperty(crypto, "randomUUID", { value: undefined });
          return [randomId(), randomId()];
        }"""
    )
    assert ids[0] != ids[1]
    for made in ids:
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", made)


def review_item(number, **more):
    return {
        "id": f"id-{number}", "created": "2026-11-22T19:30:00Z", "text": f"😀 Sentence {number} <b>here</b>.",
        "label": "russophobia", "verdict": "missing", "voice": None, "begin": 2, "end": 10, "annotator": None,
        "digest": None, "language": None, "priority": 0.5, "state": "pending", "reviewer": None, **more,
    }  # fmt: skip


def test_review(site, visit):
    page = visit(None, failures=True)
    decided = []

    def answer(route):
        request = route.request
        if request.headers.get("authorization") != "Bearer admin":
            return route.fulfill(status=401, json={"detail": "a key is needed"})
        if request.method == "POST":
            number = request.url.rpartition("-")[2]
            body = json.loads(request.post_data)
            decided.append((number, body))
            state = {"accept": "accepted", "reject": "rejected"}[body["decision"]]
            return route.fulfill(json=review_item(number, state=state, reviewer=body.get("reviewer")))
        page_two = "after=c" in request.url
        items = [review_item(3)] if page_two else [review_item(1), review_item(2)]
        return route.fulfill(json={"items": items, "next": None if page_two else "c"})

    page.route("**/v1/review**", answer)
    page.goto(site.url + "/review")
    page.get_by_label("Key", exact=True).fill("admin")
    page.get_by_role("button", name="Use it").click()
    rows = page.locator(".queue li")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("should be “Russophobia”")
    expect(rows.first.locator("mark")).to_have_text("Sentence")
    assert "<b>here</b>" in rows.first.inner_text()
    page.get_by_label("Your name").fill("ed")
    rows.first.get_by_role("button", name="Accept").click()
    expect(rows.first).to_contain_text("accepted by ed")
    rows.nth(1).focus()
    page.keyboard.press("r")
    expect(rows.nth(1)).to_contain_text("rejected by ed")
    page.get_by_role("button", name="Show more").click()
    expect(rows).to_have_count(3)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    rows.nth(1).focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(2)).to_be_focused()
    assert decided == [
        ("1", {"decision": "accept", "reviewer": "ed"}),
        ("2", {"decision": "reject", "reviewer": "ed"}),
    ]
    page.unroute("**/v1/review**")
    answer_with(page, "**/v1/review**", 200, {"items": [], "next": None})
    page.get_by_role("button", name="Rejected").click()
    expect(page.locator("#notice")).to_contain_text("Nothing was rejected yet")


def test_reference_shows_every_route_and_schema(visit):
    page = visit("/docs")
    expect(page.locator(".route").first).to_be_visible()
    api = page.request.get(page.url.replace("/docs", "/openapi.json")).json()
    routes = [(method.upper(), path) for path, item in api["paths"].items() for method in item]
    shown = page.locator(".route .path").evaluate_all("found => found.map(p => p.textContent.split(' '))")
    assert sorted(map(tuple, shown)) == sorted(routes)
    assert set(page.locator(".schema").evaluate_all("found => found.map(s => s.id)")) == set(
        api["components"]["schemas"]
    )
    for link in page.locator('.reference a[href^="#"]').evaluate_all("found => found.map(a => a.hash.slice(1))"):
        assert page.locator(f'[id="{link}"]').count() == 1
    example = api["paths"]["/v1/score"]["post"]["requestBody"]["content"]["application/json"]["examples"]["one"]
    assert json.loads(page.locator("#post-v1-score pre").first.inner_text()) == example["value"]


@pytest.mark.parametrize("path", ["/", "/review", "/docs"])
def test_narrow_screens_do_not_scroll_sideways(site, visit, path):
    page = visit(None, viewport={"width": 390, "height": 844}, has_touch=True)
    item = review_item(1, text="Straße" * 200, begin=None, end=None)
    page.route("**/v1/review**", lambda route: route.fulfill(json={"items": [item], "next": None}))
    page.goto(site.url + path)
    page.wait_for_load_state("networkidle")
    if path == "/":
        read(page, TEXT + " War" + "ö" * 900 + " is inevitable in Baku.\n\nשלום עולם: מלחמה בלתי נמנעת.")
        page.locator("#story .s.tagged").first.tap()
        expect(page.locator("#panel.open")).to_be_visible()
        box = page.locator("#story .s.tagged").first.bounding_box()
        assert box["y"] + box["height"] < page.locator("#panel").bounding_box()["y"] + 1
        assert page.locator("#story p").last.evaluate("p => getComputedStyle(p).direction") == "rtl"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


# Every text on the page against what lies behind it, by WCAG 2's formula, from computed colours.
CONTRASTS = """() => {
  const parse = value => {
    const [r, g, b, a = 1] = value.match(/[\\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, under) => ({
    r: top.r * top.a + under.r * (1 - top.a), g: top.g * top.a + under.g * (1 - top.a),
    b: top.b * top.a + under.b * (1 - top.a), a: 1 });
  const light = ({ r, g, b }) => [r, g, b]
    .map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const faults = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest(".unseen, .skip, option, noscript, :disabled")) continue;
    let behind = { r: 255, g: 255, b: 255, a: 1 };
    let opacity = 1;
    const chain = [];
    for (let at = element; at; at = at.parentElement) chain.unshift(at);
    for (const at of chain) {
      behind = over(parse(getComputedStyle(at).backgroundColor), behind);
      opacity *= Number(getComputedStyle(at).opacity);
    }
    const colour = parse(getComputedStyle(element).color);
    const front = over({ ...colour, a: colour.a * opacity }, behind);
    const [low, high] = [light(front), light(behind)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    const words = texts.currentNode.data.trim().slice(0, 40);
    if (ratio < 4.5) faults.push(`${ratio.toFixed(2)} ${element.tagName}.${element.className}: ${words}`);
  }
  return faults;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(visit, scheme):
    page = visit(color_scheme=scheme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (sum(ground) > 600) == (scheme == "light")
    assert page.evaluate(CONTRASTS) == []
    read(page, TEXT)
    page.locator(".legend summary").click()
    page.locator("#story .s.tagged").first.click()
    page.get_by_role("button", name="Should be …").first.click()
    page.get_by_role("slider").fill("30")
    page.locator(".filter").first.click()
    assert page.evaluate(CONTRASTS) == []
    # All eight colours, whatever the text holds.
    page.evaluate(
        """() => { for (let slot = 0; slot < 8; slot++) for (const kind of ["yes", "unsure"]) {
          const card = document.querySelector("#panel .card").cloneNode(true);
          card.className = `card t${slot} ${kind}`;
          const sentence = document.querySelector("#story .s.tagged").cloneNode(true);
          sentence.className = `s tagged t${slot} ${kind}`;
          document.querySelector("#panel").append(card, sentence);
        } }"""
    )
    assert page.evaluate(CONTRASTS) == []


def test_the_switch_is_remembered_for_the_session_only(visit):
    page = visit(color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Dark colours").click()
    dark = page.evaluate(ground)
    assert dark != light
    page.goto(page.url + "docs")
    assert page.evaluate(ground) == dark
    page.get_by_role("button", name="Light colours").click()
    assert page.evaluate(ground) == light
    assert page.evaluate("localStorage.length") == 0


def test_the_strip_jumps_and_a_long_text_stays_usable(visit):
    block = "The trains run again. Tickets are sold from Monday. A war with Azerbaijan is inevitable, bloggers wrote. "
    text = (block * 300 + "\n") * 2
    page = visit()
    read(page, text)
    expect(page.locator("#story .s")).to_have_count(1800)
    # A handful of listeners for all sentences: each is one element and its mark.
    assert page.evaluate("document.querySelectorAll('#story *').length") < 1800 + 2 * 600 + 100
    lane = page.locator(".lane canvas").first
    box = lane.bounding_box()
    lane.click(position={"x": box["width"] * 0.75, "y": 5})
    active = page.locator("#story .s.active")
    expect(active).to_be_in_viewport()
    assert abs(int(active.get_attribute("data-i")) - 1350) <= 30
    expect(active).to_be_focused()


def test_landmarks_and_names(visit):
    page = visit()
    read(page, TEXT)
    page.locator("#story .s.tagged").first.click()
    for role, name in (
        ("banner", None), ("navigation", "Pages"), ("main", None), ("complementary", "The sentence"),
        ("table", "Narratives in this text"), ("slider", "Probability to tag from"), ("radio", "as the model decides"),
        ("group", "Your judgement of"), ("button", "Close"),
    ):  # fmt: skip
        assert page.get_by_role(role, name=name).first.is_visible(), (role, name)
    assert page.locator("h1, h2, h3, h4").evaluate_all("all => all.every(h => h.textContent.trim())")
    first = page.locator("#story .s.tagged").first
    assert first.get_attribute("role") == "button"
    assert first.get_attribute("aria-description")
    assert page.locator("[role=status]").count() >= 1


@pytest.mark.parametrize("path", ["/", "/review", "/docs"])
def test_axe_finds_nothing(site, visit, path):
    axe = Axe()
    page = visit(None)
    items = [review_item(1), review_item(2, state="accepted")]
    page.route("**/v1/review**", lambda route: route.fulfill(json={"items": items, "next": None}))
    page.goto(site.url + path)
    page.wait_for_load_state("networkidle")
    found = axe.run(page).response["violations"]
    if path == "/":
        read(page, TEXT)
        page.locator("#story .s.tagged").first.click()
        page.get_by_role("button", name="Should be …").first.click()
        found += axe.run(page).response["violations"]
    assert [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found] == []


def test_from_the_page_to_the_review(site, visit, shipped):
    """With the real routes and a real database."""
    page = visit()
    text = "Open Russophobia reigns in Baku, 😀 they say. The trains between Baku and Tbilisi run again."
    read(page, text)
    sentence = tagged(shipped, text)[0]
    page.locator("#story .s.tagged").first.click()
    card = page.locator("#panel .card").first
    card.get_by_role("button", name="Wrong").click()
    card.get_by_label("Your name or initials").fill("desk 3")
    card.get_by_role("button", name="Store it").click()
    expect(card.locator(".said")).to_have_text("Stored: wrong. Thank you.")
    page.goto(site.url + "/review")
    row = page.locator(".queue li", has_text=sentence.text)
    expect(row).to_contain_text("is wrong")
    expect(row).to_contain_text("said by desk 3")
    row.focus()
    page.keyboard.press("a")
    expect(row).to_contain_text("accepted")
    page.get_by_role("button", name="Accepted", exact=True).click()
    expect(row).to_contain_text("accepted")
    row.get_by_role("button", name="Reject after all").click()
    expect(row).to_contain_text("rejected")
    page.get_by_role("button", name="Pending").click()
    expect(page.locator("#notice")).to_contain_text("Nothing waits for review.")
