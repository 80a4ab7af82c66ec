"""``narratives campaign`` as it is typed."""

import csv
import hashlib
import json
import random
from datetime import UTC, datetime, timedelta

import pytest
import stix2
from typer.testing import CliRunner

from classifier import InputError
from classifier.cli.app import app
from classifier.errors import CorpusError

START = datetime(2026, 3, 1, tzinfo=UTC)
CHANNELS = ("Утренний вестник", "Harbour Monitor", "north_wire", "Check the Claim")
CLAIM = "A war with Azerbaijan is inevitable, everybody in the region knows it already."
REFUTED = "No, a war with Azerbaijan is not inevitable: this claim is false, the fact-checkers wrote."
PLAIN = (
    "Trains between the two cities run again on Monday.",
    "The ministry published figures on exports of grain.",
    "Weather will be mild in the south of the country.",
)


@pytest.fixture
def narratives(tmp_path, monkeypatch, root):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NARRATIVES_MODELS", str(root / "models"))

    def run(*arguments):
        return CliRunner().invoke(app, ["campaign", *map(str, arguments)])

    return run


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """A whole Telegram export: four public channels, and a claim that goes through them within two hours."""
    draw = random.Random(0)
    chats = []
    for number, name in enumerate(CHANNELS):
        posts = [
            (START + timedelta(minutes=draw.randrange(5 * 24 * 60)), f"{draw.choice(PLAIN)} Number {i}, {name}.")
            for i in range(40)
        ]
        said = REFUTED if name == "Check the Claim" else CLAIM
        posts.append((START + timedelta(days=3, hours=9, minutes=35 * number), said))
        messages = [
            {
                "id": i,
                "type": "message",
                "date": f"{time:%Y-%m-%dT%H:%M:%S}",
                "date_unixtime": str(int(time.timestamp())),
                "from": name,
                "from_id": f"channel{1000 + number}",
                "text": text,
                "text_entities": [{"type": "plain", "text": text}],
            }
            for i, (time, text) in enumerate(sorted(posts), 1)
        ]
        chats.append({"name": name, "type": "public_channel", "id": 1000 + number, "messages": messages})
    path = tmp_path_factory.mktemp("export") / "result.json"
    path.write_text(json.dumps({"chats": {"list": chats}}), encoding="utf-8")
    return path


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_telegram_export_from_end_to_end(narratives, export, tmp_path):
    done = narratives(export, "-o", "out", "--bin", "1d")
    assert done.exit_code == 0, done.output
    out = tmp_path / "out"
    assert "164 posts from 4 sources" in done.output
    sums = dict(reversed(line.split("  ")) for line in (out / "SHA256SUMS").read_text().splitlines())
    assert sums == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir() if path.name != "SHA256SUMS"
    }
    assert {"campaign.html", "campaign.stix.json", "prevalence.csv", "posts.csv"} <= set(sums)
    assert {row["source"] for row in rows(out / "posts.csv")} == set(CHANNELS)
    (cluster,) = [row for row in rows(out / "clusters.csv") if "inevitable-war" in row["narratives"]]
    echoes = [row for row in rows(out / "echoes.csv") if row["cluster"] == cluster["cluster"]]
    assert [row["source"] for row in echoes][:3] == list(CHANNELS[:3])
    assert [float(row["lag_seconds"]) for row in echoes][:3] == [0, 35 * 60, 70 * 60]
    bundle = stix2.parse((out / "campaign.stix.json").read_text(), allow_custom=True)
    assert {"narrative", "channel", "campaign", "report"} <= {item["type"] for item in bundle.objects}
    html = (out / "campaign.html").read_text(encoding="utf-8")
    assert all(name in html for name in CHANNELS)
    # The same again gives the same; less leaves the rest of the earlier run, and says so.
    earlier = {name: sums[name] for name in sums if name.endswith(".csv")}
    done = narratives(export, "-o", "out", "--bin", "1d", "--no-html", "--no-stix")
    assert done.exit_code == 0
    again = dict(reversed(line.split("  ")) for line in (out / "SHA256SUMS").read_text().splitlines())
    assert again == earlier
    assert "campaign.html is of an earlier run" in done.output


