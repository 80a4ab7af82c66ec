"""The report: right figures, one file that asks nothing of anybody, on any codebook."""

import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from classifier import TrainingError
from classifier.corpus.files import corpus_digest, read_labels, write_labels
from classifier.corpus.sentence import LabelledSentence
from classifier.training.crossval import Options
from classifier.training.page_parts import Paragraph, Plot, Table
from classifier.training.report import find_model, gather
from classifier.training.report_contents import write_contents
from classifier.training.report_html import to_html
from classifier.training.report_markdown import to_markdown

OPTIONS = Options(n_folds=3, C_grid=(8.0,), n_jobs=1)
HOSTILE = '<script>alert("1")</script> | <img src=x onerror=alert(1)> & `code` [a](http://b.example)'


def write_codebook(directory, *, more=""):
    directory.mkdir(parents=True)
    (directory / "taxonomy.yaml").write_text(
        f"version: 1\nunit: text\n{more}narratives:\n"
        "  - {id: flood, name: Flood, definition: Water rises.}\n"
        "  - {id: drought, name: Drought, definition: Wells run dry.}\n"
        "  - {id: empty, name: Empty, definition: Nobody says so.}\n",
        encoding="utf-8",
    )
    return directory


def small_rows(n=60):
    rng = np.random.default_rng(0)
    rows = []
    for i in range(n):
        kind = i % 3
        words = " ".join(rng.choice("river town mayor council road bridge field barn school".split(), 5))
        # Some say what the other label says: confusions, with texts that would be markup.
        mistaken = i % 6 == 0
        said = ("the flood came", "a drought again", "nothing new")[1 if mistaken else kind]
        said += f" {HOSTILE}" if mistaken else ""
        labels = {("flood", "drought")[kind]: None} if kind < 2 else {}
        rows.append(LabelledSentence(f"r{i}", f"{said} {words} {i}", "en", labels, register="<b>wire</b>"))
    return rows


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """Twenty texts a label, one label empty, hostile texts."""
    labels = write_codebook(tmp_path_factory.mktemp("report") / "labels")
    write_labels(labels / "a.csv", small_rows())
    return write_contents(gather(labels, options=OPTIONS), "narratives report --labels 'x <y>'")


