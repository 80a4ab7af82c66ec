"""What an inquiry leaves in a directory: the page, the tables, the bundle, and their checksums.

Each file is replaced in one step, and ``SHA256SUMS`` comes last: after a process that was killed, every file is the old
one or the new one, and ``sha256sum -c SHA256SUMS`` tells whether they are of one run.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from classifier.campaigns.findings import Findings
from classifier.campaigns.tables import TABLES, write_tables
from classifier.durable import write_file
from classifier.errors import MissingExtra

PAGE = "campaign.html"
BUNDLE = "campaign.stix.json"
SUMS = "SHA256SUMS"


def write_outputs(
    findings: Findings,
    directory: Path,
    *,
    title: str,
    command: str,
    html: bool = True,
    csv: bool = True,
    stix: bool = True,
    tlp: str | None = None,
) -> tuple[list[Path], list[Path]]:
    """Write what is asked for.

    Returns
    -------
    written, earlier : list of Path
        The files of this run; and those of an earlier run with other options, which are left as they are.

    Raises
    ------
    MissingExtra
        Something that draws or that writes STIX is not installed; nothing has been written then.
    """
    page = bundle = ""
    if html:
        from classifier.campaigns.page import to_html

        page = to_html(findings, title=title, command=command)
    if stix:
        try:
            from classifier.campaigns.stix import to_stix
        except ImportError as error:
            raise MissingExtra("Writing STIX", "campaign") from error
        bundle = to_stix(findings, title=title, command=command, tlp=tlp)
    written = write_tables(findings, directory) if csv else []
    for name, content in ((PAGE, page), (BUNDLE, bundle)):
        if content:
            write_file(directory / name, content)
            written.append(directory / name)
    sums = [f"{_sha256(path)}  {path.name}\n" for path in written]
    write_file(directory / SUMS, "".join(sums))
    ours = [directory / name for name in (*(table.file for table in TABLES), PAGE, BUNDLE)]
    return written, [path for path in ours if path not in written and path.exists()]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
