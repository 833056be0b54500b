"""The journal on real files: durable, append-only, verifiable, one writer."""

import os
import re
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from campaign.errors import JournalError
from campaign.events import AttemptStarted, Noted, StepDone, StepFailed, StepIntended
from campaign.journal import Journal
from campaign.steps import Dose

HOUSE = Path(__file__).resolve().parents[2]
DOSE = Dose("A1", "red", 100.0, 50.0)
INTENT = StepIntended(1, 1, 0, DOSE)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "campaign here" / "journal#1.sqlite"


@pytest.fixture
def journal(path):
    with Journal.create(path) as journal:
        yield journal


def written(path, count=5):
    with Journal.create(path) as journal:
        for i in range(count):
            journal.append(Noted(1, f"note {i}"))


def tamper(path, *statements):
    """As a hand would that has lifted the append-only triggers first."""
    raw = sqlite3.connect(path)
    raw.execute("DROP TRIGGER no_update")
    raw.execute("DROP TRIGGER no_delete")
    for statement in statements:
        raw.execute(statement)
    raw.commit()
    raw.close()


def test_events_come_back_in_order(journal, path):
    journal.append(Noted(1, "a"), Noted(1, "b"))
    (entry,) = journal.append(Noted(2, "c"))
    assert entry.number == 3
    assert [e.text for e in journal.events()] == ["a", "b", "c"]
    assert journal.verify() is None
    journal.close()
    with Journal.open(path) as again:
        again.append(Noted(3, "d"))
        assert [e.number for e in again.entries()] == [1, 2, 3, 4]
        assert again.verify() is None


def test_the_file_appears_whole_with_its_first_event(path):
    with Journal.create(path) as journal:
        assert not path.exists()
        assert list(journal.events()) == []
        journal.append(Noted(1, "a"))
        assert path.exists()
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, path.name + ".lock"]


def test_what_a_killed_program_left_of_a_new_journal_is_no_obstacle(path):
    path.parent.mkdir()
    path.with_name(f".{path.name}.new").write_bytes(b"half a file")
    written(path)
    with Journal.open(path, readonly=True) as journal:
        assert journal.verify() is None


