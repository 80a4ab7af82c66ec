"""``narratives labels review``, walked through as a reviewer does: piped in, and in a terminal."""

import os
import pty
import shutil
import subprocess
import sys
import threading

import pytest

from classifier.corpus.files import read_labels, write_labels
from classifier.corpus.sentence import LabelledSentence
from classifier.feedback import Feedback, FeedbackStore

HATRED = "They hate everything Russian in that office, the caller from Riga complained on air."
FERRY = "The ferry from Turkmenbashi docked two hours late because of a strong wind."
MARCH = "Bloggers in Samara repeat that a march on Baku has been pencilled in for the autumn."


@pytest.fixture
def labels(tmp_path, root):
    target = tmp_path / "labels"
    target.mkdir()
    shutil.copy(root / "labels" / "taxonomy.yaml", target)
    write_labels(target / "a.csv", [LabelledSentence("a-1", "A tram ran into a fence by the harbour.", "en")])
    return target


@pytest.fixture
def database(tmp_path):
    url = f"sqlite:///{tmp_path / 'feedback.db'}"
    store = FeedbackStore(url)
    store.add(Feedback(HATRED, "russophobia", "correct", language="en", annotator="Ann"))
    store.add(Feedback(FERRY, "territorial-designs", "incorrect", language="en"))
    store.add(Feedback(MARCH, "inevitable-war", "missing", language="en", begin=0, end=8))
    store.close()
    return url


@pytest.fixture
def review(database, labels, small_models):
    def run(*options, keys="", **environ):
        return subprocess.run(
            [
                *(sys.executable, "-m", "classifier.cli.app", "labels", "review", "--database", database),
                *("--labels", labels, "--models", small_models, *options),
            ],
            input=keys,
            capture_output=True,
            text=True,
            env={**os.environ, "COLUMNS": "200", **environ},
        )

    return run


def states(database):
    store = FeedbackStore(database)
    found = {row.text: row for state in ("pending", "accepted", "rejected", "moved") for row in store.all(state)}
    store.close()
    return found


def written(labels):
    file = labels / "feedback.csv"
    return {row.text: row for row in read_labels(file)} if file.exists() else {}


def test_accept_all(review, database, labels):
    done = review("--reviewer", "Bo", keys="a\na\na\n")
    assert done.returncode == 0, done.stderr
    assert "3 pending, ranked under v1" in done.stdout
    for told in (HATRED, FERRY, MARCH, "threshold", "that was the last one", "3 accepted", "3 added"):
        assert told in done.stdout
    rows = written(labels)
    assert set(rows[HATRED].labels) == {"russophobia"}
    assert set(rows[MARCH].labels) == {"inevitable-war"}
    assert rows[FERRY].labels == {}
    assert rows[HATRED].annotators == ("Ann", "Bo")
    assert {row.state for row in states(database).values()} == {"moved"}
    again = review(keys="a\n")
    assert "the queue is empty" in again.stdout
    assert "nothing to move" in again.stdout
    checked = subprocess.run(
        [sys.executable, "-m", "classifier.cli.app", "labels", "check", labels], capture_output=True
    )
    assert b"no problem found" in checked.stdout


def test_each_key_does_its_thing(review, database, labels):
    store = FeedbackStore(database)
    order = {row.id: row.text for row in store.all("pending")}
    store.close()
    review("--rank-only")
    store = FeedbackStore(database)
    first, second, third = store.page()[0]
    store.close()
    assert {first.text, second.text, third.text} == set(order.values())
    done = review("--reviewer", "Bo", keys="x\ns\nr\nq\n")
    assert done.returncode == 0, done.stderr
    assert "'x' is no key here" in done.stdout
    assert "1 skipped, 1 rejected" in done.stdout
    now = states(database)
    assert (now[first.text].state, now[second.text].state, now[third.text].state) == ("pending", "rejected", "pending")
    assert now[second.text].reviewer == "Bo"
    assert written(labels) == {}
    # The rejected ones can be walked again.
    done = review("--state", "rejected", keys="a\n")
    assert second.text in done.stdout
    assert first.text not in done.stdout
    assert set(written(labels)) == {second.text}


