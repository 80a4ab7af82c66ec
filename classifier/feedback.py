"""What users said of answers, in SQLite or PostgreSQL. Knows no corpus and no model.

A row is accepted when :meth:`FeedbackStore.add` returns, and then survives a killed process and a power cut. SQLAlchemy
is imported at the first use of a store, not before.
"""

from __future__ import annotations

import base64
import json
import os
import re
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from classifier.errors import FeedbackConflict, FeedbackUnavailable, InputError, MissingExtra

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, MetaData, Table
    from sqlalchemy.engine import URL

VERDICTS = ("correct", "incorrect", "missing")
"""What can be said of a label: the text carries it as the model says; it does not; it does and the model missed it."""

VOICES = ("asserted", "attributed", "rejected")
"""As in :data:`classifier.taxonomy.VOICES`, which this module may not know."""

STATES = ("pending", "accepted", "rejected", "moved")
"""``moved`` rows stand in the labels."""

DECISIONS = {"accept": "accepted", "reject": "rejected"}

MAX_TEXT = 20_000
"""Code points of one judged text."""

MAX_NAME = 200
"""Code points of every other field."""

MAX_PAGE = 1_000

SCHEMA_VERSION = 1

BUSY_SECONDS = 5.0
"""How long a SQLite lock, a connection or a place in the pool is waited for."""

DOWN_SECONDS = 1.0
"""For how long a server that could not be reached is not tried again, so that its absence holds nobody up."""

_PREFIXES = ("sqlite:///", "postgresql+psycopg://", "postgresql://", "postgres://")
_LOCK_NUMBER = 0x6E617272  # of PostgreSQL's advisory lock around migrations

Verdict = Literal["correct", "incorrect", "missing"]
Decision = Literal["accept", "reject"]


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a user said of one label of one text.

    ``begin`` and ``end`` (both or neither) are the words meant: half-open, in code points of ``text``. ``voice`` is
    what the voice is in the user's eyes. ``digest`` is that of the model whose answer is judged. A ``client_id`` makes
    sending it again harmless.
    """

    text: str
    label: str
    verdict: str
    voice: str | None = None
    begin: int | None = None
    end: int | None = None
    annotator: str | None = None
    client_id: str | None = None
    digest: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class StoredFeedback:
    """One row of the database.

    ``created`` and ``decided_at`` are microseconds since 1970, UTC. ``priority`` (higher first) is None until the queue
    is ranked. ``reviewer_voice`` is the reviewer's correction of ``voice``.
    """

    id: str
    created: int
    text: str
    label: str
    verdict: str
    voice: str | None
    begin: int | None
    end: int | None
    annotator: str | None
    client_id: str | None
    digest: str | None
    language: str | None
    priority: float | None
    state: str
    reviewer: str | None
    reviewer_voice: str | None
    decided_at: int | None

    @property
    def settled_voice(self) -> str | None:
        """The reviewer's voice where there is one, else the user's."""
        return self.reviewer_voice or self.voice

    @property
    def carries(self) -> bool:
        """Whether the text carries the label, by this verdict."""
        return self.verdict != "incorrect"


def timestamp(microseconds: int) -> str:
    """RFC 3339, UTC: ``2026-01-31T12:00:00.000001Z``."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


def check_feedback(feedback: Feedback) -> None:
    """Raise :class:`InputError`, which names the field, for what a store does not take."""
    for name in ("text", "label", "verdict"):
        if not isinstance(getattr(feedback, name), str):
            raise InputError(f"{name}: a text is needed", field=name)
    for field in fields(feedback):
        value = getattr(feedback, field.name)
        if not isinstance(value, str):
            continue
        most = MAX_TEXT if field.name == "text" else MAX_NAME
        if len(value) > most:
            raise InputError(f"{field.name}: {len(value)} characters; at most {most} are taken", field=field.name)
        _refuse_surrogates(value, field.name)
    if not feedback.text.strip():
        raise InputError("text: empty; send the sentence that is judged", field="text")
    if not feedback.label:
        raise InputError("label: empty; send the id of the narrative that is judged", field="label")
    if feedback.verdict not in VERDICTS:
        told = f"verdict: {feedback.verdict!r} is none of {', '.join(VERDICTS)}"
        raise InputError(told, field="verdict")
    if feedback.voice is not None and feedback.voice not in VOICES:
        raise InputError(f"voice: {feedback.voice!r} is none of {', '.join(VOICES)}", field="voice")
    begin, end = feedback.begin, feedback.end
    if (begin is None) != (end is None):
        given, missing = ("begin", "end") if end is None else ("end", "begin")
        raise InputError(f"{missing}: missing; {given} and {missing} go together", field=missing)
    if begin is not None and end is not None and not 0 <= begin < end <= len(feedback.text):
        told = f"{begin} to {end} is no span of a text of {len(feedback.text)} code points; 0 <= begin < end is needed"
        raise InputError(f"begin: {told}", field="begin")