class Page(HTMLParser):
    """What a browser would load or run, the headings, and which identifiers there are."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.scripts, self.headings, self.ids, self.refs, self.images = [], [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.scripts += [tag] if tag in {"script", "iframe", "object", "embed", "link", "img", "base"} else []
        self.scripts += [name for name in given if name.startswith("on")]
        for name in ("src", "href", "xlink:href", "data", "action"):
            if name in given:
                (self.refs if given[name].startswith("#") else self.loads).append(given[name])
        self.refs += [f"#{found}" for value in given.values() for found in re.findall(r"url\(#(.*?)\)", value or "")]
        self.headings += [tag] if tag in {"h1", "h2", "h3"} else []
        self.images += [given.get("aria-label")] if tag == "svg" else []


def test_the_page_loads_nothing_and_runs_nothing(contents):
    text = to_html(contents)
    page = Page(text)
    assert page.loads == []
    assert page.scripts == []
    assert "default-src 'none'" in text
    assert "&lt;script&gt;" in text
    assert not re.search(r"url\((?!#)|@import", text)


def test_the_page_has_headings_names_and_identifiers_in_order(contents):
    page = Page(to_html(contents))
    assert page.headings == ["h1", *["h2"] * len(contents.sections)]
    assert len(page.ids) == len(set(page.ids))
    assert {ref.removeprefix("#") for ref in page.refs} <= set(page.ids)
    assert len(page.images) == 5
    assert all(page.images)


def test_every_plot_has_a_table_beside_it(contents):
    for section in contents.sections:
        if any(isinstance(block, Plot) for block in section.blocks):
            assert any(isinstance(block, Table) for block in section.blocks), section.title


def words_of(contents):
    return "\n".join(block.text for s in contents.sections for block in s.blocks if isinstance(block, Paragraph))


def test_what_cannot_be_computed_is_said(contents):
    told = words_of(contents)
    assert "Too few labels to judge" in told
    assert "Out of time: not computed; no row has a date" in told
    assert "Unseen outlets: not computed; no row has an outlet" in told
    assert "Leaving one article out: not computed" in told
    (table,) = (b for s in contents.sections if s.id == "narratives" for b in s.blocks if isinstance(b, Table))
    assert table.rows[2][:4] == ("empty", "0", "0", "no label")


def test_markdown_has_every_table_and_no_markup_of_the_texts(contents):
    text = to_markdown(contents)
    n_rows = sum(1 + len(b.rows) for s in contents.sections for b in s.blocks if isinstance(b, Table))
    assert len([line for line in text.splitlines() if line.startswith("| ")]) == n_rows
    for line in text.splitlines():
        assert not re.search(r"(?<!\\)<|(?<!\\)\]\(", line), line
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("|")]
    assert min(widths) >= 3


def test_it_tells_the_figures_that_training_told_and_names_model_and_corpus(small_labels, small_models):
    model = find_model(small_models)
    findings = gather(small_labels, model, options=Options(n_folds=3, n_jobs=1))
    figures = findings.figures
    assert figures["model"]["digest"] == model.identity.digest
    assert figures["model"]["same_corpus"]
    assert figures["corpus"]["digest"] == corpus_digest(read_labels(small_labels))
    assert json.loads(json.dumps(figures["grouped"])) == model.report["cross_validation"]
    y = findings.prepared.y
    for k, narrative in enumerate(model.ids):
        assert figures["prevalence"]["all"]["narratives"][narrative]["n"] == y[:, k].sum()
    for pair in figures["confusions"]["pairs"]:
        low, high = pair["interval"]
        assert low <= pair["share"] <= high
        assert pair["share"] == pytest.approx(pair["n_sentences"] / pair["support"], abs=1e-4)
    json.dumps(figures, allow_nan=False)
    text = to_html(write_contents(findings, "narratives report"))
    assert model.identity.digest in text
    assert figures["corpus"]["digest"] in text
    assert to_html(write_contents(gather(small_labels, model, options=Options(n_folds=3)), "narratives report")) == text


def test_days_and_outlets_are_used(tmp_path):
    labels = write_codebook(tmp_path / "labels", more="multilabel: false\n")
    rows = [replace(r, date=f"2025-{1 + i // 12:02d}-03", outlet=f"o{i % 6}") for i, r in enumerate(small_rows(120))]
    write_labels(labels / "a.csv", rows)
    contents = write_contents(gather(labels, find_model(tmp_path / "none"), options=OPTIONS), "narratives report")
    (table,) = (b for s in contents.sections if s.id == "splits" for b in s.blocks if isinstance(b, Table))
    told = [row[0] for row in table.rows]
    assert "later texts (from 2025-09-03), trained on earlier ones" in told
    assert "unseen outlets (6 in all)" in told


def test_labels_that_nothing_can_be_said_of_are_told(tmp_path):
    labels = write_codebook(tmp_path / "labels")
    write_labels(labels / "a.csv", [replace(row, labels={}) for row in small_rows(9)])
    with pytest.raises(TrainingError, match="nothing to report on"):
        gather(labels, options=OPTIONS)
    write_labels(labels / "a.csv", small_rows(2))
    with pytest.raises(TrainingError, match="fewer folds"):
        gather(labels, options=OPTIONS)


def test_a_model_of_other_narratives_is_not_mixed_in(tmp_path, small_model):
    labels = write_codebook(tmp_path / "labels")
    write_labels(labels / "a.csv", small_rows())
    figures = gather(labels, small_model, options=OPTIONS).figures
    assert "other narratives" in figures["model"]["reason"]
    assert figures["test"] == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_a_phone_shows_it_whole(contents, chromium, tmp_path, scheme):
    path = tmp_path / "report.html"
    path.write_text(to_html(contents), encoding="utf-8")
    switches = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*switches.split(), "--no-first-run"])
        context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        assert asked == [path.as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        found = Axe().run(page).response["violations"]
        assert not [(v["id"], v["nodes"][0]["html"][:200]) for v in found]
        browser.close()


def test_the_command_writes_both_files_and_leaves_the_models_alone(tmp_path, small_models):
    from typer.testing import CliRunner

    from classifier.cli.app import app

    labels = write_codebook(tmp_path / "labels")
    write_labels(labels / "a.csv", small_rows())
    before = {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in small_models.rglob("*") if p.is_file()}
    html, markdown = tmp_path / "out" / "r.html", tmp_path / "r.md"
    arguments = ["report", "--labels", labels, "--models", small_models, "-o", html, "--markdown", markdown]
    done = CliRunner().invoke(app, [*map(str, arguments), "--folds", "3", "--jobs", "1"])
    assert done.exit_code == 0, done.output
    assert "micro F1" in done.output
    assert "narratives report --labels" in html.read_text(encoding="utf-8")
    assert Path(markdown).read_text(encoding="utf-8").startswith("# Report on 60 texts with 3 narratives")
    after = {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in small_models.rglob("*") if p.is_file()}
    assert after == before
