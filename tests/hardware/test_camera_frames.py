"""Frames through shared memory: never torn, never a stranger's, nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.devices import Frame
from hardware.host import frames
from hardware.host.frames import FrameReader, FrameWriter

HOUSE = Path(__file__).parents[2]
POSIX = sys.platform != "win32"


def frame(number: int, shape: tuple[int, ...] = (48, 64, 3)) -> Frame:
    """All of one value, so that a torn one shows."""
    return Frame(np.full(shape, number % 251, np.uint8), number / 10, number)


@pytest.fixture
def writer() -> Iterator[FrameWriter]:
    writer = FrameWriter.for_frame(frame(0), slots=4)
    yield writer
    writer.close()


@pytest.fixture
def reader(writer: FrameWriter) -> Iterator[FrameReader]:
    reader = FrameReader(json.loads(json.dumps(writer.describe())))
    yield reader
    reader.close()


def test_an_empty_ring_has_nothing(reader):
    assert reader.latest() is None
    assert reader.numbers() == ()
    assert reader.get(0) is None


def test_a_frame_arrives_as_it_was(writer, reader):
    image = np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)
    writer.put(Frame(image, 12.5, 7))
    got = reader.latest()
    assert (got.number, got.taken_s) == (7, 12.5)
    assert np.array_equal(got.image, image)
    image[:] = 0
    assert reader.latest().image.any(), "a copy of its own"
    assert got.image.flags.writeable


def test_the_ring_keeps_as_many_as_it_has_slots(writer, reader):
    for number in range(10):
        writer.put(frame(number))
    assert reader.numbers() == (6, 7, 8, 9)
    assert [reader.get(n) is not None for n in (5, 6, 9, 10, -1)] == [False, True, True, False, False]
    assert reader.latest().number == 9


@given(st.lists(st.integers(1, 9), min_size=1, max_size=40), st.integers(2, 6))
@settings(max_examples=50, deadline=None)
def test_what_is_there_is_right_whatever_numbers_are_left_out(steps, slots):
    writer = FrameWriter(48, slots)
    reader = FrameReader(writer.describe(), alone=True)
    number = 0
    for step in steps:
        number += step
        writer.put(frame(number, (4, 4, 3)))
        assert reader.latest().number == number
        for each in reader.numbers():
            assert reader.get(each).image[0, 0, 0] == each % 251
    reader.close()
    writer.close()


@pytest.mark.parametrize("shape", [(48, 64, 3), (10, 20, 3), (48, 64), (1, 1, 1)])
def test_smaller_and_grey_frames_fit_too(writer, reader, shape):
    writer.put(frame(3, shape))
    assert reader.get(3).image.shape == shape


def test_a_view_into_a_picture_can_be_put(writer, reader):
    image = np.random.default_rng(0).integers(0, 255, (96, 64, 3), np.uint8)
    writer.put(Frame(image[::2, ::-1], 0.0, 1))
    assert np.array_equal(reader.get(1).image, image[::2, ::-1])


def test_what_is_no_frame_for_this_ring_is_refused(writer, reader):
    writer.put(frame(5))
    assert not writer.fits(frame(6, (480, 640, 3)))
    with pytest.raises(ValueError, match=r"480x640x3 \(B\) does not fit"):
        writer.put(frame(6, (480, 640, 3)))
    with pytest.raises(ValueError, match="does not fit"):
        writer.put(Frame(np.zeros((4, 4, 3), np.float32), 0.0, 6))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="frame 5 comes after frame 5"):
        writer.put(frame(5))
    assert reader.numbers() == (5,)


def test_a_larger_frame_gets_a_new_ring(writer, reader):
    writer.put(frame(1))
    large = frame(2, (96, 128, 3))
    new = FrameWriter.for_frame(large, slots=4)
    new.put(large)
    with_new = FrameReader(new.describe())
    writer.close()
    assert with_new.latest().image.shape == (96, 128, 3)
    assert reader.latest().number == 1, "who still reads the old one keeps what it has"
    with_new.close()
    new.close()


def test_a_slot_that_is_being_written_is_not_given_out(writer, reader):
    writer.put(frame(1))
    words = writer._ring.words
    at = writer._ring.slot(1)[0]
    words[at] += 1
    assert reader.get(1) is None
    assert reader.numbers() == ()
    words[at] += 1
    assert reader.get(1) is not None


@pytest.mark.skipif(not POSIX, reason="named memory has no file")
def test_nothing_is_left_behind(writer):
    path = Path(writer.path)
    assert path.stat().st_mode & 0o077 == 0
    reader = FrameReader(writer.describe(), alone=True)
    assert not path.exists()
    writer.put(frame(1))
    assert reader.latest().number == 1
    reader.close()
    assert reader.latest() is None
    assert reader.get(1) is None


def test_a_ring_that_is_gone_is_an_error(writer):
    description = writer.describe()
    writer.close()
    with pytest.raises((OSError, ValueError)):
        FrameReader(description)


WRITER = """
import json, sys, time
import numpy as np
from hardware.devices import Frame
from hardware.host import frames
from hardware.host.frames import FrameWriter

