import csv
import json
from pathlib import Path

import pytest

from classifier.corpus import importing
from classifier.corpus.checks import require_valid
from classifier.corpus.exporting import export_labels
from classifier.corpus.files import read_labels, write_labels
from classifier.corpus.formats.foreign import MAX_TEXT, Reading
from classifier.corpus.importing import import_labels
from classifier.corpus.scaffold import lay_out
from classifier.corpus.sentence import LabelledSentence
from classifier.errors import CorpusError, TaxonomyError
from classifier.taxonomy import load_taxonomy

ENGLISH = Reading(language="en")


@pytest.fixture
def labels(tmp_path):
    lay_out(tmp_path / "labels")
    return tmp_path / "labels"


def csv_file(folder, *lines):
    path = folder / "survey.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def snapshot(folder):
    return {path.relative_to(folder): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def test_what_fits_is_taken_and_training_can_use_it(tmp_path, labels):
    source = csv_file(tmp_path, "id,text,label,lang,split", "7,One.,Climate change is a hoax,EN-us,test", ",Two.,,de,")
    done = import_labels(source, labels)
    assert (done.n_taken, done.n_rejected, done.path) == (2, 0, labels / "imported-survey.csv")
    one, two = rows = read_labels(labels)
    assert one == LabelledSentence("7", "One.", "en", {"climate-hoax": None}, "imported", split="test")
    assert (two.text, two.language, dict(two.labels), two.origin) == ("Two.", "de", {}, "imported")
    assert two.id, "a row without an id gets one"
    require_valid(rows, load_taxonomy(labels / "taxonomy.yaml"))


def test_every_row_that_does_not_fit_is_told_by_file_row_and_reason(tmp_path, labels):
    write_labels(labels / "own.csv", [LabelledSentence("old", "Known text.", "en", {"climate-hoax": None})])
    before = snapshot(labels)
    lines = [
        "id,text,label,voice,lang",
        "1,Good.,climate-hoax,asserted,en",
        "2,Unknown.,climat-hoax,,en",
        "3,  ,climate-hoax,,en",
        "1,Same id.,,,en",
        "old,Same id as ours.,,,en",
        "6,Known text.,,,en",
        "7, Good. ,climate-hoax,,en",
        "8,Voice.,climate-hoax,loud,en",
        "9,Language.,,,English",
        "10,None.,,,",
        f"11,{'x' * (MAX_TEXT + 1)},,,en",
        "12,Nul\0.,,,en",
        "13,Short",
        "14,Last.,,,en",
    ]
    source = csv_file(tmp_path, *lines)
    done = import_labels(source, labels, rejected=tmp_path / "rejected.csv")
    told = {row.row: row.reason for row in done.rejected}
    expected = {
        3: "label 'climat-hoax' is not in the taxonomy; did you mean 'climate-hoax'?",
        4: "the text is empty",
        5: f"id '1' stands already at {source}, row 2; ids must differ",
        6: f"id 'old' stands already at {labels / 'own.csv'}, row 2",
        7: f"the same text stands with other labels at {labels / 'own.csv'}, row 2",
        8: f"the same text stands with other labels at {source}, row 2",
        9: "voice 'loud' of 'climate-hoax' is none of",
        10: "language 'English' is no ISO 639 code",
        11: "no language; name the column with --language-column",
        12: "longer than 1,000,000 characters",
        13: "text holds a NUL character",
        14: "2 fields, but the header has 5",
    }
    assert list(told) == list(expected)
    for row, reason in expected.items():
        assert reason in told[row], row
    assert (done.n_taken, done.n_rejected) == (2, len(expected))
    assert {row.source for row in done.rejected} == {str(source)}
    with (tmp_path / "rejected.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [(int(r["row"]), r["reason"]) for r in csv.DictReader(file)] == list(told.items())
    after = snapshot(labels)
    assert {name: after[name] for name in before} == before, "what was there stays as it was"
    assert [row.id for row in read_labels(labels / "imported-survey.csv")] == ["1", "14"]


def test_all_rows_are_told_however_many(tmp_path, labels):
    n = importing.SHOWN + 50
    source = csv_file(tmp_path, "text,label", *[f"Text {i}.,nonsense" for i in range(n)])
    done = import_labels(source, labels, ENGLISH, rejected=tmp_path / "r.csv")
    assert (done.n_rejected, len(done.rejected), done.path) == (n, importing.SHOWN, None)
    assert len((tmp_path / "r.csv").read_text(encoding="utf-8-sig").splitlines()) == n + 1


def test_formulas_in_the_report_do_not_compute(tmp_path, labels):
    source = csv_file(tmp_path, "id,text,label", '"=HYPERLINK(""x"")",x,nonsense')
    import_labels(source, labels, ENGLISH, rejected=tmp_path / "r.csv")
    assert "'=HYPERLINK" in (tmp_path / "r.csv").read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("how", ["strict", "dry_run"])
def test_nothing_is_written_where_nothing_is_to_be(tmp_path, labels, how):
    before = snapshot(labels)
    source = csv_file(tmp_path, "text,label", "good,climate-hoax", "bad,nonsense")
    done = import_labels(source, labels, ENGLISH, **{how: True}, rejected=tmp_path / "r.csv")
    assert (done.path, done.n_taken, done.n_rejected) == (None, 1, 1)
    assert snapshot(labels) == before
    assert "nonsense" in (tmp_path / "r.csv").read_text(encoding="utf-8-sig")


def test_importing_again_takes_nothing_twice(tmp_path, labels):
    source = csv_file(tmp_path, "text,label", "One.,climate-hoax", "One.,climate-hoax", "Two.,")
    first = import_labels(source, labels, ENGLISH)
    assert (first.n_taken, [row.reason for row in first.rejected]) == (
        2,
        [f"the same text stands already at {source}, row 2"],
    )
    with pytest.raises(CorpusError, match=r"imported-survey\.csv: there already, and stays as it is; name another"):
        import_labels(source, labels, ENGLISH)
    again = import_labels(source, labels, ENGLISH, output="again.csv")
    assert (again.n_taken, again.path) == (0, None)
    assert not (labels / "again.csv").exists()


@pytest.mark.parametrize("name", ["x.txt", "../x.csv", "a/b.csv", "/tmp/x.csv"])
def test_the_new_file_lies_in_the_directory(tmp_path, labels, name):
    source = csv_file(tmp_path, "text,label", "One.,")
    with pytest.raises(CorpusError, match="no name of a label file"):
        import_labels(source, labels, ENGLISH, output=name)


def test_the_report_may_not_be_read_as_labels(tmp_path, labels):
    source = csv_file(tmp_path, "text,label", "One.,")
    with pytest.raises(CorpusError, match="would be read as labels"):
        import_labels(source, labels, ENGLISH, rejected=labels / "r.csv")


def test_a_full_disk_leaves_the_labels_as_they_were(tmp_path, labels, monkeypatch):
    before = snapshot(labels)
    source = csv_file(tmp_path, "text,label", *[f"Text {i}.,climate-hoax" for i in range(100)])
    n = 0

    def full(row):
        nonlocal n
        n += 1
        if n == 50:
            raise OSError(28, "No space left on device")
        return "x\n"

    monkeypatch.setattr(importing, "row_line", full)
    with pytest.raises(OSError, match="No space left"):
        import_labels(source, labels, ENGLISH)
    assert snapshot(labels) == before


def test_a_directory_without_a_codebook_is_told(tmp_path):
    source = csv_file(tmp_path, "text,label", "One.,")
    with pytest.raises(TaxonomyError, match="no such file"):
        import_labels(source, tmp_path / "absent", ENGLISH)
    assert not (tmp_path / "absent").exists()


def test_one_narrative_a_text_where_the_codebook_says_so(tmp_path, labels):
    book = labels / "taxonomy.yaml"
    book.write_text(book.read_text().replace("multilabel: true", "multilabel: false"))
    done = import_labels(csv_file(tmp_path, "text,label", "x,climate-hoax;climate-too-costly"), labels, ENGLISH)
    assert "2 narratives (climate-hoax, climate-too-costly), but the taxonomy says multilabel: false" in (
        done.rejected[0].reason
    )


def test_languages_can_be_found_out(tmp_path, labels):
    lines = ["text,label", "The minister denied every accusation.,", "Министр отверг все обвинения.,"]
    import_labels(csv_file(tmp_path, *lines), labels, Reading(language="auto"))
    assert [row.language for row in read_labels(labels)] == ["en", "ru"]
    with pytest.raises(CorpusError, match="'klingon' is no ISO 639 code"):
        import_labels(csv_file(tmp_path, *lines), labels, Reading(language="klingon"), output="x.csv")


def test_half_a_surrogate_pair_is_told(tmp_path, labels):
    source = tmp_path / "x.jsonl"
    source.write_text('{"text": "cut \\ud83d", "label": []}\n{"text": "whole \\ud83d\\ude00", "label": []}\n')
    done = import_labels(source, labels, ENGLISH)
    assert "text: character 4 is half a surrogate pair" in done.rejected[0].reason
    assert [row.text for row in read_labels(labels)] == ["whole 😀"]


def test_a_taxonomy_can_be_made_of_what_is_found(tmp_path):
    labels = tmp_path / "labels"
    source = csv_file(
        tmp_path, "text,label", "Eins.,Süße Hoffnung:rejected", "Zwei.,Süße Hoffnung;No", "Drei.,", "Vier.,1.5"
    )
    done = import_labels(source, labels, Reading(language="de"), make_taxonomy=True)
    assert (done.taxonomy, done.n_taken) == (labels / "taxonomy.yaml", 4)
    taxonomy = load_taxonomy(labels / "taxonomy.yaml")
    assert [(n.id, n.name) for n in taxonomy.narratives] == [
        ("susse-hoffnung", "Süße Hoffnung"),
        ("no", "No"),
        ("1-5", "1.5"),
    ]
    assert (taxonomy.unit, taxonomy.multilabel, len(taxonomy.themes)) == ("sentence", True, 1)
    assert set(taxonomy.voices) == {"asserted", "attributed", "rejected"}
    rows = read_labels(labels)
    require_valid(rows, taxonomy)
    with pytest.raises(CorpusError, match="there already; leave out --make-taxonomy"):
        import_labels(source, labels, ENGLISH, make_taxonomy=True, output="x.csv")


def test_semeval_makes_two_levels(tmp_path):
    folder = tmp_path / "EN"
    (folder / "raw-documents").mkdir(parents=True)
    for k in (1, 2, 3):
        (folder / "raw-documents" / f"EN_{k}.txt").write_text(f"Title {k}\n\nA body. With sentences {k}.")
    (folder / "subtask-2-annotations.txt").write_text(
        "EN_1.txt\tURW: A;URW: B\tURW: A: One;URW: B: Other\nEN_2.txt\tOther\tOther\nEN_3.txt\tURW: A\tURW: A: Other\n"
    )
    done = import_labels(folder, tmp_path / "labels", make_taxonomy=True)
    taxonomy = load_taxonomy(tmp_path / "labels" / "taxonomy.yaml")
    assert (done.n_taken, taxonomy.unit, taxonomy.multilabel) == (3, "text", True)
    assert [(t.id, t.name, [n.id for n in t.narratives]) for t in taxonomy.themes] == [
        ("urw-a", "URW: A", ["urw-a-one", "urw-a-other"]),
        ("urw-b", "URW: B", ["urw-b-other"]),
    ]
    # And back: the same two files but for the names' order.
    export_labels(tmp_path / "labels", tmp_path / "out", "semeval")
    written = (tmp_path / "out" / "EN" / "subtask-2-annotations.txt").read_text()
    assert written == (folder / "subtask-2-annotations.txt").read_text()


def test_the_example_codebook_gives_way(tmp_path, labels):
    source = csv_file(tmp_path, "text,label", "One.,Hope")
    import_labels(source, labels, ENGLISH, make_taxonomy=True)
    assert load_taxonomy(labels / "taxonomy.yaml").ids == ("hope",)


def test_no_label_at_all_makes_no_taxonomy(tmp_path):
    source = csv_file(tmp_path, "text,label", "One.,")
    with pytest.raises(CorpusError, match="no row carries a label"):
        import_labels(source, tmp_path / "labels", ENGLISH, make_taxonomy=True)
    assert snapshot(tmp_path / "labels") == {}


def test_export_refuses_to_overwrite_and_tells_what_is_lost(tmp_path, labels):
    write_labels(labels / "own.csv", [LabelledSentence("a", "A.", "en", {"climate-hoax": "asserted"}, note="n")])
    (tmp_path / "there.csv").write_text("mine")
    with pytest.raises(CorpusError, match=r"there\.csv: there already"):
        export_labels(labels, tmp_path / "there.csv", "csv")
    assert (tmp_path / "there.csv").read_text() == "mine"
    done = export_labels(labels, tmp_path / "out", "semeval")
    assert {name: n for name, n in done.lost.items() if n} == {"voices": 1, "note": 1}
    assert export_labels(labels, tmp_path / "o.jsonl", "jsonl").lost == {}
    for name, told in (("argilla", "only read"), ("word", "no format; there are csv, excel")):
        with pytest.raises(CorpusError, match=told):
            export_labels(labels, tmp_path / "x", name)
    with pytest.raises(CorpusError, match="--excel is for CSV"):
        export_labels(labels, tmp_path / "x", "jsonl", excel=True)


def test_a_mapping_leaves_out_and_renames(tmp_path, labels):
    (tmp_path / "map.yaml").write_text("Hoax!: climate-hoax:asserted\nspam: null\n")
    source = tmp_path / "x.json"
    source.write_text(json.dumps([{"text": "One.", "label": ["Hoax!", "spam"]}]))
    import_labels(source, labels, ENGLISH, mapping=tmp_path / "map.yaml")
    assert dict(read_labels(labels)[0].labels) == {"climate-hoax": "asserted"}


def test_days_and_outlets_are_taken_and_what_is_no_day_is_told(tmp_path, labels):
    source = csv_file(
        tmp_path,
        "id,text,label,lang,published,source",
        "1,One.,,en,2025-06-28T10:00:00Z,site.example",
        "2,Two.,,en,28 June,",
    )
    done = import_labels(source, labels)
    one, two = read_labels(done.path)
    assert (one.date, one.outlet, two.date, two.outlet) == ("2025-06-28", "site.example", "", "")
    assert any("'28 June' is no day" in remark for remark in done.remarks)


def test_rows_that_nobody_has_labelled_are_counted_and_left_out(tmp_path, labels):
    source = csv_file(tmp_path, "text,label", "One.,climate-hoax", "Two.,?", "Three., climate-hoax ; ? ", "Four.,")
    done = import_labels(source, labels, ENGLISH, strict=True)
    assert (done.n_taken, done.n_rejected, done.n_unlabelled) == (2, 0, 2)
    assert [row.text for row in read_labels(labels)] == ["One.", "Four."]


def test_a_mapping_may_give_the_question_mark_a_meaning(tmp_path, labels):
    source = csv_file(tmp_path, "text,label", "One.,?")
    mapping = tmp_path / "map.csv"
    mapping.write_text("theirs,ours\n?,\n")
    assert import_labels(source, labels, ENGLISH, mapping=mapping).n_taken == 1


def test_no_codebook_is_made_of_question_marks(tmp_path, labels):
    source = csv_file(tmp_path, "text,label", "One.,?", "Two.,Real")
    import_labels(source, labels, ENGLISH, make_taxonomy=True)
    assert load_taxonomy(labels / "taxonomy.yaml").ids == ("real",)


@pytest.mark.parametrize("value", ["?", "climate-hoax;?", "? : rejected"])
def test_a_question_mark_among_the_labels_is_told_with_the_remedy(labels, value):
    (labels / "labels.csv").write_text(f"id,text,language,narratives\na,One.,en,{value}\n")
    with pytest.raises(CorpusError, match=r"labels\.csv, row 2: '\?' means not labelled yet; write narratives"):
        read_labels(labels)