def _refuse_surrogates(value: str, name: str) -> None:
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        told = "holds a lone surrogate, which is no character and which no database stores; replace it"
        raise InputError(f"{name}: {told}", field=name)


# PostgreSQL stores every character but NUL. U+0010 ("data link escape", which no text needs) stands before what was
# one of the two: reversible, equal texts stay equal, and every other text is stored as it is.
_ESCAPE, _ESCAPED_ESCAPE, _ESCAPED_NUL = "\x10", "\x10e", "\x10n"
_escaped = re.compile("\x10([en])")


def encode_text(text: str) -> str:
    """Any text without lone surrogates to one without NUL; :func:`decode_text` is the inverse."""
    return text.replace(_ESCAPE, _ESCAPED_ESCAPE).replace("\0", _ESCAPED_NUL)


def decode_text(stored: str) -> str:
    """The inverse of :func:`encode_text`."""
    return _escaped.sub(lambda found: _ESCAPE if found[1] == "e" else "\0", stored)


class FeedbackStore:
    """The feedback database. Safe to use from several threads and processes.

    Nothing is opened until it is needed, so that a store can be made while its database is down. The schema is made or
    brought up to date then.

    Parameters
    ----------
    url : str
        ``sqlite:///feedback.db`` (three slashes and a relative path, four for an absolute one), or
        ``postgresql://user:password@host/database`` (also ``postgres://`` and ``postgresql+psycopg://``).

    Raises
    ------
    InputError
        ``url`` is of another kind. All methods raise :class:`~classifier.FeedbackUnavailable` where the database cannot
        answer, and :class:`~classifier.MissingExtra` where its library is not installed.
    """

    def __init__(self, url: str) -> None:
        if not url.startswith(_PREFIXES):
            scheme = url.split(":", 1)[0] if ":" in url else url
            raise InputError(
                f"feedback database: {scheme!r} is no kind that is known; "
                "give sqlite:///FILE or postgresql://USER@HOST/DATABASE",
                field="feedback_url",
            )
        if url.removeprefix("sqlite:///") in ("", ":memory:"):
            told = "feedback database: a SQLite database in memory would lose what it accepted; name a file"
            raise InputError(told, field="feedback_url")
        self._given_url = url
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._file: Path | None = None
        self._identity: tuple[int, int] | None = None
        self._ready = False
        self._down_until = 0.0
        self._place = "the feedback database"

    def add(self, feedback: Feedback) -> tuple[str, bool]:
        """Store one verdict durably.

        Returns
        -------
        id : str
            A UUID.
        is_new : bool
            False where the same ``client_id`` brought the same content before; ``id`` is then that row's.

        Raises
        ------
        InputError
            Something in ``feedback`` cannot be taken; names the field.
        FeedbackConflict
            The ``client_id`` stands already for other content.
        FeedbackUnavailable
            Nothing was stored. (Where the connection broke during the commit itself, that cannot be known: send it
            again with the same ``client_id``.)
        """
        check_feedback(feedback)
        table = _tables()[0]
        values: dict[str, Any] = {f.name: _encoded(getattr(feedback, f.name)) for f in fields(feedback)}
        values |= {"id": str(uuid.uuid4()), "created": time.time_ns() // 1_000, "state": "pending"}
        with self._begin(write=True) as connection:
            if connection.dialect.name == "sqlite":
                from sqlalchemy.dialects.sqlite import insert
            else:
                from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
            statement = insert(table).values(values).on_conflict_do_nothing(index_elements=["client_id"])
            # Not by rowcount, which drivers count differently.
            if connection.execute(statement.returning(table.c.id)).one_or_none() is not None:
                return str(values["id"]), True
            found = connection.execute(table.select().where(table.c.client_id == values["client_id"])).one()
        known = _stored(found)
        if astuple(feedback) != tuple(getattr(known, f.name) for f in fields(feedback)):
            raise FeedbackConflict(
                f"client_id {feedback.client_id!r} came before with other content (id {known.id}); use a new one"
            )
        return known.id, False

    def get(self, id: str) -> StoredFeedback | None:
        """One row, None where there is none of that id."""
        table = _tables()[0]
        with self._begin() as connection:
            found = connection.execute(table.select().where(table.c.id == encode_text(id))).one_or_none()
        return None if found is None else _stored(found)

    def page(
        self, state: str = "pending", *, limit: int = 50, after: str | None = None
    ) -> tuple[list[StoredFeedback], str | None]:
        """A page of the queue: highest priority first, unranked rows last, then oldest first.

        Returns
        -------
        rows : list of StoredFeedback
            At most ``limit`` of them.
        cursor : str or None
            ``after`` of the next page; None where this is the last.

        Raises
        ------
        InputError
            ``state``, ``limit`` or ``after`` cannot be taken.
        """
        from_cursor = _read_cursor(after) if after is not None else None
        if state not in STATES:
            raise InputError(f"state: {state!r} is none of {', '.join(STATES)}", field="state")
        if not 1 <= limit <= MAX_PAGE:
            raise InputError(f"limit: {limit}; 1 to {MAX_PAGE} is allowed", field="limit")
        table = _tables()[0]
        from sqlalchemy import and_, or_

        c = table.c
        query = table.select().where(c.state == state)
        if from_cursor is not None:
            priority, created, id = from_cursor
            later = or_(c.created > created, and_(c.created == created, c.id > id))
            if priority is None:
                query = query.where(and_(c.priority.is_(None), later))
            else:
                same = and_(c.priority == priority, later)
                query = query.where(or_(c.priority < priority, c.priority.is_(None), same))
        query = query.order_by(c.priority.desc().nulls_last(), c.created, c.id).limit(limit + 1)
        with self._begin() as connection:
            rows = [_stored(row) for row in connection.execute(query)]
        more = len(rows) > limit
        rows = rows[:limit]
        return rows, _write_cursor(rows[-1]) if more else None

    def all(self, state: str) -> list[StoredFeedback]:
        """Every row of a state, oldest first."""
        table = _tables()[0]
        query = table.select().where(table.c.state == state).order_by(table.c.created, table.c.id)
        with self._begin() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def counts(self) -> dict[str, int]:
        """How many rows each state has."""
        table = _tables()[0]
        from sqlalchemy import func, select

        with self._begin() as connection:
            found = connection.execute(select(table.c.state, func.count()).group_by(table.c.state))
            return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in found}

    def decide(
        self, id: str, decision: Decision, *, reviewer: str | None = None, voice: str | None = None
    ) -> StoredFeedback | None:
        """Accept or reject a row, and return it as it then is; None where there is none of that id.

        The same decision again changes nothing but the ``voice`` that is given; the other one changes it.

        Raises
        ------
        InputError
            ``decision``, ``reviewer`` or ``voice`` cannot be taken.
        FeedbackConflict
            The row stands in the labels already and is now to be rejected.
        """
        if decision not in DECISIONS:
            raise InputError(f"decision: {decision!r} is none of {', '.join(DECISIONS)}", field="decision")
        if voice is not None and voice not in VOICES:
            raise InputError(f"voice: {voice!r} is none of {', '.join(VOICES)}", field="voice")
        if reviewer is not None:
            _refuse_surrogates(reviewer, "reviewer")
            if len(reviewer) > MAX_NAME:
                told = f"reviewer: {len(reviewer)} characters; at most {MAX_NAME} are taken"
                raise InputError(told, field="reviewer")
        table = _tables()[0]
        here = table.c.id == encode_text(id)
        state = DECISIONS[decision]
        with self._begin(write=True) as connection:
            found = connection.execute(table.select().where(here).with_for_update()).one_or_none()
            if found is None:
                return None
            row = _stored(found)
            if row.state == "moved":
                if state == "accepted":
                    return row
                raise FeedbackConflict(
                    f"{id} was accepted and stands in the labels already; take its row out of labels/feedback.csv"
                )
            changes: dict[str, Any] = {}
            if row.state != state:
                changes = {"state": state, "reviewer": _encoded(reviewer), "decided_at": time.time_ns() // 1_000}
            if voice is not None:
                changes["reviewer_voice"] = voice
            if changes:
                connection.execute(table.update().where(here).values(changes))
            return _stored(connection.execute(table.select().where(here)).one())

    def set_priorities(self, priorities: Mapping[str, float]) -> None:
        """Store where rows stand in the queue: id to priority, higher first."""
        table = _tables()[0]
        from sqlalchemy import bindparam

        statement = table.update().where(table.c.id == bindparam("of")).values(priority=bindparam("now"))
        pairs = [{"of": encode_text(id), "now": float(priority)} for id, priority in priorities.items()]
        # In pieces, so that nobody who posts meanwhile waits long for SQLite's one writer.
        for i in range(0, len(pairs), 500):
            with self._begin(write=True) as connection:
                connection.execute(statement, pairs[i : i + 500])

    def mark_moved(self, ids: Sequence[str]) -> list[str]:
        """Mark accepted rows as standing in the labels; return those that were decided otherwise in the meantime."""
        table = _tables()[0]
        from sqlalchemy import select

        left: list[str] = []
        for i in range(0, len(ids), 500):
            some = [encode_text(id) for id in ids[i : i + 500]]
            chosen = table.c.id.in_(some)
            with self._begin(write=True) as connection:
                connection.execute(table.update().where(chosen, table.c.state == "accepted").values(state="moved"))
                others = connection.execute(select(table.c.id).where(chosen, table.c.state != "moved"))
                left.extend(decode_text(row[0]) for row in others)
        return left

    def close(self) -> None:
        """Let go of all connections; the store can be used again."""
        with self._lock:
            self._forget()

    @contextmanager
    def _begin(self, *, write: bool = False) -> Iterator[Connection]:
        """A transaction, committed at the end. What goes wrong in the database becomes our error."""
        exc = _sqlalchemy().exc
        try:
            engine = self._opened()
            with engine.connect().execution_options(writes=write) as connection, connection.begin():
                yield connection
        except exc.SQLAlchemyError as error:
            with self._lock:
                raise self._unavailable(error) from None

    def _opened(self) -> Engine:
        with self._lock:
            if time.monotonic() < self._down_until:
                raise FeedbackUnavailable(f"{self._place}: not reached a moment ago", reason="it cannot be reached")
            if self._file is not None and self._identity is not None and self._identity != _identity(self._file):
                # The file was deleted or replaced: what is written to the old one would be lost.
                self._forget()
            if self._engine is None:
                self._engine = self._make_engine()
            if not self._ready:
                self._migrate(self._engine)
                self._ready = True
                if self._file is not None:
                    self._identity = _identity(self._file)
            return self._engine

    def _forget(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
        self._engine, self._ready, self._identity = None, False, None

    def _unavailable(self, error: Exception) -> FeedbackUnavailable:
        reason, down = _reason(error)
        if down:
            self._down_until = time.monotonic() + DOWN_SECONDS
        # Whatever happened, look at the database afresh next time.
        self._forget()
        told = str(getattr(error, "orig", "")).splitlines()[:1] if down else []
        return FeedbackUnavailable(": ".join([self._place, reason, *told]), reason=reason)

    def _make_engine(self) -> Engine:
        sqlalchemy = _sqlalchemy()
        try:
            url: URL = sqlalchemy.make_url(self._given_url)
        except (sqlalchemy.exc.ArgumentError, ValueError):
            told = "its address cannot be read; postgresql://USER:PASSWORD@HOST:PORT/DATABASE is the form"
            raise FeedbackUnavailable(f"the feedback database: {told}", reason=told) from None
        if url.drivername in ("postgres", "postgresql"):
            url = url.set(drivername="postgresql+psycopg")
        self._place = url.set(query={}).render_as_string(hide_password=True)
        # Parameters are texts of users: they stay out of every message.
        options: dict[str, Any] = {"hide_parameters": True, "pool_timeout": BUSY_SECONDS, "pool_pre_ping": True}
        if url.get_backend_name() == "sqlite":
            options["connect_args"] = {"timeout": BUSY_SECONDS}
            name = url.database or ""
            if not name.startswith("file:"):
                self._file = Path(name)
        else:
            wanted: dict[str, Any] = {
                "connect_timeout": int(BUSY_SECONDS),
                "tcp_user_timeout": 10_000,
                "client_encoding": "utf8",
                "application_name": "narratives",
            }
            options["connect_args"] = {name: value for name, value in wanted.items() if name not in url.query}
            # Poolers between here and the server may not know statements prepared in another session.
            options["connect_args"]["prepare_threshold"] = None
        try:
            engine: Engine = sqlalchemy.create_engine(url, **options)
        except ImportError as error:
            raise MissingExtra("Feedback in PostgreSQL", "postgres") from error
        listen = sqlalchemy.event.listen
        if engine.dialect.name == "sqlite":
            if self._file is not None:
                _create_private(self._file)
            listen(engine, "connect", _prepare_sqlite)
            listen(engine, "begin", _begin_sqlite)
        else:
            listen(engine, "begin", _begin_postgresql)
        return engine

    def _migrate(self, engine: Engine) -> None:
        """Make the schema or bring it up to date; one process at a time."""
        sqlalchemy = _sqlalchemy()
        _, versions, metadata = _tables()
        with engine.connect() as connection:
            # Most often all is well, and a read-only database can be read.
            if sqlalchemy.inspect(connection).has_table(versions.name):
                version = self._checked(connection.execute(versions.select()).scalar_one_or_none())
                if version == SCHEMA_VERSION:
                    return
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            if engine.dialect.name == "postgresql":
                connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(_LOCK_NUMBER)))
                encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
                if encoding != "UTF8":
                    told = f"its encoding is {encoding}; make one with ENCODING 'UTF8'"
                    raise FeedbackUnavailable(f"{self._place}: {told}", reason=told)
            metadata.create_all(connection, tables=[versions])
            version = self._checked(connection.execute(versions.select()).scalar_one_or_none())
            if version == SCHEMA_VERSION:
                return
            for number in range(version + 1, SCHEMA_VERSION + 1):
                _MIGRATIONS[number](connection)
            connection.execute(versions.delete())
            connection.execute(versions.insert().values(version=SCHEMA_VERSION))

    def _checked(self, version: int | None) -> int:
        if version is not None and version > SCHEMA_VERSION:
            told = (
                f"it was made by a newer release (schema {version}, this one knows {SCHEMA_VERSION}); "
                "upgrade narrative-classifier, or name another database"
            )
            raise FeedbackUnavailable(f"{self._place}: {told}", reason=told)
        return version or 0


