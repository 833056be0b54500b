"""Links over TCP and over real pseudo-terminals."""

import os
import socket
import sys
import threading
import time
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.errors import DeviceTimeoutError, HardwareError, NotConnectedError, ReplyError, StoppedError
from hardware.wire import LONGEST_MESSAGE, Link

posix = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")


def soon() -> float:
    return time.monotonic() + 0.1


@pytest.fixture
def terminal():
    """(far end, name of the near end) of a serial cable."""
    import pty
    import tty

    far, near = pty.openpty()
    tty.setraw(near)
    tty.setraw(far)
    yield far, os.ttyname(near)
    for fd in (far, near):
        try:
            os.close(fd)
        except OSError:  # the test has pulled the cable
            continue


@posix
def test_an_exchange_over_a_terminal(terminal):
    far, port = terminal
    link = Link("pump", port, 19200)
    link.open()
    link.send(b"VER\r")
    assert os.read(far, 100) == b"VER\r"
    os.write(far, b"\x0200S\x03rest")
    assert link.read_until(b"\x03", soon()) == b"\x0200S"
    assert link.traffic[0].direction == ">"
    link.close()
    assert not link.is_open


@posix
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="holders are found through /proc")
def test_a_port_that_is_held_names_its_holder(terminal):
    _, port = terminal
    first, second = Link("red", port, 19200), Link("blue", port, 19200)
    first.open()
    with pytest.raises(NotConnectedError, match=f"process {os.getpid()}"):
        second.open()
    first.close()
    second.open()
    second.close()


@posix
def test_a_missing_port_says_which_there_are():
    with pytest.raises(NotConnectedError, match="no such port"):
        Link("pump", "/dev/ttyNOWHERE", 19200).open()


def test_nobody_listening_says_so():
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    with pytest.raises(NotConnectedError, match="virtual bench"):
        Link("pump", f"socket://127.0.0.1:{port}", 9600).open()


@posix
@pytest.mark.parametrize("act", [lambda k: k.send(b"x"), lambda k: k.read_until(b"\r", time.monotonic() + 5),
                                 lambda k: k.waiting(b"\r"), lambda k: k.discard(0.05)])  # fmt: skip
def test_a_pulled_cable_is_one_kind_of_error(terminal, act):
    far, port = terminal
    link = Link("pump", port, 19200)
    link.open()
    os.close(far)
    with pytest.raises(NotConnectedError):
        act(link)
    with pytest.raises(NotConnectedError, match="not open"):
        link.send(b"x")
    assert not link.is_open


@posix
def test_a_port_that_takes_no_bytes_ends_the_write_and_lets_the_stop_try(terminal):
    _, port = terminal
    link = Link("pump", port, 19200)
    link.open()
    with pytest.raises(DeviceTimeoutError, match="takes no bytes"):
        link.send(b"x" * 1_000_000)
    with suppress(DeviceTimeoutError):  # a few bytes may still fit
        link.send_urgent(b"STP\r")
    assert link.is_open
    link.close()


def test_nothing_heard_ends_at_the_deadline(conversation):
    with conversation([]) as instrument:
        link = Link("pump", instrument.port, 9600)
        link.open()
        with pytest.raises(DeviceTimeoutError, match="heard nothing") as caught:
            link.read_until(b"\r", soon())
        assert caught.value.outcome == "unknown"
        link.close()


def test_endless_talk_without_an_end_is_cut(serving):
    with serving(lambda received: (len(received), b"\xff" * 5 * LONGEST_MESSAGE)) as instrument:
        link = Link("pump", instrument.port, 9600)
        link.open()
        link.send(b"?")
        with pytest.raises((ReplyError, DeviceTimeoutError)):
            link.read_until(b"\r", time.monotonic() + 20)
        link.close()


def test_a_stop_before_a_command_prevents_it(conversation):
    with conversation([]) as instrument:
        link = Link("pump", instrument.port, 9600)
        link.open()
        halted = threading.Event()
        halted.set()
        with pytest.raises(StoppedError):
            link.send(b"RUN\r", halted.is_set)
        link.close()


def test_a_stop_passes_a_conversation_that_waits(conversation):
    with conversation([(b"RUN\rSTP\r", None)]) as instrument:
        link = Link("pump", instrument.port, 9600)
        link.open()
        waiting = threading.Event()

        def converse() -> None:
            with link.lock:
                link.send(b"RUN\r")
                waiting.set()
                with pytest.raises(HardwareError):
                    link.read_until(b"\x03", time.monotonic() + 1)

        thread = threading.Thread(target=converse)
        thread.start()
        assert waiting.wait(10)
        link.send_urgent(b"STP\r")
        assert thread.is_alive()
        assert link.traffic[-1].direction == "!"
        thread.join(10)
        link.close()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(min_size=1, max_size=30), max_size=6))
def test_messages_arrive_whole_however_they_were_split(serving, pieces):
    whole = b"".join(pieces) + b"\n"
    with serving(lambda received: (len(received), [*pieces, b"\n"])) as instrument:
        link = Link("stage", instrument.port, 9600)
        link.open()
        link.send(b"?")
        got = b""
        while len(got) < len(whole):
            got += link.read_until(b"\n", time.monotonic() + 10) + b"\n"
        assert got == whole
        link.close()
