"""A page as Telegram Desktop's export_output_html.cpp writes it."""

from datetime import UTC, datetime

import pytest

from classifier.batch.readers import BadRecord, Reading, Tally, read_records
from classifier.errors import InputError

HEAD = """<!DOCTYPE html>
<html>
 <head>
  <meta charset="utf-8"/>
<title>Exported Data</title>
  <meta content="width=device-width, initial-scale=1.0" name="viewport"/>
  <link href="css/style.css" rel="stylesheet"/>
 </head>
 <body onload="CheckLocation();">
  <div class="page_wrap">
   <div class="page_header">
    <div class="content">
     <div class="text bold">
Канал для проверки
     </div>
    </div>
   </div>
   <div class="page_body chat_page">
    <div class="history">
     <div class="message service" id="message-1">
      <div class="body details">
15 January 2024
      </div>
     </div>
"""
TAIL = "    </div>\n   </div>\n  </div>\n </body>\n</html>\n"


def message(number, text, *, name="Автор", date="15.01.2024 13:30:00 UTC+03:00", joined=False, before="", after=""):
    from_name = "" if joined else f'\n       <div class="from_name">\n{name}\n       </div>'
    body = f'\n       <div class="text">\n{text}\n       </div>' if text else ""
    return f"""     <div class="message default clearfix{" joined" * joined}" id="message{number}">
      <div class="pull_left userpic_wrap"><div class="userpic userpic4"><div class="initials">А</div></div></div>
      <div class="body">
       <div class="pull_right date details" title="{date}">
13:30
       </div>{from_name}{before}{body}{after}
      </div>
     </div>
"""


def read(path, content, **options):
    path.write_text(content, encoding="utf-8")
    tally = Tally()
    return list(read_records(str(path), reading=Reading(**options), tally=tally)), tally


def test_messages_with_their_authors_and_where_they_were_forwarded_from(tmp_path):
    photo = (
        '<div class="media_wrap clearfix"><div class="media clearfix pull_left media_photo"><div class="body">'
        '<div class="title bold">Photo</div><div class="status details">1280x720</div></div></div></div>'
    )
    forwarded = (
        '<div class="forwarded body"><div class="from_name">Другой канал<span class="date details" '
        'title="14.01.2024 09:00:00 UTC+03:00"> 14.01.2024 09:00:00</span></div>'
        '<div class="text">\nПереслано.\n</div></div>'
    )
    content = (
        HEAD
        + message(1, "Война <strong>неизбежна</strong>,<br>пишут они: &lt;b&gt; &amp; <a href='x'>ссылка</a>.")
        + message(
            2, "Подпись к снимку.", joined=True, before=photo, after='<div class="signature details">Редактор</div>'
        )
        + message(3, "", before=photo)
        + message(4, "", name="Второй", before=forwarded)
        + message(5, "Без даты.", date="вчера")
        + TAIL
    )
    rows, tally = read(tmp_path / "messages.html", content)
    *good, bad = rows
    assert [(r.item.id.rpartition("/")[2], r.item.text, dict(r.extra)) for r in good] == [
        ("1", "Война неизбежна,\nпишут они: <b> & ссылка.", {"author": "Автор"}),
        ("2", "Подпись к снимку.", {"author": "Редактор"}),
        ("4", "Переслано.", {"author": "Второй", "forwarded_from": "Другой канал"}),
    ]
    assert {(r.source, r.time) for r in good} == {("Канал для проверки", datetime(2024, 1, 15, 10, 30, tzinfo=UTC))}
    assert isinstance(bad, BadRecord)
    assert "no date" in bad.message
    assert tally.skipped == {"service message": 1, "message without text": 1}


def test_older_pages_tell_no_zone(tmp_path):
    content = HEAD + message(1, "Текст.", date="15.01.2024 13:30:00") + TAIL
    (record,), tally = read(tmp_path / "messages.html", content)
    assert record.time == datetime(2024, 1, 15, 13, 30, tzinfo=UTC)
    assert len(tally.remarks) == 1


def test_another_page_is_refused_with_the_better_way(tmp_path):
    with pytest.raises(InputError, match="Machine-readable JSON"):
        read(tmp_path / "messages.html", "<html><body>x</body></html>", format="telegram")