def only(database, text):
    """Reject all but one row."""
    store = FeedbackStore(database)
    for row in store.all("pending"):
        if row.text != text:
            store.decide(row.id, "reject")
    store.close()


def test_the_voice_is_shown_and_changed(review, database, labels):
    only(database, HATRED)
    done = review(keys="v ironic\nv rejected\nv\nv\na\n")
    assert "Nobody named a voice" in done.stdout
    assert "'ironic' is no voice" in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("voice: ")] == [
        "voice: rejected",
        "voice: asserted",
        "voice: attributed",
    ]
    assert written(labels)[HATRED].labels == {"russophobia": "attributed"}


def test_a_narrative_that_nobody_judged_can_be_added(review, database, labels):
    only(database, HATRED)
    done = review("--reviewer", "Bo", keys="+ nonsense\n+ persecuted-russians\n+ persecuted-russians\na\n")
    assert "'nonsense' is no other narrative; allowed are inevitable-war" in done.stdout
    assert "1 added" in done.stdout
    (row,) = written(labels).values()
    assert set(row.labels) == {"russophobia", "persecuted-russians"}


def test_an_end_of_input_quits_and_moves_what_is_accepted(review, database, labels):
    done = review(keys="a\n")
    assert done.returncode == 0, done.stderr
    assert len(written(labels)) == 1
    assert sorted(row.state for row in states(database).values()) == ["moved", "pending", "pending"]


def test_apply_moves_without_walking(review, database, labels):
    store = FeedbackStore(database)
    store.decide(store.all("pending")[0].id, "accept", reviewer="page")
    store.close()
    done = review("--apply", keys="a\na\na\n")
    assert set(written(labels)) == {HATRED}
    assert "1 added" in done.stdout
    assert FERRY not in done.stdout


def test_texts_send_no_control_characters(review, database):
    store = FeedbackStore(database)
    store.add(Feedback("War \x1b]0;owned\x07\x1b[2J is coming.", "inevitable-war", "correct", annotator="\x1b[2J"))
    store.close()
    done = review(keys="s\ns\ns\ns\n")
    assert "4 skipped" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--database", "sqlite:///absent.db"], "absent.db: no such database"),
        (["--database", "mysql://a:secret@b/c"], "'mysql' is no kind"),
        (["--database", "postgresql://a:secret@127.0.0.1:1/c"], "cannot be reached"),
        (["--state", "moved"], "--state 'moved' is none of"),
        (["--rank-only", "--apply"], "give one of them"),
        (["--models", "absent"], "absent: no such directory"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(review, options, told, tmp_path):
    done = review(*options, keys="a\n")
    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr
    assert not (tmp_path / "absent.db").exists()


def test_missing_labels_are_told_and_decisions_kept(review, database):
    done = review("--labels", "absent", keys="a\nq\n")
    assert done.returncode == 2
    assert "absent" in done.stderr
    assert "Traceback" not in done.stderr
    assert [row.state for row in states(database).values()].count("accepted") == 1


def test_in_a_terminal_a_key_is_enough(database, labels, small_models):
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "classifier.cli.app", "labels", "review", "--database", database),
            *("--labels", labels, "--models", small_models),
        ],
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    done = threading.Event()

    def press():
        # Again and again: what is pressed before the program looks is dropped.
        while not done.wait(0.1):
            os.write(leader, b"a")

    presser = threading.Thread(target=press)
    presser.start()
    try:
        out, err = process.communicate(timeout=120)
    finally:
        done.set()
        presser.join()
        process.kill()
        process.communicate()
        os.close(leader)
        os.close(follower)
    assert process.returncode == 0, err
    assert "3 accepted" in out
    assert {row.state for row in states(database).values()} == {"moved"}
