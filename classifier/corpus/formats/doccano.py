"""doccano's JSONL, as its projects export it.

Text classification has ``{"id", "text", "label": ["X"], "Comments": []}``, sequence labelling ``"label": [[0, 5,
"X"]]`` or, with relations, ``"entities": [{"label", "start_offset", "end_offset"}]``; intent detection has ``cats``.
Further keys are what was uploaded with the text (its ``meta``), and come back beside it: there the fields travel that
doccano has no place for. Offsets are UTF-16 units [1]_ unless the project counts graphemes.

References
----------
.. [1] https://github.com/doccano/doccano/issues/2290
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from classifier.corpus.files import format_narratives
from classifier.corpus.formats import jsonl
from classifier.corpus.formats.foreign import BadRow, ForeignRow, Format, Reading, Writing, plain_values
from classifier.corpus.sentence import LabelledSentence
from classifier.durable import new_file


def read(path: Path, reading: Reading) -> Iterator[ForeignRow | BadRow]:
    """Rows of an export; a row for each sentence where spans are labelled."""
    return jsonl.read(path, reading, offsets="utf16")


def write(path: Path, rows: Iterable[LabelledSentence], writing: Writing) -> None:
    """A text-classification project's upload: labels in ``label``, everything else as meta."""
    with new_file(path) as aside, aside.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            meta = dict(plain_values(row))
            del meta["narratives"]
            # One text: what is uploaded as meta is shown to annotators, and a list of voices says nothing to them.
            meta["voices"] = format_narratives({name: voice for name, voice in row.labels.items() if voice})
            record = {"id": row.id, "text": row.text, "label": list(row.labels), **meta}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


FORMAT = Format("doccano", read, write)
