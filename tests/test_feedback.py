"""The feedback database, on SQLite and on a real PostgreSQL."""

import sqlite3
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifier import FeedbackConflict, FeedbackUnavailable, InputError, taxonomy
from classifier import feedback as module
from classifier.feedback import STATES, Feedback, FeedbackStore, decode_text, encode_text, timestamp

ONE = Feedback("War is inevitable.", "inevitable-war", "correct")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
names = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.fixture
def store(feedback_url):
    store = FeedbackStore(feedback_url)
    yield store
    store.close()


@pytest.fixture
def file_store(tmp_path):
    store = FeedbackStore(f"sqlite:///{tmp_path / 'feedback.db'}")
    yield store
    store.close()


@given(texts)
def test_encoding_is_reversible_and_free_of_nul(text):
    assert decode_text(encode_text(text)) == text
    assert "\0" not in encode_text(text)


@given(texts | st.text("\0\x10en"), texts | st.text("\0\x10en"))
def test_different_texts_stay_different(a, b):
    assert (encode_text(a) == encode_text(b)) == (a == b)


def test_text_that_needs_no_escape_is_stored_as_it_is():
    assert encode_text("Война, 😀 \n 'quoted' \\0") == "Война, 😀 \n 'quoted' \\0"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    text=texts.filter(lambda t: t.strip()) | st.text("\0\x10en \U0001f600", min_size=1).filter(lambda t: t.strip()),
    label=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    verdict=st.sampled_from(module.VERDICTS),
    voice=st.none() | st.sampled_from(module.VOICES),
    annotator=names,
    digest=names,
    language=st.none() | st.sampled_from(["en", "ru"]),
    spanned=st.booleans(),
)
def test_what_is_stored_comes_back(store, text, label, verdict, voice, annotator, digest, language, spanned):
    span = (0, len(text)) if spanned else (None, None)
    given = Feedback(text, label, verdict, voice, *span, annotator, None, digest, language)
    id, is_new = store.add(given)
    row = store.get(id)
    assert is_new
    assert {name: getattr(row, name) for name in Feedback.__slots__} == {
        name: getattr(given, name) for name in Feedback.__slots__
    }
    assert (row.state, row.priority, row.reviewer, row.decided_at) == ("pending", None, None, None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"text": " \n"}, "text"),
        ({"text": "x" * 20_001}, "text"),
        ({"text": "a \ud800 b"}, "text"),
        ({"annotator": "\udfff"}, "annotator"),
        ({"client_id": "x" * 201}, "client_id"),
        ({"label": ""}, "label"),
        ({"verdict": "wrong"}, "verdict"),
        ({"voice": "ironic"}, "voice"),
        ({"begin": 1}, "end"),
        ({"end": 1}, "begin"),
        ({"begin": 3, "end": 3}, "begin"),
        ({"begin": 0, "end": 19}, "begin"),
    ],
)
def test_what_cannot_be_taken_is_named(file_store, change, field):
    with pytest.raises(InputError) as told:
        file_store.add(replace(ONE, **change))
    assert told.value.field == field
    assert str(told.value).startswith(field)


def test_voices_are_those_of_the_taxonomy():
    assert module.VOICES == taxonomy.VOICES


def test_client_id_makes_sending_again_harmless(store):
    given = replace(ONE, client_id="a\0b")
    id, is_new = store.add(given)
    assert is_new
    assert store.add(given) == (id, False)
    for change in ({"text": "Other."}, {"verdict": "missing"}, {"begin": 0, "end": 1}, {"annotator": "Ann"}):
        with pytest.raises(FeedbackConflict, match=id):
            store.add(replace(given, **change))
    assert store.counts()["pending"] == 1
    # Without one, the same again is another row.
    assert store.add(ONE)[0] != store.add(ONE)[0]


def test_many_threads_with_one_client_id_store_one_row(store):
    given = replace(ONE, client_id="same")
    answers = at_once(12, lambda _: store.add(given))
    assert len({id for id, _ in answers}) == 1
    assert sum(is_new for _, is_new in answers) == 1
    assert store.counts()["pending"] == 1


WRITER = """
import sys
from classifier.feedback import Feedback, FeedbackStore
store = FeedbackStore(sys.argv[1])
sys.stdin.readline()
for i in range(25):
    store.add(Feedback(f"Text {i}.", "x", "correct", client_id=f"{i}"))
    store.add(Feedback(f"Text {i} of {sys.argv[2]}.", "x", "correct", client_id=f"{i} {sys.argv[2]}"))
store.close()
"""