def _first_schema(connection: Connection) -> None:
    table, _, metadata = _tables()
    metadata.create_all(connection, tables=[table])


_MIGRATIONS = {1: _first_schema}
"""Schema version to what brings the one before it there, inside one transaction."""


def _sqlalchemy() -> Any:
    try:
        import sqlalchemy
    except ImportError as error:
        raise MissingExtra("Feedback", "serve") from error
    return sqlalchemy


_made: tuple[Table, Table, MetaData] | None = None


def _tables() -> tuple[Table, Table, MetaData]:
    """The feedback, the schema's version, and both together."""
    global _made
    if _made is None:
        _sqlalchemy()
        from sqlalchemy import BigInteger, CheckConstraint, Column, Double, Index, Integer, MetaData, Table, Text

        metadata = MetaData()
        feedback = Table(
            "narratives_feedback",
            metadata,
            Column("id", Text, primary_key=True),
            Column("created", BigInteger, nullable=False),
            Column("text", Text, nullable=False),
            Column("label", Text, nullable=False),
            Column("verdict", Text, nullable=False),
            Column("voice", Text),
            Column("begin", Integer),
            Column("end", Integer),
            Column("annotator", Text),
            Column("client_id", Text, unique=True),
            Column("digest", Text),
            Column("language", Text),
            Column("priority", Double),
            Column("state", Text, nullable=False),
            Column("reviewer", Text),
            Column("reviewer_voice", Text),
            Column("decided_at", BigInteger),
            CheckConstraint("verdict IN ('correct', 'incorrect', 'missing')", name="narratives_feedback_verdict"),
            CheckConstraint("state IN ('pending', 'accepted', 'rejected', 'moved')", name="narratives_feedback_state"),
        )
        Index("narratives_feedback_queue", feedback.c.state, feedback.c.priority, feedback.c.created)
        versions = Table("narratives_feedback_schema", metadata, Column("version", Integer, primary_key=True))
        _made = feedback, versions, metadata
    return _made


