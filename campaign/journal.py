"""The journal: one file that holds everything that happened, in order, on the disk before anything follows from it.

Append-only; each event carries the sha256 of the one before, so that a changed or missing record is found.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from campaign import codec, tables
from campaign.durable import keep_file, sync_folder
from campaign.errors import JournalError
from campaign.events import At, Event
from campaign.lock import WriterLock
from campaign.tables import EVENTS, FORMAT, HEAD, START

__all__ = ["Entry", "Journal", "JournalError"]

log = logging.getLogger(__name__)
SLOW_S = 1.0


@dataclass(frozen=True)
class Entry:
    """One record: its number (from 1), when, what, and the end of the hash chain there."""

    number: int
    at: At
    event: Event
    sha256: str


class Journal:
    """One writer, any number of readers. `append` and `save_image` belong to one thread."""

    def __init__(self, path: Path, engine: Engine | None, lock: WriterLock | None) -> None:
        """Use `create` or `open`."""
        self.path = path
        self._engine = engine
        self._lock = lock
        self._number, self._sha256 = 0, START
        self._wall: Callable[[], float] = time.time
        self._clock: Callable[[], float] = time.monotonic

    @classmethod
    def create(cls, path: str | Path) -> "Journal":
        """A new journal. Its file appears, whole, with the first event.

        Raises JournalError when the file is there already or cannot be made.
        """
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = _lock(path)
        except OSError as error:
            raise JournalError(f"{path} cannot be made: {_reason(error)}") from error
        if path.exists():
            lock.close()
            raise JournalError(f"{path} is there already; open it, or choose another place")
        return cls(path, None, lock)

    @classmethod
    def open(cls, path: str | Path, readonly: bool = False) -> "Journal":
        """A journal that is there. Raises JournalError when it is none, is damaged at the head, or has a writer."""
        path = Path(path)
        if not path.is_file():
            raise JournalError(f"{path} is not there")
        lock = None if readonly else _lock(path)
        journal = cls(path, None, lock)
        try:
            journal._read_head(readonly)
        except JournalError:
            journal.close()
            raise
        if not readonly:
            journal._engine = tables.writer(path)
        return journal

    @property
    def readonly(self) -> bool:
        return self._lock is None

    def append(self, *events: Event) -> tuple[Entry, ...]:
        """All of these or none, on the disk when this returns. Raises JournalError when they are not."""
        if self.readonly:
            raise JournalError(f"{self.path} is open for reading only")
        number, sha256 = self._number, self._sha256
        entries, rows = [], []
        for event in events:
            at, body = At(self._wall(), self._clock()), codec.encode(event)
            number += 1
            sha256 = _chain(sha256, number, at, body)
            entries.append(Entry(number, at, event, sha256))
            rows.append({
                "number": number, "wall_s": at.wall_s, "clock_s": at.clock_s, "kind": event.kind,
                "experiment": getattr(event, "experiment", None), "attempt": getattr(event, "attempt", None),
                "step": getattr(event, "index", None), "body": body, "sha256": sha256,
            })  # fmt: skip
        if not rows:
            return ()
        began = time.monotonic()
        try:
            self._write(rows)
        except IntegrityError as error:
            raise JournalError(f"{self.path} refuses a record that it holds already: {_reason(error)}") from error
        except (OSError, SQLAlchemyError) as error:
            raise JournalError(f"{self.path} cannot be written: {_reason(error)}") from error
        if (took := time.monotonic() - began) > SLOW_S:
            log.warning("the disk took %.1f s to keep a record in %s", took, self.path)
        self._number, self._sha256 = number, sha256
        return tuple(entries)

    def events(self) -> Iterator[Event]:
        """All events, oldest first. Any thread."""
        return (entry.event for entry in self.entries())

    def entries(self) -> Iterator[Entry]:
        """All events with number and time, oldest first. Any thread. Raises JournalError naming a bad record."""
        for row in self._rows():
            event = codec.decode(row.body, f"record {row.number}")
            yield Entry(row.number, At(row.wall_s, row.clock_s), event, row.sha256)

    def verify(self) -> str | None:
        """None when every record is as it was written; otherwise which one is not, and why."""
        number, sha256 = 0, START
        if not self.path.exists():
            return f"{self.path} is not there"
        try:
            with self._reading() as connection:
                head = _head(connection)
            for row in self._rows():
                number += 1
                if row.number != number:
                    return f"record {number} is missing"
                if not isinstance(row.body, str):
                    return f"record {number} ({row.kind}) was changed after it was written"
                if number > int(head["number"]):
                    with self._reading() as connection:
                        head = _head(connection)  # the writer may have gone on meanwhile
                    if number > int(head["number"]):
                        return f"record {number} ({row.kind}) was added by hand: {head['number']} were written"
                sha256 = _chain(sha256, number, At(row.wall_s, row.clock_s), row.body)
                if row.sha256 != sha256 or (number == int(head["number"]) and sha256 != head["sha256"]):
                    return f"record {number} ({row.kind}) was changed after it was written"
                event = codec.decode(row.body, f"record {number}")
                told = (row.kind, row.experiment, row.attempt, row.step)
                if told != (event.kind, *(getattr(event, n, None) for n in ("experiment", "attempt", "index"))):
                    return f"record {number} ({row.kind}) was changed after it was written"
            if number < int(head["number"]):
                return f"record {number + 1} is missing: {head['number']} were written"
        except JournalError as error:
            return str(error)
        except (SQLAlchemyError, KeyError, ValueError) as error:
            return f"the file is damaged after record {number}: {_reason(error)}"
        return None

    def save_image(self, name: str, jpeg: bytes) -> tuple[str, str]:
        """Keep a picture beside the journal; (path relative to the journal, sha256) once it is on the disk."""
        folder = self.path.parent / "images"
        target = folder / name
        if target.parent != folder:
            raise JournalError(f"{name!r} is no plain file name")
        try:
            keep_file(target, jpeg)
        except OSError as error:
            raise JournalError(f"{target} cannot be written: {_reason(error)}") from error
        return f"images/{name}", hashlib.sha256(jpeg).hexdigest()

    def check_images(self) -> tuple[str, ...]:
        """A sentence for every picture that is missing or not the one that was taken."""
        mistakes = []
        for entry in self.entries():
            image = getattr(entry.event, "image", None)
            wanted = getattr(entry.event, "image_sha256", None)
            if image is None or wanted is None:
                continue
            path = self.path.parent / image
            if not path.is_file():
                mistakes.append(f"record {entry.number}: {image} is missing")
            elif hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
                mistakes.append(f"record {entry.number}: {image} is not the picture that was taken")
        return tuple(mistakes)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
        if self._lock is not None:
            self._lock.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if self._engine is not None:
            with self._engine.begin() as connection:
                _insert(connection, rows)
            return
        temp = self.path.with_name(f".{self.path.name}.new")
        temp.unlink(missing_ok=True)
        tables.new_file(temp)
        engine = tables.writer(temp, mode="DELETE")
        try:
            with engine.begin() as connection:
                tables.make(connection)
                _insert(connection, rows)
        finally:
            engine.dispose()
        if self.path.exists():
            raise FileExistsError(f"{self.path} has appeared meanwhile")
        temp.rename(self.path)
        sync_folder(self.path.parent)
        self._engine = tables.writer(self.path)

    def _reading(self) -> Connection:
        return tables.reader(self.path).connect()

    def _rows(self) -> Iterator[Row[tuple[object, ...]]]:
        if not self.path.exists():  # nothing has happened yet
            return
        try:
            with self._reading() as connection:
                yield from connection.execute(select(EVENTS).order_by(EVENTS.c.number))
        except SQLAlchemyError as error:
            raise JournalError(f"{self.path} is damaged: {_reason(error)}") from error

    def _read_head(self, readonly: bool) -> None:
        try:
            with self._reading() as connection:
                head = _head(connection)
            written, self._number, self._sha256 = int(head["format"]), int(head["number"]), head["sha256"]
        except (SQLAlchemyError, KeyError, ValueError) as error:
            reason = _reason(error)
            raise JournalError(f"{self.path} is no journal of Aliquot, or it is damaged: {reason}") from error
        if written > FORMAT and not readonly:
            raise JournalError(
                f"{self.path} was written by a newer Aliquot (format {written}, this one knows {FORMAT}). "
                "Update Aliquot to go on with it; it can be opened for reading only"
            )


def _lock(path: Path) -> WriterLock:
    return WriterLock(path.with_name(path.name + ".lock"))


def _insert(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(insert(EVENTS), rows)
    for name in ("number", "sha256"):
        connection.execute(update(HEAD).where(HEAD.c.name == name).values(value=str(rows[-1][name])))


def _head(connection: Connection) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(select(HEAD))}


def _chain(before: str, number: int, at: At, body: str) -> str:
    return hashlib.sha256(json.dumps([before, number, at.wall_s, at.clock_s, body]).encode()).hexdigest()


def _reason(error: Exception) -> str:
    """The cause without the SQL."""
    return str(getattr(error, "orig", None) or error)
