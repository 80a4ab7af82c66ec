import pytest

from classifier.batch.readers import Reading, read_all, read_records
from classifier.batch.sources.registry import FORMATS, expand, format_of
from classifier.errors import InputError


def test_a_name_tells_the_format_and_the_user_wins(tmp_path):
    for name, format in [
        ("a.txt", "text"), ("a.CSV", "table"), ("a.jsonl", "table"), ("result.json", "telegram"), ("a.xml", "feed"),
        ("a.atom", "feed"), ("a.htm", "html"), ("a.MHTML", "html"),
    ]:  # fmt: skip
        assert format_of(name, tmp_path / name) == format
    for format in set(FORMATS) - {"auto", "table", "4cat"}:
        assert format_of("a.dat", tmp_path / "a.dat", format) == format


@pytest.mark.parametrize(
    ("name", "format", "told"),
    [("a.csv", "excel", "is no format; allowed are auto"), ("a.json", "table", "a table ends in"),
     ("a.dat", "auto", r"\.dat is not read; allowed are \.txt")],
)  # fmt: skip
def test_a_format_that_does_not_fit_is_told(tmp_path, name, format, told):
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=told):
        list(read_records(str(tmp_path / name), reading=Reading(format)))


def test_of_a_telegram_folder_the_messages_are_taken_and_nothing_that_members_attached(tmp_path):
    for name in (
        "messages10.html",
        "messages2.html",
        "messages.html",
        "files/attached.html",
        "files/list.csv",
        "b.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [p.removeprefix(f"{tmp_path}/") for p in expand([str(tmp_path)])] == [
        "messages.html", "messages2.html", "messages10.html",
    ]  # fmt: skip
    (tmp_path / "result.json").touch()
    assert list(expand([str(tmp_path), "x"])) == [str(tmp_path / "result.json"), "x"]


def test_of_any_other_folder_all_that_is_read_is_taken_in_order(tmp_path):
    for name in ("b.txt", "a/c.html", "a/d.png", "z.xml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [p.removeprefix(f"{tmp_path}/") for p in expand([str(tmp_path)])] == ["a/c.html", "b.txt", "z.xml"]
    rows = list(read_all([str(tmp_path), str(tmp_path / "none.txt")]))
    assert [(r.file.removeprefix(f"{tmp_path}/"), r.row) for r in rows[1:]] == [
        ("b.txt", 1),
        ("z.xml", 0),
        ("none.txt", 0),
    ]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no file that is read"):
        list(read_all([str(tmp_path / "empty")]))
