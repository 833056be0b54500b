"""The journal's tables, and how its one file is opened."""

import os
import sqlite3
from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    insert,
    text,
)  # fmt: skip
from sqlalchemy.pool import NullPool, StaticPool

FORMAT = 1
START = "0" * 64
"""What the first event of the chain is linked to."""

META = MetaData()
HEAD = Table("head", META, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
"""format; number and sha256 of the newest event."""
EVENTS = Table(
    "events", META,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("wall_s", Float, nullable=False),
    Column("clock_s", Float, nullable=False),
    Column("kind", Text, nullable=False),
    Column("experiment", Integer),
    Column("attempt", Integer),
    Column("step", Integer),
    Column("body", Text, nullable=False),
    Column("sha256", Text, nullable=False),
)  # fmt: skip
_C = EVENTS.c


def _once(name: str, kinds: str, *columns: "Column[int]") -> None:
    where = text(f"kind IN ({kinds})")
    Index(name, *columns, unique=True, sqlite_where=where, postgresql_where=where)


_once("one_intent", "'step_intended'", _C.experiment, _C.step, _C.attempt)
_once("one_outcome", "'step_done', 'step_failed'", _C.experiment, _C.step, _C.attempt)
_once("one_attempt", "'attempt_started'", _C.experiment, _C.attempt)

_APPEND_ONLY = tuple(
    f"CREATE TRIGGER no_{what.lower()} BEFORE {what} ON events "
    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
    for what in ("UPDATE", "DELETE")
)


def make(connection: Connection) -> None:
    """All tables of an empty file, and no event."""
    META.create_all(connection)
    head = {"format": FORMAT, "number": 0, "sha256": START}
    connection.execute(insert(HEAD), [{"name": name, "value": str(value)} for name, value in head.items()])
    for statement in _APPEND_ONLY:
        connection.exec_driver_sql(statement)


def writer(path: Path, mode: str = "WAL") -> Engine:
    """One connection, every commit on the disk before it returns."""
    engine = create_engine("sqlite://", creator=lambda: _connect(path, "rw"), poolclass=StaticPool)

    @event.listens_for(engine, "connect")
    def _(raw: sqlite3.Connection, _record: object) -> None:
        for pragma in (f"journal_mode={mode}", "synchronous=FULL", "fullfsync=1", "checkpoint_fullfsync=1"):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def reader(path: Path) -> Engine:
    """Cannot write; a connection per use, so that any thread may read while another writes."""
    return create_engine("sqlite://", creator=lambda: _connect(path, "ro"), poolclass=NullPool)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=5.0, check_same_thread=False, isolation_level=None)


def new_file(path: Path) -> None:
    """An empty file that only its owner may read. Raises FileExistsError."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
