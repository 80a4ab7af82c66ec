import hashlib
import json

import pytest

from classifier import InputError
from classifier.batch.answers import Claim, Found, NotFound, Texts, read_claims

TEXT = "First line.\nSecond, café.\n"


def claim(text, **body):
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Claim("results[0]", "text", {}, {"text_sha256": digest, **body})


def test_every_shape_of_an_answer(tmp_path):
    model = {"digest": "sha256:1"}
    result = {"id": "a", "labels": [], "sentences": []}
    failure = {"id": None, "error": {"status": 422}}
    service = {"model": model, "results": [result, failure]}
    paragraph = {"model": model, "begin": 0, "end": 3, **result}
    sentence = {"model": model, "begin": 0, "end": 3, "text": "abc", "labels": [], "evidence": []}
    (tmp_path / "pretty.json").write_text(json.dumps(service, indent=2))
    found = read_claims(str(tmp_path / "pretty.json"))
    assert [(c.place, c.kind) for c in found] == [("results[0]", "text"), ("results[1]", "error")]
    assert all(c.model == model for c in found)
    (tmp_path / "one.json").write_text(json.dumps({"model": model, **result}))
    assert [(c.place, c.kind) for c in read_claims(str(tmp_path / "one.json"))] == [("the answer", "text")]
    rows = [{"model": model, **result}, paragraph, sentence, service]
    (tmp_path / "rows.jsonl").write_text("\n\n".join(json.dumps(row) for row in rows) + "\n")
    found = read_claims(str(tmp_path / "rows.jsonl"))
    assert [(c.place, c.kind) for c in found] == [
        ("line 1", "text"),
        ("line 3", "paragraph"),
        ("line 5", "sentence"),
        ("line 7, results[0]", "text"),
        ("line 7, results[1]", "error"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_answers_that_a_shell_wrote_in_its_own_encoding(tmp_path, encoding):
    (tmp_path / "a.json").write_bytes(json.dumps({"labels": ["é"]}, ensure_ascii=False).encode(encoding))
    assert read_claims(str(tmp_path / "a.json"))[0].body == {"labels": ["é"]}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xff\xff", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[1]", "it is list, not an answer"),
        (b'{"status": 422}', "holds status, but neither results nor labels"),
        (b'{"results": []}', "holds no results"),
        (b'{"results": [1]}', r"results\[0\] is int"),
        (b'{"labels": []}\n{"labels"\n', "line 2 is not valid JSON"),
        (b'{"labels": []}\n7\n', "line 2 is int, not an answer"),
        (b'{"narratives": [], "labels": [], "model": "sha256:1"}', "is a row that was written with -o"),
    ],
)
def test_what_is_no_answer_is_told(tmp_path, content, told):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=told):
        read_claims(str(tmp_path / "a.json"))


def test_an_answer_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_claims(str(tmp_path / "absent.json"))


def test_a_text_is_found_by_its_hash_among_many(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "plain").write_text("No ending in the file's name.")
    (tmp_path / "rows.jsonl").write_text(
        '{"id": "r1", "text": "One."}\n{"id": "r2", "text": "Two.", "language": "en"}\n7\n'
    )
    texts = Texts(str(tmp_path / name) for name in ("a.txt", "plain", "rows.jsonl"))
    for text in (TEXT, "No ending in the file's name.", "One.", "Two."):
        found = texts.find(claim(text))
        assert isinstance(found, Found)
        assert found.record.item.text == text
    assert [bad.row for bad in texts.bad] == [3]
    missing = texts.find(claim("Three."))
    assert isinstance(missing, NotFound)
    assert not missing.differs
    assert "none of the texts given (4)" in missing.reason
    # Meant by its id, by its row, or by nothing.
    assert texts.find(claim("Three.", id="r2")).differs
    meant = texts.find(claim("Three.", source={"file": "elsewhere/rows.jsonl", "row": 2}))
    assert meant.differs
    assert "rows.jsonl, row 2: the text differs" in meant.reason
    assert not texts.find(claim("Three.", id="r9")).differs


@pytest.mark.parametrize(
    ("scored", "hint"),
    [
        (TEXT.replace("\n", "\r\n"), "with CRLF instead of LF line ends it would be the same"),
        (TEXT.removesuffix("\n"), "without the line end at its end it would be the same"),
        (TEXT + "\n", "with a line end at its end it would be the same"),
        (TEXT.replace("é", "e\u0301"), "in Unicode normalization form D it would be the same"),
        ("\ufeff" + TEXT, "with a byte order mark it would be the same"),
        (TEXT.replace("S", "s"), None),
    ],
)
def test_the_one_text_that_differs_is_told_and_how(tmp_path, scored, hint):
    (tmp_path / "a.txt").write_bytes(TEXT.encode())
    found = Texts([str(tmp_path / "a.txt")]).find(claim(scored))
    assert isinstance(found, NotFound)
    assert found.differs
    assert "a.txt: the text differs from the one that was scored: its sha256 is " in found.reason
    assert hashlib.sha256(TEXT.encode()).hexdigest() in found.reason
    assert hashlib.sha256(scored.encode()).hexdigest() in found.reason
    assert found.reason.endswith(hint) if hint else "would be the same" not in found.reason


def test_windows_line_ends_are_told_the_other_way_round_too(tmp_path):
    (tmp_path / "a.txt").write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert "with LF instead of CRLF line ends" in Texts([str(tmp_path / "a.txt")]).find(claim(TEXT)).reason
    assert "with LF line ends and none at its end" in Texts([str(tmp_path / "a.txt")]).find(claim(TEXT.strip())).reason


def test_a_file_with_a_byte_order_mark_is_the_text_with_or_without_it(tmp_path):
    (tmp_path / "a.txt").write_bytes(TEXT.encode("utf-8-sig"))
    texts = Texts([str(tmp_path / "a.txt")])
    assert texts.find(claim(TEXT)).record.item.text == TEXT
    assert texts.find(claim("\ufeff" + TEXT)).record.item.text == "\ufeff" + TEXT
    assert texts.find(claim("other")).differs


@pytest.mark.parametrize("body", [{}, {"text_sha256": None}, {"text_sha256": 7}, {"text_sha256": ["x"]}])
def test_an_answer_without_a_hash_is_about_no_text(tmp_path, body):
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "b.txt").write_text("b")
    texts = Texts([str(tmp_path / "a.txt"), str(tmp_path / "b.txt")])
    assert not texts.find(Claim("x", "text", {}, body)).differs


def test_files_that_cannot_be_read_are_told(tmp_path):
    (tmp_path / "latin.txt").write_bytes("café".encode("latin-1"))
    assert "byte 3 is not UTF-8" in Texts([str(tmp_path / "latin.txt")]).bad[0].message
    for name in ("absent.txt", "absent.jsonl"):
        with pytest.raises(InputError, match=name):
            Texts([str(tmp_path / name)])