def _encoded(value: Any) -> Any:
    return encode_text(value) if isinstance(value, str) else value


def _stored(row: Any) -> StoredFeedback:
    values = row._mapping
    plain: dict[str, Any] = {f.name: values[f.name] for f in fields(StoredFeedback)}
    for name, value in plain.items():
        if isinstance(value, str):
            plain[name] = decode_text(value)
    return StoredFeedback(**plain)


def _write_cursor(row: StoredFeedback) -> str:
    plain = json.dumps([row.priority, row.created, row.id])
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[float | None, int, str]:
    try:
        plain = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        priority, created, id = plain
        if priority is not None:
            priority = float(priority)
        if type(created) is not int or not 0 <= created < 2**63 or not isinstance(id, str):
            raise TypeError
        return priority, created, str(uuid.UUID(id))
    except (ValueError, TypeError, OverflowError, RecursionError):
        told = "after: no cursor of ours; take the 'next' of the page before, or leave it out"
        raise InputError(told, field="after") from None


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def _create_private(file: Path) -> None:
    """Make a missing database file readable by its owner alone: it will hold users' texts."""
    with suppress(OSError):  # there already; or SQLite will say what is wrong
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # transactions begin where _begin_sqlite says
    cursor = connection.cursor()
    try:
        # With FULL a commit has reached the disk when it returns.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA fullfsync = ON")
        deadline = time.monotonic() + BUSY_SECONDS
        while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            try:
                cursor.execute("PRAGMA journal_mode = WAL")
                break
            except connection.OperationalError as error:
                code = error.sqlite_errorcode & 0xFF
                if code in (8, 14):
                    break  # read-only: what is there can still be read
                # Another worker changes it too; SQLite does not wait for that by itself.
                if code not in (5, 6) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # Writers queue up at once: a transaction that reads first and writes then could fail however long it waits.
    immediate = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    # A server that answers commits before they are on disk does not do so for ours.
    connection.exec_driver_sql(
        "SELECT set_config('statement_timeout', '10000', true), set_config('synchronous_commit', "
        "CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' "
        "ELSE current_setting('synchronous_commit') END, true)"
    )