def test_several_processes_open_a_new_database_at_once_and_write(feedback_url):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, feedback_url, name], stdin=subprocess.PIPE, text=True)
        for name in ("one", "two", "three")
    ]
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=120)
        assert writer.returncode == 0
    store = FeedbackStore(feedback_url)
    assert store.counts()["pending"] == 25 + 3 * 25
    store.close()


def at_once(n, act):
    """Call ``act(0)`` to ``act(n - 1)`` in threads that start together."""
    start = threading.Barrier(n)

    def run(i):
        start.wait()
        return act(i)

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(run, range(n)))


def test_workers_that_start_together_make_one_schema(feedback_url):
    stores = [FeedbackStore(feedback_url) for _ in range(10)]
    at_once(10, lambda i: stores[i].add(ONE))
    assert stores[0].counts()["pending"] == 10
    for store in stores:
        store.close()


def test_decisions_of_several_processes_wait_for_each_other(feedback_url):
    stores = [FeedbackStore(feedback_url) for _ in range(6)]
    ids = [stores[0].add(replace(ONE, text=f"Text {i}."))[0] for i in range(12)]

    def decide(i):
        for id in ids:
            stores[i].decide(id, "accept" if i % 2 else "reject", reviewer=f"{i}")
        return True

    assert all(at_once(6, decide))
    for row in stores[0].all("accepted") + stores[0].all("rejected"):
        # State and reviewer are of one decision.
        assert (row.state == "accepted") == bool(int(row.reviewer) % 2)
    assert stores[0].counts()["pending"] == 0
    for store in stores:
        store.close()


def walk(store, state="pending", limit=3):
    seen, cursor = [], None
    while True:
        rows, cursor = store.page(state, limit=limit, after=cursor)
        assert len(rows) <= limit
        seen += rows
        if cursor is None:
            return seen


def test_pages_give_every_row_once_by_priority_then_age(store):
    ids = [store.add(replace(ONE, text=f"Text {i}."))[0] for i in range(11)]
    assert [row.id for row in store.all("pending")] == ids
    assert sorted(row.id for row in walk(store)) == sorted(ids)
    priorities = {ids[4]: 0.5, ids[9]: 1.0, ids[2]: 0.5, ids[7]: 0.1}
    store.set_priorities(priorities)
    expected = [ids[9], ids[2], ids[4], ids[7]] + [id for id in ids if id not in priorities]
    for limit in (1, 3, 4, 11, 50):
        assert [row.id for row in walk(store, limit=limit)] == expected
    assert [row.priority for row in store.page(limit=5)[0]] == [1.0, 0.5, 0.5, 0.1, None]


@pytest.mark.parametrize("cursor", ["", "x", "é", "W10", "bnVsbA", "WzEsMiwzXQ", "Wzk5OSwtMSwiYSJd", "A" * 5_000])
def test_a_cursor_of_somebody_elses_is_refused(file_store, cursor):
    with pytest.raises(InputError, match="after"):
        file_store.page(after=cursor)


def test_deciding(store):
    id = store.add(ONE)[0]
    assert store.decide("00000000-0000-0000-0000-000000000000", "accept") is None
    row = store.decide(id, "accept", reviewer="Bo")
    assert (row.state, row.reviewer) == ("accepted", "Bo")
    assert row.decided_at >= row.created
    assert store.decide(id, "accept", reviewer="Cy") == row
    row = store.decide(id, "reject", reviewer="Cy")
    assert (row.state, row.reviewer) == ("rejected", "Cy")
    row = store.decide(id, "accept", voice="attributed")
    assert (row.state, row.reviewer, row.voice, row.settled_voice) == ("accepted", None, None, "attributed")
    assert store.mark_moved([id]) == []
    assert store.decide(id, "accept").state == "moved"
    with pytest.raises(FeedbackConflict, match="labels"):
        store.decide(id, "reject")
    assert store.counts() == dict.fromkeys(STATES, 0) | {"moved": 1}


def test_only_accepted_rows_are_marked_moved(store):
    ids = [store.add(replace(ONE, text=f"Text {i}."))[0] for i in range(3)]
    store.decide(ids[0], "accept")
    store.decide(ids[1], "reject")
    assert sorted(store.mark_moved(ids)) == sorted(ids[1:])
    assert [store.get(id).state for id in ids] == ["moved", "rejected", "pending"]