height, width, slots, count, ahead = map(int, sys.argv[1:])
image = np.empty((height, width, 3), np.uint8)
writer = FrameWriter(image.nbytes, slots)
print(json.dumps(writer.describe()), flush=True)
sys.stdin.readline()
for number in range(count):
    if number >= ahead:
        sys.stdin.readline()  # the reader has taken another one
    image[:] = number % 251
    writer.put(Frame(image, time.monotonic(), number))
print("done", flush=True)
sys.stdin.readline()
writer.close()
"""


@pytest.fixture
def other_process():
    """Starts a writer in another process; returns it and its ring's description. The last argument is how many
    frames it writes before it waits to be told of each that was taken."""
    running = []

    def start(*arguments: int) -> tuple[subprocess.Popen[str], dict]:
        command = [sys.executable, "-c", WRITER, *map(str, arguments)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=HOUSE, stdin=pipe, stdout=pipe, text=True)
        running.append(process)
        return process, json.loads(process.stdout.readline())

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("slots", [2, 3])
def test_a_writer_at_full_speed_never_shows_a_torn_frame(other_process, slots):
    process, description = other_process(240, 320, slots, 10**9, 10**9)
    reader = FrameReader(description, alone=True)
    process.stdin.write("go\n")
    process.stdin.flush()
    seen, number = set(), 0
    until_s = time.monotonic() + 60.0
    while len(seen) < 400 and time.monotonic() < until_s:
        for frame in (reader.get(number + 1), reader.latest()):
            if frame is not None:
                assert (frame.image == frame.number % 251).all()
                number = frame.number
                seen.add(number)
    assert len(seen) > 20
    reader.close()


def test_frames_of_a_camera_arrive_without_loss(other_process):
    """1280x720, the writer up to half a ring ahead; the reader misses none of 60, more than a ring holds."""
    process, description = other_process(720, 1280, 24, 60, 12)
    reader = FrameReader(description, alone=True)
    process.stdin.write("go\n")
    process.stdin.flush()
    numbers: list[int] = []
    until_s = time.monotonic() + 60.0
    while len(numbers) < 60 and time.monotonic() < until_s:
        frame = reader.get(len(numbers))
        if frame is None:
            time.sleep(0.005)
            continue
        assert frame.image[0, 0, 0] == frame.image[-1, -1, -1] == frame.number % 251
        numbers.append(frame.number)
        if len(numbers) <= 60 - 12:
            process.stdin.write("taken\n")
            process.stdin.flush()
    assert numbers == list(range(60))
    reader.close()


def test_many_threads_may_read_while_one_closes(writer):
    writer.put(frame(1))
    reader = FrameReader(writer.describe())
    errors: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                reader.latest()
                reader.numbers()
        except BaseException as error:  # noqa: BLE001  whatever it is, it is the fault looked for
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    reader.close()
    time.sleep(0.02)
    done.set()
    for thread in threads:
        thread.join(10.0)
    assert errors == []


@pytest.mark.skipif(not POSIX, reason="named memory ends with its last user")
def test_what_a_killed_writer_left_is_swept_away_by_the_next(other_process):
    process, description = other_process(48, 64, 4, 1, 1)
    path = Path(description["path"])
    assert path.exists()
    alive = FrameWriter(100, 2)
    assert path.exists(), "its writer lives"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    FrameWriter(100, 2).close()
    assert not path.exists()
    assert Path(alive.path).exists()
    alive.close()


@pytest.mark.skipif(not POSIX, reason="Windows has no such files")
def test_a_draft_that_a_killed_writer_left_is_swept_away_but_no_fresh_one(monkeypatch):
    folder = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())  # noqa: S108
    old, new = (folder / f".aliquot-frames-{age}-draft-{os.getpid()}" for age in ("old", "new"))
    for draft in (old, new):
        draft.touch()
    os.utime(old, (time.time() - 100, time.time() - 100))
    try:
        FrameWriter.for_frame(frame(0), slots=4).close()
        assert not old.exists()
        assert new.exists()
    finally:
        new.unlink()


def test_the_port_owner_starts_without_numpy():
    heavy = "('numpy', 'cv2', 'multiprocessing')"
    code = f"import sys, hardware.host.frames; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=HOUSE, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(not POSIX, reason="named memory has no file")
def test_a_full_shared_memory_folder_is_gone_around_before_anything_is_written(monkeypatch, tmp_path):
    really = frames._file

    def full(folder: Path, name: str, size: int) -> int:
        if folder.name == "shm":
            raise OSError(28, "No space left on device")
        return really(folder, name, size)

    monkeypatch.setattr(frames, "_file", full)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    writer = FrameWriter(100, 2)
    assert Path(writer.path).parent == tmp_path
    writer.close()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match=r"No space left|too large"):
        FrameWriter(1 << 60, 2)
