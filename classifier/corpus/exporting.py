"""Labels into other tools' files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from classifier.corpus.files import read_labels
from classifier.corpus.formats.foreign import Writing
from classifier.corpus.formats.registry import get_format
from classifier.corpus.sentence import LabelledSentence
from classifier.errors import CorpusError, TaxonomyError
from classifier.taxonomy import load_taxonomy

_DEFAULTS = {"origin": ("", "written", "imported")}


@dataclass(frozen=True)
class Exported:
    """How many rows were written, and what of them the format could not hold: field -> rows."""

    path: Path
    n_rows: int
    lost: dict[str, int]


def export_labels(
    labels: str | Path, destination: str | Path, format: str, *, excel: bool = False, delimiter: str = ","
) -> Exported:
    """Write all rows of a directory of labels (or of one label file) as another tool's file.

    Raises
    ------
    CorpusError
        The labels are broken, a row does not fit the format, or the destination is there already.
    """
    labels, destination = Path(labels), Path(destination)
    chosen = get_format(format)
    if chosen.write is None:
        raise CorpusError(f"{format} is only read; write huggingface, which it reads")
    if excel and format != "csv":
        raise CorpusError("--excel is for CSV; the other formats need neither a mark nor escapes")
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise CorpusError(f"{delimiter!r} is no delimiter; give one character, such as ';'")
    if destination.exists():
        raise CorpusError(f"{destination}: there already, and stays as it is; name another")
    rows = read_labels(labels)
    try:
        taxonomy = load_taxonomy((labels if labels.is_dir() else labels.parent) / "taxonomy.yaml")
    except TaxonomyError:
        # Names are a help for readers; ids do without.
        taxonomy = None
    lost: Counter[str] = Counter()
    chosen.write(
        destination,
        _counted(rows, chosen.loses, lost),
        Writing(excel=excel, delimiter=delimiter, taxonomy=taxonomy),
    )
    return Exported(destination, len(rows), dict(lost))


def _counted(
    rows: Iterable[LabelledSentence], loses: tuple[str, ...], lost: Counter[str]
) -> Iterator[LabelledSentence]:
    for row in rows:
        for name in loses:
            if name == "voices":
                lost[name] += any(row.labels.values())
            else:
                lost[name] += getattr(row, name) not in ("", None, (), *_DEFAULTS.get(name, ()))
        yield row
