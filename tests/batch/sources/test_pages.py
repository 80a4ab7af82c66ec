import email.mime.multipart
import email.mime.text
import socket
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from classifier.batch.readers import BadRecord, Reading, Tally, read_records
from classifier.batch.times import find_zone
from classifier.errors import InputError

SENTENCE = (
    "В столице заявили, что война с соседней страной неизбежна и что вина лежит на западных политиках, "
    "которые отказались от переговоров, а эксперты указывают на опубликованные документы."
)
# A paragraph that stands there twice is taken once.
PARAGRAPHS = [f"{number} {SENTENCE}" for number in ("Сначала:", "Затем:", "Наконец:")]
MOMENT = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


def page(charset="utf-8", head="", article=None):
    return (
        f'<!DOCTYPE html><html lang="ru"><head><meta charset="{charset}"><title>Заголовок новости | Газета</title>'
        '<link rel="canonical" href="https://example.org/news/1"><meta property="og:site_name" content="Газета">'
        f'<meta property="og:title" content="Заголовок новости">{head}</head><body>'
        '<nav><ul><li><a href="/">Главная</a></li><li><a href="/s">Разделы</a></li></ul></nav>'
        f"<article><h1>Заголовок новости</h1>{article or ''.join(f'<p>{p}</p>' for p in PARAGRAPHS)}</article>"
        "<footer>Все права защищены</footer></body></html>"
    )


PUBLISHED = '<meta property="article:published_time" content="2024-01-15T13:30:00+03:00">'


def read(path, content, **options):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    tally = Tally()
    return list(read_records(str(path), reading=Reading(**options), tally=tally)), tally


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("windows-1251", "cp1251"),
        ("koi8-r", "koi8-r"),
        ("utf-8", "cp1251"),
        ("iso-8859-1", "utf-8"),
        ("utf-16", "utf-16"),
        ("no-such-encoding", "cp1251"),
        ("rot13", "cp1251"),
    ],
)
def test_the_main_text_whatever_the_encoding_is_said_to_be(tmp_path, declared, encoding):
    (record,), tally = read(tmp_path / "page.html", page(declared, PUBLISHED).encode(encoding))
    assert record.item.text.splitlines() == ["Заголовок новости", *PARAGRAPHS]
    assert (record.source, record.url, record.item.id) == ("Газета", *["https://example.org/news/1"] * 2)
    assert (record.time, record.row, record.extra["title"]) == (MOMENT, 1, "Заголовок новости")
    assert not tally.remarks


@pytest.mark.parametrize(
    ("head", "time", "remark"),
    [
        ('<script type="application/ld+json">{"datePublished": "2024-01-15T10:30:00Z"}</script>', MOMENT, ""),
        ('<meta itemprop="datePublished" content="2024-01-15T10:30:00">', MOMENT, "without a zone"),
        ('<meta name="date" content="2024-01-15">', datetime(2024, 1, 15, tzinfo=UTC), "the day only"),
        ('<meta property="article:published_time" content="yesterday">', None, "without a date"),
        ("", None, "without a date"),
    ],
)
def test_the_time_is_the_one_that_the_page_declares(tmp_path, head, time, remark):
    (record,), tally = read(tmp_path / "page.html", page(head=head))
    assert record.time == time
    assert [remark in told for told in tally.remarks] == ([True] if remark else [])
    local = page(head='<meta itemprop="datePublished" content="2024-01-15T13:30:00">')
    assert read(tmp_path / "page.html", local, zone=find_zone("Europe/Moscow"))[0][0].time == MOMENT


@pytest.mark.parametrize(
    "comment",
    [
        "<!-- saved from url=(0026)https://example.org/news/2 -->",
        "<!--\n Page saved with SingleFile \n url: https://example.org/news/2 \n saved date: Mon Jan 15 2024\n-->",
    ],
)
def test_the_address_that_the_browser_wrote_into_it(tmp_path, comment):
    saved = page().replace('<link rel="canonical" href="https://example.org/news/1">', "")
    (record,), _ = read(tmp_path / "page.htm", saved.replace("<html", f"{comment}<html", 1))
    assert record.url == "https://example.org/news/2"