def test_a_newer_schema_is_refused_and_left_alone(store, monkeypatch):
    store.add(ONE)
    store.close()
    monkeypatch.setattr(module, "SCHEMA_VERSION", 0)
    with pytest.raises(FeedbackUnavailable, match=r"newer release \(schema 1, this one knows 0\)"):
        store.add(ONE)
    monkeypatch.undo()
    assert store.counts()["pending"] == 1


def test_an_older_schema_is_brought_up_to_date_once(store, monkeypatch):
    id = store.add(ONE)[0]
    store.close()
    steps = []
    monkeypatch.setattr(module, "SCHEMA_VERSION", 3)
    monkeypatch.setattr(module, "_MIGRATIONS", {n: lambda connection, n=n: steps.append(n) for n in (1, 2, 3)})
    assert store.get(id).text == ONE.text
    store.close()
    assert store.get(id).text == ONE.text
    assert steps == [2, 3]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://user:secret@host/x", "'mysql' is no kind"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:///", "in memory"),
        ("feedback.db", "'feedback.db' is no kind"),
    ],
)
def test_urls_of_other_kinds_are_refused_at_once(url, told):
    with pytest.raises(InputError, match=told) as refused:
        FeedbackStore(url)
    assert "secret" not in str(refused.value)


def test_plain_postgresql_urls_are_taken(postgresql_url):
    for prefix in ("postgres://", "postgresql://"):
        store = FeedbackStore(postgresql_url.replace("postgresql+psycopg://", prefix))
        assert set(store.counts()) == set(STATES)
        store.close()


def test_no_password_and_no_text_in_messages():
    store = FeedbackStore("postgresql://ann:secret@127.0.0.1:1/x?password=hidden")
    with pytest.raises(FeedbackUnavailable, match="cannot be reached") as told:
        store.add(replace(ONE, text="Private words."))
    assert "127.0.0.1" in str(told.value)
    assert "127.0.0.1" not in told.value.reason
    for word in ("secret", "hidden", "Private"):
        assert word not in str(told.value)
    assert told.value.__cause__ is None


def test_a_database_that_is_not_ours_is_told(tmp_path):
    (tmp_path / "text.db").write_text("This is no database at all, but a text that is long enough to be one.\n" * 20)
    store = FeedbackStore(f"sqlite:///{tmp_path / 'text.db'}")
    with pytest.raises(FeedbackUnavailable, match="no SQLite database"):
        store.add(ONE)
    store.close()


def test_the_file_is_private_and_commits_reach_the_disk(file_store, tmp_path):
    file_store.add(ONE)
    assert (tmp_path / "feedback.db").stat().st_mode & 0o077 == 0
    with file_store._begin() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2


def test_a_server_that_answers_before_the_disk_has_it_does_not_do_so_for_ours(postgresql_url):
    import psycopg

    with psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("ALTER ROLE narratives SET synchronous_commit = off")
        store = FeedbackStore(postgresql_url)
        try:
            with store._begin(write=True) as inside:
                assert inside.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
        finally:
            connection.execute("ALTER ROLE narratives RESET synchronous_commit")
            store.close()


