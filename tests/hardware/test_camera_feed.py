"""The reader, its watch and those who wait, with sources that do what they are told."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from queue import Empty, Queue

import numpy as np
import pytest

from hardware.devices import Frame, Image
from hardware.errors import DeviceTimeoutError, NotConnectedError
from hardware.parts.camera_feed import CameraFeed, NoPictureError, Patience
from tests.hardware.cameras import grey, soon

HANG = "hang"
PATIENT = Patience(connect_s=30.0, read_s=30.0, late_s=30.0, frozen_s=0.0)
"""No machine is so busy that a source counts as hanging or late by mistake."""
HASTY = Patience(connect_s=30.0, read_s=0.5, late_s=0.3, frozen_s=0.0)


class Scripted:
    """A source that gives what is put into it: pictures, errors to raise, or HANG until it is freed.

    steady: the shade of pictures that it gives of itself while there is nothing else; None to be silent then.
    """

    stamp_ms: float | None = None
    old = False
    steady: int | None = None

    def __init__(self) -> None:
        self.gives: Queue[object] = Queue()
        self.freed = threading.Event()
        self.released = threading.Event()
        self.hanging = threading.Event()

    def read(self) -> Image | None:
        given = self._given()
        if given is HANG:
            self.hanging.set()
            self.freed.wait(30.0)
            return grey(13)
        if isinstance(given, Exception):
            raise given
        return given

    def _given(self) -> object:
        while True:
            try:
                return self.gives.get(timeout=0.02)
            except Empty:
                if self.steady is not None:
                    return grey(self.steady)

    def release(self) -> None:
        self.released.set()


class Shop:
    """Makes a Scripted at every connection; `refuses` raises instead."""

    def __init__(self) -> None:
        self.made: list[Scripted] = []
        self.refuses: Exception | None = None
        self.tries: list[float] = []
        self.prepare: Callable[[Scripted], None] = lambda source: source.gives.put(grey(100))

    def connect(self, gone: threading.Event) -> Scripted:
        self.tries.append(time.monotonic())
        if self.refuses is not None:
            raise self.refuses
        source = Scripted()
        self.prepare(source)
        self.made.append(source)
        return source

    def steady(self, shade: int) -> None:
        """From now on every source goes on giving pictures of that shade."""
        self.prepare = lambda source: setattr(source, "steady", shade)

    def hangs(self) -> None:
        """Every source hangs, the first one after a picture."""

        def prepare(source: Scripted) -> None:
            if not self.made:
                source.gives.put(grey(100))
            source.gives.put(HANG)

        self.prepare = prepare

    def free_all(self) -> None:
        for source in self.made:
            source.freed.set()
            source.gives.put(NoPictureError("over", final=True))


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.free_all()


@pytest.fixture
def feed(shop: Shop) -> Iterator[CameraFeed]:
    yield from made(shop, PATIENT)


@pytest.fixture
def hasty(shop: Shop) -> Iterator[CameraFeed]:
    yield from made(shop, HASTY)


def made(shop: Shop, patience: Patience) -> Iterator[CameraFeed]:
    feed = CameraFeed("camera", "a source", shop.connect, 0, patience)
    yield feed
    shop.free_all()
    feed.close()


def test_a_reader_that_hangs_is_given_up_and_another_takes_over(shop, hasty):
    told: list[Frame] = []
    hasty.listen(told.append)
    shop.steady(100)
    hasty.open()
    first = shop.made[0]
    first.gives.put(HANG)
    assert first.hanging.wait(20.0)
    before = len(told)
    soon(lambda: len(shop.made) > 1 and len(told) > before and hasty.health == "live")
    first.freed.set()
    assert first.released.wait(20.0)
    before = len(told)
    soon(lambda: len(told) > before)
    assert {int(frame.image[0, 0, 0]) for frame in told} == {100}, "what it reads when it wakes is thrown away"
    assert [frame.number for frame in told] == list(range(1, len(told) + 1))
    assert "lost" in hasty.about()


def test_readers_are_not_given_up_without_end(shop, hasty):
    shop.hangs()
    hasty.open()
    soon(lambda: len(shop.made) == 3)
    assert shop.made[2].hanging.wait(20.0)
    time.sleep(1.2)
    assert len(shop.made) == 3, "each is a thread that nobody can end"
    soon(lambda: hasty.health == "no picture")
    shop.steady(50)
    shop.made[0].freed.set()
    soon(lambda: hasty.health == "live")


def test_capture_waits_no_longer_than_it_was_told_while_the_reader_hangs(shop, hasty):
    shop.hangs()
    hasty.open()
    assert shop.made[0].hanging.wait(20.0)
    with pytest.raises((DeviceTimeoutError, NotConnectedError)):
        hasty.capture(0.4)
    assert not shop.made[0].released.is_set(), "it still hangs: nobody has waited for it"


def test_a_source_that_goes_silent_is_late_then_gone_then_back(shop, hasty):
    shop.steady(100)
    hasty.open()
    soon(lambda: hasty.health == "live")
    shop.refuses = NoPictureError("no picture from a source; is it switched on?")
    for source in shop.made:
        source.steady = None
    soon(lambda: hasty.health == "no picture")  # its patience is up: given up
    assert hasty.about()["trouble"].startswith(("a source has stopped answering", "no picture from"))
    with pytest.raises(NotConnectedError):
        hasty.capture(0.01)
    shop.refuses = None
    soon(lambda: hasty.health == "live")


def test_lateness_is_told_in_seconds(shop):
    patience = replace(PATIENT, late_s=0.1)
    feed = CameraFeed("camera", "a source", shop.connect, 0, patience)
    feed.open()
    soon(lambda: feed.health.startswith("late "))
    assert feed.health.endswith(" s")
    shop.made[0].gives.put(grey(1))
    soon(lambda: feed.latest().number == 2)
    shop.free_all()
    feed.close()


def test_it_tries_again_by_itself_and_less_and_less_often(shop, feed):
    feed.open()
    shop.refuses = NoPictureError("no picture from a source")
    shop.made[0].gives.put(NoPictureError("no picture from a source"))
    soon(lambda: len(shop.tries) >= 5)
    gaps = np.diff(shop.tries[1:5])
    assert all(gap >= least for gap, least in zip(gaps, (0.15, 0.35, 0.75), strict=True))


def test_opening_again_looks_at_once(shop, feed):
    feed.open()
    shop.refuses = NoPictureError("no picture from a source")
    shop.made[0].gives.put(shop.refuses)
    soon(lambda: len(shop.tries) >= 4)
    with pytest.raises(NotConnectedError, match="no picture from a source"):
        feed.open()
    shop.refuses = None
    feed.open()
    assert feed.health == "live"


def test_an_open_camera_is_left_alone_by_opening(shop, feed):
    feed.open()
    feed.open()
    assert len(shop.made) == 1


def test_a_first_opening_that_fails_leaves_nothing_behind(shop, feed):
    shop.refuses = NoPictureError("does not exist; correct `source` in the rig file")
    with pytest.raises(NotConnectedError, match="does not exist"):
        feed.open()
    tries = len(shop.tries)
    time.sleep(0.3)
    assert len(shop.tries) == tries
    with pytest.raises(NotConnectedError, match="closed"):
        feed.capture(0.01)


def test_every_frame_is_told_once_and_in_order(shop, feed):
    told: list[Frame] = []
    leave = feed.listen(told.append)
    feed.open()
    for value in range(50):
        shop.made[0].gives.put(grey(value))
    soon(lambda: len(told) == 51)
    assert [frame.number for frame in told] == list(range(1, 52))
    assert [int(frame.image[0, 0, 0]) for frame in told[1:]] == list(range(50))
    leave()
    shop.made[0].gives.put(grey(1))
    soon(lambda: feed.latest().number == 52)
    assert len(told) == 51


def test_a_listener_that_fails_stops_nothing(shop, feed, caplog):
    told: list[int] = []

    def bad(frame: Frame) -> None:
        raise RuntimeError("a bug")

    feed.listen(bad)
    feed.listen(lambda frame: told.append(frame.number))
    feed.open()
    soon(lambda: told == [1])
    assert "a listener failed" in caplog.text


def test_numbers_go_on_growing_over_a_loss_and_a_closing(shop, feed):
    feed.open()
    shop.made[0].gives.put(NoPictureError("lost"))
    soon(lambda: feed.latest().number == 2)
    feed.close()
    feed.open()
    assert feed.latest().number == 3


def test_what_was_there_before_the_connection_answers_no_question(shop, feed):
    feed.open()
    source = shop.made[0]
    got: list[Frame] = []
    thread = threading.Thread(target=lambda: got.append(feed.capture(20.0)))
    thread.start()
    source.old = True
    source.gives.put(grey(1))
    soon(lambda: feed.about()["frames"] == "2")
    assert thread.is_alive()
    source.old = False
    source.steady = 2
    thread.join(20.0)
    assert got[0].number >= 3


def test_an_unknown_error_of_the_source_is_told_and_not_the_end(shop, feed, caplog):
    feed.open()
    shop.made[0].gives.put(ValueError("cannot open rtsp://user:secret@host"))
    soon(lambda: len(shop.made) == 2 and feed.health == "live")
    assert "reading failed" in caplog.text
    assert "ValueError: cannot open rtsp://…@host" in caplog.text
    assert "secret" not in caplog.text


def test_closing_frees_who_waits(shop, feed):
    feed.open()
    caught: list[Exception] = []

    def wait() -> None:
        try:
            feed.capture(60.0)
        except NotConnectedError as error:
            caught.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)
    shop.made[0].gives.put(HANG)
    feed.close()
    thread.join(10.0)
    assert "closed" in str(caught[0])


def test_a_black_and_a_frozen_picture_are_told(shop):
    patience = replace(PATIENT, late_s=0.0, frozen_s=0.05)
    feed = CameraFeed("camera", "a source", shop.connect, 0, patience)
    feed.open()

    def send(image: Image) -> str:
        shop.made[0].gives.put(image)
        time.sleep(0.01)
        return feed.health

    soon(lambda: send(grey(0)) == "black")
    soon(lambda: send(grey(100)) == "frozen picture")
    soon(lambda: send(np.random.default_rng().integers(90, 99, (48, 64, 3), np.uint8)) == "live")
    shop.free_all()
    feed.close()