def test_durable_settings(journal):
    journal.append(Noted(1, "a"))
    with journal._engine.connect() as connection:
        pragma = {
            n: connection.exec_driver_sql(f"PRAGMA {n}").scalar()
            for n in ("journal_mode", "synchronous", "fullfsync")
        }
    assert pragma == {"journal_mode": "wal", "synchronous": 2, "fullfsync": 1}


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_only_its_owner_may_read_it(journal, path):
    journal.append(Noted(1, "a"))
    journal.save_image("a.jpg", b"jpeg")
    for file in (*path.parent.glob("journal*"), path.parent / "images" / "a.jpg"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_the_same_step_cannot_be_intended_twice(journal):
    journal.append(INTENT)
    with pytest.raises(JournalError, match="holds already"):
        journal.append(Noted(1, "goes with it"), INTENT)
    assert list(journal.events()) == [INTENT], "all of an append or nothing"
    journal.append(StepIntended(1, 2, 0, DOSE), StepIntended(2, 1, 0, DOSE), StepIntended(1, 1, 1, DOSE))
    assert journal.verify() is None


@pytest.mark.parametrize(
    "twice",
    [
        (StepDone(1, 1, 0, {}), StepDone(1, 1, 0, {})),
        (StepDone(1, 1, 0, {}), StepFailed(1, 1, 0, "", "unknown")),
        (AttemptStarted(1, 1, "A1", ()), AttemptStarted(1, 1, "A2", ())),
    ],
)
def test_one_outcome_per_intent_and_one_vial_per_attempt(journal, twice):
    journal.append(twice[0])
    with pytest.raises(JournalError):
        journal.append(twice[1])


def test_append_only(journal, path):
    journal.append(Noted(1, "a"))
    raw = sqlite3.connect(path)
    for statement in ("UPDATE events SET body = ''", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            raw.execute(statement)
    raw.close()


def test_create_refuses_a_file_that_is_there(path):
    written(path)
    with pytest.raises(JournalError, match="is there already"):
        Journal.create(path)
    with Journal.open(path) as journal:
        assert journal.verify() is None


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0 and then nothing", b"hello" * 1000])
def test_open_refuses_what_is_no_journal(tmp_path, content):
    (tmp_path / "a.sqlite").write_bytes(content)
    for readonly in (True, False):
        with pytest.raises(JournalError, match="no journal of Aliquot"):
            Journal.open(tmp_path / "a.sqlite", readonly)
    with pytest.raises(JournalError, match="is not there"):
        Journal.open(tmp_path / "b.sqlite")


def test_reading_only(path):
    written(path)
    with Journal.open(path, readonly=True) as journal:
        assert journal.readonly
        assert journal.verify() is None
        with pytest.raises(JournalError, match="reading only"):
            journal.append(Noted(1, "x"))


def test_others_read_while_one_writes(journal, path):
    journal.append(Noted(1, "0"))
    seen, go, ready = [], threading.Event(), threading.Event()

    def read():
        with Journal.open(path, readonly=True) as reader:
            events = reader.events()
            seen.append(next(events))
            ready.set()
            go.wait(10)
            seen.extend(events)
            seen.append(reader.verify())

    reading = threading.Thread(target=read)
    reading.start()
    assert ready.wait(10)
    for i in range(20):
        journal.append(Noted(1, str(i)))
    go.set()
    reading.join(10)
    assert seen[0].text == "0"
    assert seen[-1] is None


def opened_or_refused(path):
    """What is wrong, and the events if nothing is."""
    try:
        with Journal.open(path, readonly=True) as journal:
            damage = journal.verify()
            return damage, [] if damage else list(journal.events())
    except JournalError as error:
        return str(error), []


class TestVerify:
    @pytest.mark.parametrize(
        ("statement", "complaint"),
        [
            (
                "UPDATE events SET body = replace(body, 'note 2', 'note X') WHERE number = 3",
                "record 3 .* was changed",
            ),
            ("UPDATE events SET wall_s = wall_s + 1 WHERE number = 2", "record 2 .* was changed"),
            ("UPDATE events SET kind = 'asked' WHERE number = 2", "record 2 .* was changed"),
            ("UPDATE events SET experiment = 9 WHERE number = 4", "record 4 .* was changed"),
            ("UPDATE events SET sha256 = '' WHERE number = 5", "record 5 .* was changed"),
            ("DELETE FROM events WHERE number = 2", "record 2 is missing"),
            ("DELETE FROM events WHERE number = 5", "record 5 is missing: 5 were written"),
            ("UPDATE head SET value = 'x' WHERE name = 'sha256'", "record 5 .* was changed"),
            ("DELETE FROM head WHERE name = 'number'", "is damaged"),
            ("UPDATE events SET body = x'0011' WHERE number = 3", "record 3 .* was changed"),
            (
                "INSERT INTO events SELECT 6, wall_s, clock_s, kind, 7, attempt, step, body, sha256 FROM events"
                " WHERE number = 5",
                "record 6 .* was added by hand: 5 were written",
            ),
        ],
    )
    def test_names_the_record(self, path, statement, complaint):
        written(path)
        with Journal.open(path, readonly=True) as journal:
            assert journal.verify() is None
            tamper(path, statement)
            said = journal.verify()
        assert said is not None
        assert re.search(complaint, said), said

    @pytest.mark.parametrize("where", [100, 4096 + 50, 3 * 4096 + 200, -60, -2000])
    def test_flipped_bits_are_found_or_harmless(self, path, where):
        """SQLite leaves space unused; a bit flipped elsewhere is named, never a traceback."""
        written(path, 60)
        content = bytearray(path.read_bytes())
        with Journal.open(path, readonly=True) as journal:
            before = list(journal.events())
        content[where] ^= 0xFF
        path.write_bytes(content)
        damage, events = opened_or_refused(path)
        assert damage is not None or events == before

    def test_a_file_cut_short(self, path):
        written(path, 60)
        path.write_bytes(path.read_bytes()[:-4096])
        damage, _ = opened_or_refused(path)
        assert damage is not None


def test_a_newer_format_is_read_but_not_written(path):
    written(path)
    tamper(path, "UPDATE head SET value = '2' WHERE name = 'format'")
    with pytest.raises(JournalError, match="written by a newer Aliquot"):
        Journal.open(path)
    with Journal.open(path, readonly=True) as journal:
        assert len(list(journal.events())) == 5


class TestOneWriter:
    def test_a_second_one_is_told_who_holds_it(self, journal, path):
        journal.append(Noted(1, "a"))
        with pytest.raises(JournalError, match=f"another Aliquot .process {os.getpid()}.*Close that one first"):
            Journal.open(path)
        with Journal.open(path, readonly=True) as reader:
            assert reader.verify() is None

    def test_also_before_the_first_event(self, journal, path):
        with pytest.raises(JournalError, match="another Aliquot"):
            Journal.create(path)

    def test_the_lock_ends_with_its_program(self, path):
        code = (
            "import sys; from campaign.journal import Journal; from campaign.events import Noted\n"
            "j = Journal.create(sys.argv[1]); j.append(Noted(1, 'a')); print('here', flush=True); sys.stdin.read()"
        )
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(path)],
            cwd=HOUSE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout.readline() == "here\n"
        with pytest.raises(JournalError, match=f"process {child.pid}"):
            Journal.open(path)
        child.kill()
        child.communicate()
        with Journal.open(path) as journal:
            assert journal.verify() is None
            journal.append(Noted(1, "b"))


class TestImages:
    def test_kept_and_checked(self, journal, path):
        relative, digest = journal.save_image("0001-1-04.jpg", b"jpeg")
        assert (path.parent / relative).read_bytes() == b"jpeg"
        assert [p.name for p in (path.parent / "images").iterdir()] == ["0001-1-04.jpg"]
        journal.append(StepDone(1, 1, 4, {}, relative, digest))
        assert journal.check_images() == ()

    def test_a_changed_or_lost_picture_is_named(self, journal, path):
        for i in range(2):
            journal.append(StepDone(1, 1, i, {}, *journal.save_image(f"{i}.jpg", b"jpeg")))
        (path.parent / "images" / "0.jpg").write_bytes(b"other")
        (path.parent / "images" / "1.jpg").unlink()
        first, second = journal.check_images()
        assert first == "record 1: images/0.jpg is not the picture that was taken"
        assert second == "record 2: images/1.jpg is missing"
        assert journal.verify() is None

    @pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "b/a.jpg"])
    def test_stays_in_its_folder(self, journal, name):
        with pytest.raises(JournalError, match="no plain file name"):
            journal.save_image(name, b"jpeg")


def test_times_of_a_jumping_wall_clock(journal):
    """Order is by number and durations are on the monotonic clock, whatever the wall clock says."""
    wall = iter([1000.0, 5.0, 2e9])
    journal._wall = lambda: next(wall)
    for text in "abc":
        journal.append(Noted(1, text))
    entries = list(journal.entries())
    assert [e.event.text for e in entries] == ["a", "b", "c"]
    assert [e.at.wall_s for e in entries] == [1000.0, 5.0, 2e9]
    assert entries[0].at.clock_s <= entries[1].at.clock_s <= entries[2].at.clock_s
    assert journal.verify() is None


def test_a_slow_disk_is_told(journal, monkeypatch, caplog):
    monkeypatch.setattr("campaign.journal.SLOW_S", -1.0)
    journal.append(Noted(1, "a"))
    assert "the disk took" in caplog.text