_SQLITE_REASONS = {
    3: "its file may not be opened",
    5: "it is locked by another process",
    6: "it is locked by another process",
    8: "it is read-only",
    10: "the disk failed or is full",
    11: "it is damaged",
    13: "the disk is full",
    14: "its file cannot be opened or made",
    26: "its file is no SQLite database",
}

_POSTGRESQL_REASONS = {
    "53": "it is out of disk, memory or connections",
    "25": "it is read-only",
    "28": "it refuses the user or the password",
    "3D": "there is no such database",
    "42": "the user may not use its tables, or they are not ours",
    "55": "it is locked by another process",
    "57": "it is shutting down, starting up, or too slow",
    "58": "its disk failed",
}


def _reason(error: Exception) -> tuple[str, bool]:
    """What is wrong in words without a value of a row in them; and whether the server cannot be reached."""
    original = getattr(error, "orig", None)
    code = getattr(original, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE_REASONS.get(code & 0xFF, f"SQLite reports error {code}"), False
    state = getattr(original, "sqlstate", None)
    if state is not None:
        return _POSTGRESQL_REASONS.get(state[:2], f"PostgreSQL reports error {state}"), state.startswith("57P")
    if type(error).__name__ == "TimeoutError":
        return "all its connections are in use", False
    if type(error).__name__ == "OperationalError":
        # psycopg gives refused connections no code.
        return "it cannot be reached", True
    return f"{type(original or error).__name__} in its library", False
