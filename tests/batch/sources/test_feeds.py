from datetime import UTC, datetime
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.batch.readers import Reading, Tally, read_records
from classifier.batch.sources.html_text import html_to_text
from classifier.errors import InputError

MOMENT = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
HTML = "&lt;p&gt;War is &lt;b&gt;inevitable&lt;/b&gt;,&lt;br&gt;they wrote.&lt;/p&gt;"
TEXT = "First title\n\nWar is inevitable,\nthey wrote."

RSS_091 = f"""<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN"
 "http://my.netscape.com/publish/formats/rss-0.91.dtd">
<rss version="0.91"><channel><title>Test &amp; Gazette</title><link>https://example.org/</link>
<item><title>First title</title><link>https://example.org/1</link><description>{HTML}</description></item>
</channel></rss>"""
RSS_10 = f"""<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="https://example.org/rss"><title>Test &amp; Gazette</title></channel>
<item rdf:about="https://example.org/1"><title>First title</title><link>https://example.org/1</link>
<description>{HTML}</description><dc:date>2024-01-15T13:30:00+03:00</dc:date><dc:creator>A reporter</dc:creator></item>
</rdf:RDF>"""
RSS_20 = """<?xml version="1.0"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>Test &amp; Gazette</title>
<item><title>First title</title><link>https://example.org/1</link><guid isPermaLink="false">guid-1</guid>
<pubDate>Mon, 15 Jan 2024 13:30:00 +0300</pubDate><description>Short.</description>
<content:encoded><![CDATA[<p>War is <b>inevitable</b>,<br>they wrote.</p><script>no()</script>]]></content:encoded>
</item></channel></rss>"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Test &amp; Gazette</title>
<entry><title type="text">First title</title><id>urn:1</id><link href="https://example.org/1"/>
<published>2024-01-15T10:30:00Z</published><updated>2024-01-16T00:00:00Z</updated>
<author><name>A reporter</name></author>
<summary>Short.</summary>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>War is <b>inevitable</b>,<br/>
they wrote.</p></div></content></entry></feed>"""


def read(path, content, **options):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    tally = Tally()
    return list(read_records(str(path), reading=Reading(**options), tally=tally)), tally


@pytest.mark.parametrize(
    ("feed", "identifier", "time", "author"),
    [
        (RSS_091, "https://example.org/1", None, None),
        (RSS_10, "https://example.org/1", MOMENT, "A reporter"),
        (RSS_20, "guid-1", MOMENT, None),
        (ATOM, "urn:1", MOMENT, "A reporter"),
    ],
    ids=["RSS 0.91", "RSS 1.0", "RSS 2.0", "Atom"],
)
def test_every_kind_of_feed(tmp_path, feed, identifier, time, author):
    (record,), tally = read(tmp_path / "feed.xml", feed)
    assert (record.item.text, record.item.id, record.time) == (TEXT, identifier, time)
    assert (record.source, record.url, record.row) == ("Test & Gazette", "https://example.org/1", 1)
    assert record.extra == {"title": "First title"} | ({"author": author} if author else {})
    assert tally.remarks == ({} if time else {"entry without a date that is understood": 1})


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"])), max_size=4))
def test_lines_of_plain_text_come_through_html(lines):
    html = "".join(f"<p>{escape(line)}</p>" for line in lines)
    assert html_to_text(html) == "\n".join(" ".join(line.split()) for line in lines if line.strip())


def test_encodings_relative_links_and_repeated_titles(tmp_path):
    head = '<?xml version="1.0" encoding="windows-1251"?><rss version="2.0"><channel><title>Газета</title>'
    items = (
        "<item><title>Война с соседями неизбежна…</title><link>/news/1</link>"
        "<description>Война с соседями неизбежна, пишут они.</description></item>"
        "<item><title>Коротко</title><description>Коротко</description></item>"
        "<item><title>Война</title><description>Война неизбежна.</description></item>"
    )
    rows, _ = read(tmp_path / "feed.rss", (head + items + "</channel></rss>").encode("cp1251"))
    assert [r.item.text for r in rows] == [
        "Война с соседями неизбежна, пишут они.",
        "Коротко",
        "Война\n\nВойна неизбежна.",
    ]
    assert (rows[0].url, rows[0].source) == ("/news/1", "Газета")


def test_a_broken_feed_is_read_as_far_as_it_goes_and_says_so(tmp_path):
    broken = RSS_20.replace("Short.", "A & B < C <p>open").replace("</channel></rss>", "")
    (record,), tally = read(tmp_path / "feed.xml", broken)
    assert record.item.text == TEXT
    assert [told for told in tally.remarks if "not well-formed" in told]


def test_entries_without_text_are_counted_and_aggregated_ones_keep_their_source(tmp_path):
    feed = RSS_20.replace("<item>", "<item><source url='https://example.com/'>Another paper</source>").replace(
        "</channel>", "<item><link>https://example.org/2</link></item></channel>"
    )
    (record,), tally = read(tmp_path / "feed.xml", feed)
    assert record.source == "Another paper"
    assert tally.skipped == {"entry without text": 1}


@pytest.mark.parametrize(
    "content",
    [b"", b"plain text", b"<books><book>x</book></books>", bytes(range(256)), b"<html><body>x</body></html>"],
)
def test_what_is_no_feed_is_refused(tmp_path, content):
    with pytest.raises(InputError, match="no RSS or Atom feed"):
        read(tmp_path / "feed.xml", content)


def test_hostile_feeds_are_refused_or_bounded(tmp_path):
    entities = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    bomb = (
        f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa">{entities}<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        "<rss version='2.0'><channel><title>T</title><item><title>&i; &x; text</title></item></channel></rss>"
    )
    (record,), _ = read(tmp_path / "bomb.xml", bomb)
    assert "root:" not in record.item.text
    assert len(record.item.text) < 1_000
    attributes = " ".join(f"a{i}='1'" for i in range(1_001))
    with pytest.raises(InputError, match="more than 1,000 attributes"):
        read(tmp_path / "attributes.xml", RSS_20.replace("<item>", f"<item {attributes}>"))
    (record,), _ = read(tmp_path / "deep.xml", RSS_20.replace("<p>", "<div>" * 5_000))
    assert record.item.text