def test_a_full_disk_refuses_the_row_and_loses_none(tmp_path):
    url = f"sqlite:///{tmp_path / 'feedback.db'}"
    program = """
import resource, sys
from classifier.feedback import Feedback, FeedbackStore
from classifier import FeedbackUnavailable
store = FeedbackStore(sys.argv[1])
store.add(Feedback("First.", "x", "correct"))
limit = 120_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
stored = 1
try:
    for i in range(100):
        store.add(Feedback(f"{i} " + "x" * 15_000, "x", "correct"))
        stored += 1
except FeedbackUnavailable as error:
    print(stored, error.reason)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.add(Feedback("Afterwards.", "x", "correct"))
"""
    done = subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True, check=True)
    stored, _, reason = done.stdout.strip().partition(" ")
    assert 1 < int(stored) < 100
    assert "full" in reason
    store = FeedbackStore(url)
    rows = store.all("pending")
    assert [row.text.split()[0] for row in rows] == ["First.", *map(str, range(int(stored) - 1)), "Afterwards."]
    assert {len(row.text) for row in rows[1:-1]} <= {15_002, 15_003}
    store.close()
    with sqlite3.connect(tmp_path / "feedback.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_full_database_refuses_the_row_and_takes_more_when_there_is_room(file_store):
    first = file_store.add(ONE)[0]
    # As SQLite says it of a full disk: SQLITE_FULL. The setting lasts as long as the connection, here the pool's only.
    with file_store._begin(write=True) as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 8")
    long = replace(ONE, text="x" * 20_000)

    def fill():
        for _ in range(40):
            file_store.add(long)

    with pytest.raises(FeedbackUnavailable, match="the disk is full"):
        fill()
    assert file_store.get(first).text == ONE.text
    before = file_store.counts()["pending"]
    file_store.add(ONE)
    assert file_store.counts()["pending"] == before + 1


def test_a_read_only_database_can_be_read_and_says_so(file_store, tmp_path):
    file_store.add(ONE)
    file_store.close()
    url = f"sqlite:///file:{tmp_path / 'feedback.db'}?mode=ro&uri=true"
    reading = FeedbackStore(url)
    assert reading.counts()["pending"] == 1
    with pytest.raises(FeedbackUnavailable, match="read-only"):
        reading.add(ONE)
    assert reading.counts()["pending"] == 1
    reading.close()
    assert file_store.counts()["pending"] == 1


PROTECTED = """
import os, pathlib, sys
from classifier import FeedbackUnavailable
from classifier.feedback import Feedback, FeedbackStore
place = pathlib.Path(sys.argv[1])
def add(name):
    store = FeedbackStore(f"sqlite:///{place / name}")
    try:
        store.add(Feedback("Text.", "x", "correct"))
        print("stored")
    except FeedbackUnavailable as error:
        print(error.reason)
    store.close()
add("feedback.db")
(place / "feedback.db").chmod(0o444)
place.chmod(0o555)
if os.geteuid() == 0:
    os.seteuid(65534)  # root may write everywhere
add("feedback.db")
add("new.db")
if os.geteuid() == 65534:
    os.seteuid(0)
place.chmod(0o755)
(place / "feedback.db").chmod(0o644)
add("feedback.db")
store = FeedbackStore(f"sqlite:///{place / 'feedback.db'}")
print(store.counts()["pending"])
"""


def test_a_read_only_file_and_directory_say_so_and_recover():
    # Not in tmp_path, which only its owner may enter.
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        done = subprocess.run([sys.executable, "-c", PROTECTED, place], capture_output=True, text=True, check=True)
        assert {p.name for p in Path(place).iterdir()} <= {"feedback.db", "feedback.db-wal", "feedback.db-shm"}
    first, *refused, again, count = done.stdout.splitlines()
    assert (first, again, count) == ("stored", "stored", "2")
    assert len(refused) == 2
    for reason in refused:
        assert "read-only" in reason or "cannot be opened" in reason


def test_a_read_only_server_says_so_and_recovers(postgresql_url):
    import psycopg

    store = FeedbackStore(postgresql_url)
    before = store.counts()["pending"]
    store.close()
    with psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("ALTER ROLE narratives SET default_transaction_read_only = on")
        try:
            with pytest.raises(FeedbackUnavailable, match="read-only"):
                store.add(ONE)
            assert store.counts()["pending"] == before
        finally:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("ALTER ROLE narratives RESET default_transaction_read_only")
    store.close()
    store.add(ONE)
    assert store.counts()["pending"] == before + 1
    store.close()


def test_a_locked_database_says_so_and_recovers(file_store, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.05)
    file_store.add(ONE)
    other = sqlite3.connect(tmp_path / "feedback.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(FeedbackUnavailable, match="locked"):
        file_store.add(ONE)
    assert file_store.counts()["pending"] == 1
    other.execute("ROLLBACK")
    other.close()
    file_store.add(ONE)
    assert file_store.counts()["pending"] == 2


def test_a_deleted_file_is_noticed_before_something_is_lost(file_store, tmp_path):
    file_store.add(ONE)
    for file in tmp_path.glob("feedback.db*"):
        file.unlink()
    id = file_store.add(replace(ONE, text="After."))[0]
    other = FeedbackStore(f"sqlite:///{tmp_path / 'feedback.db'}")
    assert other.get(id).text == "After."
    other.close()


def test_timestamps_are_rfc_3339():
    assert timestamp(0) == "1970-01-01T00:00:00.000000Z"
    assert timestamp(1_767_225_600_000_001) == "2026-01-01T00:00:00.000001Z"


def test_import_loads_no_database_library():
    program = "import classifier, classifier.feedback, sys; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_missing_library_is_named():
    program = (
        "import sys; sys.modules['sqlalchemy'] = None\n"
        "from classifier.feedback import Feedback, FeedbackStore\n"
        "from classifier import MissingExtra\n"
        "try: FeedbackStore('sqlite:///x.db').counts()\n"
        "except MissingExtra as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "narrative-classifier[serve]" in done.stdout
