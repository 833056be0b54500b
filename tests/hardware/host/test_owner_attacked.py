"""What comes over the pipe is not always what the program meant, and what is said is not always taken."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from hardware.errors import HardwareError, OutOfRangeError, StoppedError
from hardware.host import door
from hardware.host.messages import Channel
from hardware.host.owner import Owner
from hardware.latch import moment
from hardware.rig_file import rig_to_toml
from tests.hardware.host.test_hosted import Dosing, Heard, posix
from tests.hardware.host.test_lease import LEASE_S, ROOT, stand_still, until

NONSENSE = [
    b'{"x":1}', b"[1]", b"hello", b"null", b"3", b"\xff\xfe{}", b'{"do":["stop"]}', b'{"do":"call"}',
    b'{"do":"call","op":"1"}', b'{"do":"open","op":"2","rig":"[","speed":1,"lease_s":1}',
    b'{"do":"call","op":["a"],"on":"rig","what":"dose","arguments":[[],{},[],[]]}',
    b"[" * 100_000 + b"]" * 100_000, b'"' + b"a" * 17_000_000 + b'"',
]  # fmt: skip


def write(rig, data: bytes) -> None:
    channel = rig._line._channel
    with channel._lock:
        channel._writes.write(data)
        channel._writes.flush()


def asked(rig, on, what, *arguments):
    return rig._line.ask({"do": "call", "on": on, "what": what, "arguments": list(arguments)})


def test_nonsense_in_the_pipe_ends_nothing_and_a_stop_behind_it_is_heard(bench, rig):
    dose = Dosing(bench, rig)
    for line in NONSENSE:
        write(rig, line + b"\n")
    assert rig.stage.position_mm()
    assert bench.truth.pump_moves("blue")
    write(rig, b'{"do":"stop"}\n')  # one that cannot even be answered
    assert isinstance(dose.end(), StoppedError)
    with pytest.raises(StoppedError):
        asked(rig, "stage", "home")


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1.0, 1e30, 10**400, True, "5", None, [], {}])
def test_what_is_no_number_of_that_kind_is_refused_before_anything_is_sent(bench, rig, wrong):
    before = len(rig.pumps["red"].traffic)
    for on, what, *arguments in (
        ("rig", "dose", "A1", "red", wrong, 100.0),
        ("rig", "dose", "A1", "red", 100.0, wrong),
        ("rig", "set_contents", "A1", wrong),
        ("rig", "loaded", "red", wrong),
        ("pumps.red", "dispense", wrong, 100.0),
        ("pumps.red", "aspirate", wrong, 100.0),
        ("pumps.red", "discard", wrong),
        ("stage", "move_to", wrong, 1.0),
    ):
        with pytest.raises(OutOfRangeError) as refused:
            asked(rig, on, what, *arguments)
        assert refused.value.outcome == "not_done"
    assert len(rig.pumps["red"].traffic) == before
    assert rig.contents_ul("A1") == 0.0


def test_a_release_that_was_asked_for_before_a_stop_does_not_undo_it(rig):
    rearm = json.dumps({"do": "call", "op": "x", "on": "rig", "what": "rearm", "arguments": [9**9, 9**9]}).encode()
    for _ in range(30):
        write(rig, rearm + b'\n{"do":"stop","op":"y"}\n')
        with pytest.raises(StoppedError):
            asked(rig, "stage", "home")


def test_a_stop_while_the_release_is_under_way_wins(rig):
    rig.stop_all()
    for pause_s in (0.0, 0.0005, 0.001, 0.002, 0.004) * 3:
        releasing = threading.Thread(target=_quietly, args=(rig.rearm,))
        releasing.start()
        threading.Event().wait(pause_s)
        rig.stop_all()
        releasing.join()
        assert rig.stopped
        with pytest.raises(StoppedError):
            asked(rig, "stage", "home")
    rig.rearm()
    rig.stage.home()


def test_a_release_that_was_asked_for_before_the_program_stopped_is_refused(rig):
    rig.stop_all()
    confirmed = moment()
    rig.stop_all()
    with pytest.raises(StoppedError, match="again meanwhile"):
        rig.rearm(confirmed)
    with pytest.raises(StoppedError, match="again meanwhile"):
        asked(rig, "rig", "rearm", confirmed, 9**9)
    assert rig.stopped
    rig.rearm()
    rig.stage.home()


def test_a_release_does_not_undo_a_stop_of_the_owner_that_the_program_has_not_heard_of(rig, monkeypatch):
    rig.stop_all()
    heard = threading.Event()
    monkeypatch.setattr(rig._line, "_heard", lambda message: "stopped" in message and heard.set())
    door.stop_everything("a foot switch")
    assert heard.wait(10)
    with pytest.raises(StoppedError, match="again meanwhile"):
        rig.rearm()
    with pytest.raises(StoppedError):
        asked(rig, "stage", "home")


def _quietly(act) -> None:
    try:
        act()
    except HardwareError:
        return


def test_a_program_that_takes_no_answers_cannot_hold_up_the_stop_door(bench, rig, monkeypatch):
    gate, receive = threading.Event(), rig._line._channel.receive
    monkeypatch.setattr(rig._line._channel, "receive", lambda: (gate.wait(), receive())[1])
    monkeypatch.setattr(rig._line, "_hung_s", 1000.0)
    dose = Dosing(bench, rig)
    for _ in range(60):  # more than a pipe holds
        threading.Thread(target=_quietly, args=(rig.exchange_log,), daemon=True).start()
    threading.Event().wait(0.5)
    assert bench.truth.pump_moves("blue")
    assert door.stop_everything() == {rig.spec.name: ()}
    assert dose.stands_soon()
    gate.set()
    assert isinstance(dose.end(), StoppedError)


@posix
def test_a_terminal_that_takes_nothing_more_cannot_hold_up_the_lease(bench, tmp_path):
    file = tmp_path / "rig.toml"
    file.write_text(rig_to_toml(replace(bench.rig, lease_s=LEASE_S)), encoding="utf-8")
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    for piece in (b"x" * 1024, b"x"):
        try:
            while True:
                os.write(writes, piece)
        except BlockingIOError:
            continue
    os.set_blocking(writes, True)
    words = [sys.executable, "-P", "-m", "tests.hardware.host.program", str(file)]
    with subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=writes, text=True
    ) as child:
        try:
            owner = int(child.stdout.readline())
            until(lambda: all(bench.truth.pump_moves(role) for role in bench.rig.pumps), 30.0)
            os.kill(child.pid, signal.SIGSTOP)
            until(lambda: stand_still(bench), 10.0)
        finally:
            child.kill()
    until(lambda: not _lives(owner), 10.0)
    os.close(reads)
    os.close(writes)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_listener_may_ask_the_rig_and_may_fail(bench, rig):
    answers: list[tuple[str, ...]] = []

    def asks(why, unconfirmed):
        answers.append(rig.stop_all())
        raise RuntimeError("a mistake of the listener")

    rig.listen(asks)
    heard = Heard(rig)
    door.stop_everything("a foot switch")
    assert heard.news.wait(10)
    assert answers == [()], "asked from the thread that hears the answers it would wait in vain"
    rig.rearm()
    assert rig.stage.position_mm()


def test_an_answer_that_cannot_be_said_is_told_instead_of_kept_back(monkeypatch):
    said = io.BytesIO()
    owner = Owner(Channel(io.BytesIO(), said), lambda: None)
    monkeypatch.setattr("hardware.host.messages.LONGEST_LINE", 400)
    owner._answer({"op": "1"}, {"value": "x" * 400})
    owner._answer({"op": "2"}, {"value": b"bytes"})
    first, second = map(json.loads, said.getvalue().splitlines())
    assert first["answer"] == "1"
    assert "too long" in first["error"]["message"]
    assert second["answer"] == "2"
    assert "bytes" in second["error"]["message"]