def test_nothing_that_names_or_quotes_a_source(narratives, export, tmp_path):
    done = narratives(export, "-o", "out", "--no-texts", "--pseudonyms", "--tlp", "amber+strict")
    assert done.exit_code == 0, done.output
    for path in (tmp_path / "out").iterdir():
        told = path.read_text(encoding="utf-8-sig")
        assert not [name for name in (*CHANNELS, "Azerbaijan is", "Trains between", "result.json") if name in told]
    assert "TLP:AMBER+STRICT" in (tmp_path / "out" / "campaign.stix.json").read_text()


def test_some_narratives_and_days(narratives, export, tmp_path):
    done = narratives(
        *(export, "-o", "out", "--narratives", "inevitable-war, russophobia", "--no-html"),
        *("--from", "2026-03-04", "--until", "2026-03-05", "--title", "One day"),
    )
    assert done.exit_code == 0, done.output
    assert "left out: outside --from and --until: " in done.output
    assert all(row["time"].startswith("2026-03-04") for row in rows(tmp_path / "out" / "posts.csv"))
    assert {row["narrative"] for row in rows(tmp_path / "out" / "sources.csv")} == {"inevitable-war", "russophobia"}
    assert {row["narrative"] for row in rows(tmp_path / "out" / "tags.csv")} <= {"inevitable-war", "russophobia"}
    assert '"name": "One day"' in (tmp_path / "out" / "campaign.stix.json").read_text()


def test_posts_without_time_or_source_are_counted(narratives, tmp_path):
    (tmp_path / "p.csv").write_text(
        "id,text,when,who\n1,A war is inevitable.,,x\n2,A war is inevitable.,2026-03-02,\n,Trains run.,2026-03-02,x\n"
        "1,Trains run again.,2026-03-03,x\n1,,2026-03-03,x\n"
    )
    done = narratives("p.csv", "-o", "out", "--time-column", "when", "--source-column", "who", "--no-html", "--no-stix")
    assert done.exit_code == 1
    for told in ("left out: no time: 1", "left out: no source: 1", "left out: could not be read: 1", "2 posts from 1 "):
        assert told in done.output
    assert {row["post"] for row in rows(tmp_path / "out" / "posts.csv")} == {"p.csv:3", "1"}
    done = narratives("p.csv", "p.csv", "-o", "out", "--time-column", "when", "--source-column", "who", "--no-html")
    assert "left out: the same file twice: 1" in done.output


def test_error_rates_from_labelled_posts(narratives, export, tmp_path):
    posts = [(CLAIM, "inevitable-war:asserted"), (f"{PLAIN[0]} Number 1, nobody.", "")]
    text = "id,text,language,narratives\n" + "".join(f'l{i},"{t}",en,{n}\n' for i, (t, n) in enumerate(posts[:1]))
    (tmp_path / "sample.csv").write_text(text)
    done = narratives(export, "-o", "out", "--labelled", "sample.csv", "--no-html", "--no-stix")
    assert done.exit_code == 0, done.output
    rates = {row["narrative"]: row for row in rows(tmp_path / "out" / "error_rates.csv")}
    assert rates["inevitable-war"]["unit"] == "post"
    assert "labelled by hand" in rates["inevitable-war"]["basis"]
    (tmp_path / "sample.csv").write_text(text.replace("everybody", "nobody"))
    done = narratives(export, "-o", "out", "--labelled", "sample.csv")
    assert isinstance(done.exception, InputError)
    assert "label a sample of these posts" in str(done.exception)
    (tmp_path / "sample.csv").write_text("text\nx\n")
    assert isinstance(narratives(export, "-o", "out", "--labelled", "sample.csv").exception, CorpusError)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--bin", "6x"], "such as 30m or 6h"),
        (["--bin", "1m"], "ask for longer steps"),
        (["--from", "yesterday"], "--from"),
        (["--zone", "Mars"], "time zone"),
        (["--narratives", "nothing"], "allowed are"),
        (["--no-html", "--no-csv", "--no-stix"], "nothing would be written"),
        (["--until", "1999-01-01"], "no post is left"),
        (["--format", "word"], "no post is left"),
    ],
)
def test_what_cannot_be_done_is_said(options, told, narratives, export, tmp_path):
    done = narratives(export, "-o", "out", *options)
    assert isinstance(done.exception, InputError), done.output
    assert told in str(done.exception)
    assert not (tmp_path / "out").exists()
