"""Scripted instruments on real sockets, and specs of the devices that talk to them."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from types import SimpleNamespace, TracebackType
from typing import Self

import pytest

from hardware.drivers.new_era import Driver
from tests.hardware.new_era_talk import a_pump

Answer = bytes | Sequence[bytes] | None
PATIENCE_S = 2.0
BRIEF = (
    "hardware.drivers.harvard.ANSWER_S", "hardware.drivers.reglo_icc.ANSWER_S",
    "hardware.parts.cavro_talk.ANSWER_S", "hardware.parts.zaber_chain.ANSWER_S",
    "hardware.parts.new_era_talk.ANSWER_S", "hardware.parts.new_era_talk.FIND_S",
    "hardware.parts.delivery.STOP_S", "hardware.drivers.new_era.STOP_S", "hardware.parts.grbl_talk.STOP_S",
    "hardware.drivers.zaber.STOP_S", "hardware.drivers.marlin.STOP_S", "hardware.drivers.rrf.STOP_S",
    "hardware.rig.STOP_CONFIRMED_S", "hardware.host.hosted.STOP_CONFIRMED_S",
)  # fmt: skip
"""What drivers wait for at most, of half a second or so: enough for any instrument, not for a busy machine."""


class Instrument:
    """A byte instrument on a TCP port: `answer(received)` is called with all that is unanswered so far and gives
    (how many bytes it has understood, what it says), or None to wait for more."""

    def __init__(self, answer: Callable[[bytes], tuple[int, Answer] | None]) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._client: socket.socket | None = None
        self.heard = bytearray()
        self._news = threading.Condition()
        self._pending = bytearray()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> str:
        return f"socket://127.0.0.1:{self._listener.getsockname()[1]}"

    def say(self, data: bytes) -> None:
        """Speak unasked."""
        assert self._client is not None
        self._client.sendall(data)

    def heard_at_last(self, ending: bytes) -> bool:
        """Whether `ending` is, or soon will be, the last thing heard."""
        return self.soon(lambda: self.heard.endswith(ending))

    def soon(self, true: Callable[[], bool]) -> bool:
        """Whether something has become true, now or after what is still on its way."""
        with self._news:
            return self._news.wait_for(true, 30)

    def drop(self) -> None:
        """Pull the cable; it can be plugged in again."""
        assert self._client is not None
        self._client.shutdown(socket.SHUT_RDWR)

    def hang_up(self) -> None:
        """Pull the cable for good."""
        self._listener.close()
        if self._client is not None:
            self._client.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        try:
            while True:
                self._client, _ = self._listener.accept()
                self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pending.clear()
                while data := self._client.recv(4096):
                    with self._news:
                        self.heard += data
                        self._news.notify_all()
                    self._pending += data
                    while self._pending and (understood := self._answer(bytes(self._pending))) is not None:
                        del self._pending[: understood[0]]
                        for piece in _pieces(understood[1]):
                            self._client.sendall(piece)
                        with self._news:
                            self._news.notify_all()
        except OSError:
            return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for s in (self._listener, self._client):
            if s is not None:
                with suppress(OSError):  # shutdown wakes the thread that waits in accept or recv
                    s.shutdown(socket.SHUT_RDWR)
                s.close()
        self._thread.join(5)
        assert not self._thread.is_alive()


def _pieces(answer: Answer) -> Sequence[bytes]:
    if answer is None:
        return ()
    return (answer,) if isinstance(answer, bytes) else answer


@contextmanager
def scripted(script: Sequence[tuple[bytes, Answer]]) -> Iterator[Instrument]:
    """An instrument that expects exactly these bytes in this order. What is left over, on either side, fails."""
    turns = list(script)
    strange: list[str] = []

    def answer(received: bytes) -> tuple[int, Answer] | None:
        if not turns:
            strange.append(f"after the end: {received!r}")
            return len(received), None
        sent, reply = turns[0]
        if not sent.startswith(received[: len(sent)]):
            strange.append(f"expected {sent!r}, heard {received!r}")
            return len(received), None
        if len(received) < len(sent):
            return None
        turns.pop(0)
        return len(sent), reply

    with Instrument(answer) as instrument:
        yield instrument
        assert not strange, strange
        assert instrument.soon(lambda: not turns), f"never asked: {turns}"


@contextmanager
def by_line(end: bytes, answer: Callable[[bytes], Answer]) -> Iterator[Instrument]:
    """An instrument that answers each line by a function."""

    def split(received: bytes) -> tuple[int, Answer] | None:
        line, found, _ = received.partition(end)
        return (len(line) + len(end), answer(line)) if found else None

    with Instrument(split) as instrument:
        yield instrument


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine holds threads up for longer than an instrument takes to answer or to confirm a stop. Tests of
    what happens when it does not set their own times."""
    for name in BRIEF:
        monkeypatch.setattr(name, PATIENCE_S)


@pytest.fixture(autouse=True)
def _sockets_close_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyserial sleeps 0.3 s after it has closed a socket:// port."""
    monkeypatch.setattr("serial.urlhandler.protocol_socket.time", SimpleNamespace(sleep=lambda _: None))


@pytest.fixture
def conversation() -> Callable[[Sequence[tuple[bytes, Answer]]], AbstractContextManager[Instrument]]:
    """`with conversation([(b"sent", b"reply"), ...]) as instrument:`"""
    return scripted


@pytest.fixture
def answering() -> Callable[[bytes, Callable[[bytes], Answer]], AbstractContextManager[Instrument]]:
    """`with answering(b"\\r", lambda line: b"reply") as instrument:`"""
    return by_line


@pytest.fixture
def serving() -> type[Instrument]:
    """`with serving(answer) as instrument:` for instruments whose messages have no common end."""
    return Instrument


@pytest.fixture
def opened() -> Iterator[Callable[..., Driver]]:
    """`opened(port)` is a pump that is open; it is closed at the end."""
    pumps: list[Driver] = []

    def open_pump(port: str, **fields) -> Driver:
        pump = a_pump(port, **fields)
        pumps.append(pump)
        pump.open()
        return pump

    yield open_pump
    for pump in pumps:
        pump.close()


@pytest.fixture
def quick_unplug(monkeypatch):
    """pyserial sleeps 0.3 s whenever a `socket://` port closes; for a cable pulled at every byte that is long."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(0.0 if seconds == 0.3 else seconds))