def test_mhtml(tmp_path):
    message = email.mime.multipart.MIMEMultipart("related")
    message["Snapshot-Content-Location"] = "https://example.org/news/3"
    message.attach(email.mime.text.MIMEText("body {}", "css"))
    html = page("windows-1251", PUBLISHED).replace('<link rel="canonical" href="https://example.org/news/1">', "")
    message.attach(email.mime.text.MIMEText(html, "html", "windows-1251"))
    (record,), _ = read(tmp_path / "page.mhtml", message.as_bytes())
    assert (record.url, record.time) == ("https://example.org/news/3", MOMENT)
    assert record.item.text.count(SENTENCE) == 3
    with pytest.raises(InputError, match="holds no HTML"):
        read(tmp_path / "empty.mht", b"")


@pytest.mark.parametrize("content", [b"", b" ", b"<html></html>", b"<html><body><script>x()</script></body></html>"])
def test_a_page_without_a_text_is_counted(tmp_path, content):
    rows, tally = read(tmp_path / "page.html", content)
    assert not rows
    assert sum(tally.skipped.values()) == 1


@pytest.mark.parametrize(
    ("article", "told"),
    [
        ("<div>" * 20_000 + SENTENCE, "one in the other"),
        ("<p>" + "<b>x</b> " * 4_000, "elements in one"),
        ("<p " + " ".join(f"a{i}='>'" for i in range(1_001)) + ">", "more than 1,000 attributes"),
        ("<p>" + "x" * (9 << 20), "larger than 8 MiB"),
        ("\x00" * 9, "zero bytes"),
    ],
)
def test_hostile_pages_are_told(tmp_path, article, told):
    (bad,), _ = read(tmp_path / "page.html", page(article=article))
    assert isinstance(bad, BadRecord)
    assert told in bad.message


def test_nothing_that_a_file_names_is_loaded(tmp_path, monkeypatch):
    """A page and a feed that name addresses and files wherever something could follow them."""

    def refuse(*args, **kwargs):
        raise AssertionError(f"a connection: {args}")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr("trafilatura.fetch_url", refuse)
    monkeypatch.setattr("trafilatura.downloads.fetch_url", refuse)
    monkeypatch.setattr("feedparser.http.get", refuse)
    doctype = (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://127.0.0.1:9/x.dtd" '
        '[<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    )
    head = '<base href="http://127.0.0.1:9/"><meta http-equiv="refresh" content="0; url=http://127.0.0.1:9/">'
    article = f'<p>&x; {SENTENCE}</p><iframe src="http://127.0.0.1:9/"></iframe><img src="http://127.0.0.1:9/a.png">'
    (record,), _ = read(tmp_path / "page.xhtml", page(head=head, article=article).replace("<!DOCTYPE html>", doctype))
    assert SENTENCE in record.item.text
    assert "root:" not in record.item.text
    feed = (
        '<?xml version="1.0"?><!DOCTYPE rss SYSTEM "http://127.0.0.1:9/x.dtd" [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        '<?xml-stylesheet href="http://127.0.0.1:9/s.xsl"?><rss version="2.0" xml:base="http://127.0.0.1:9/"><channel>'
        "<title>T</title><item><title>Text &x;</title><link>a</link><enclosure url='http://127.0.0.1:9/a'/></item>"
        "</channel></rss>"
    )
    (record,), _ = read(tmp_path / "feed.xml", feed)
    assert "root:" not in record.item.text
    # An address for a feed is a file's text, and nothing else.
    with pytest.raises(InputError, match="no RSS or Atom feed"):
        read(tmp_path / "address.xml", "http://127.0.0.1:9/feed")
    with pytest.raises(InputError, match="no such file"):
        list(read_records("http://127.0.0.1:9/feed.xml"))
    assert Path("/etc/passwd").exists()
