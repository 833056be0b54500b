"""Ports that come and go are told within a second, whatever goes wrong."""

import threading

from serial.tools import list_ports

from hardware.discovery import POLL_S, PortInfo, Watch
from tests.hardware.listed_ports import listed


class Told:
    def __init__(self) -> None:
        self.news: list[tuple[tuple[PortInfo, ...], tuple[PortInfo, ...]]] = []
        self.some = threading.Condition()

    def __call__(self, appeared, gone) -> None:
        with self.some:
            self.news.append((appeared, gone))
            self.some.notify_all()

    def wait(self, count: int) -> None:
        with self.some:
            assert self.some.wait_for(lambda: len(self.news) >= count, 10)


def test_what_comes_and_goes_is_told_once_within_a_second(monkeypatch):
    there = [listed("COM3", "A1")]
    monkeypatch.setattr(list_ports, "comports", lambda: list(there))
    told = Told()
    with Watch(told) as watch:
        assert [p.port for p in watch.ports] == ["COM3"]
        there.append(listed("COM7", "B2", "FTDI"))
        told.wait(1)
        there.clear()
        told.wait(2)
    (came, left), (came2, left2) = told.news
    assert ([p.port for p in came], left) == (["COM7"], ())
    assert POLL_S < 0.5, "so that it is told within a second"
    assert (came2, [p.port for p in left2]) == ((), ["COM3", "COM7"])


def test_the_same_name_with_another_device_behind_it_is_news(monkeypatch):
    there = [listed("COM3", "A1")]
    monkeypatch.setattr(list_ports, "comports", lambda: list(there))
    told = Told()
    with Watch(told, poll_s=0.01):
        there[:] = [listed("COM3", "B2")]
        told.wait(1)
    assert (told.news[0][0][0].serial_number, told.news[0][1][0].serial_number) == ("B2", "A1")


def test_a_list_that_fails_and_a_listener_that_raises_end_nothing(monkeypatch):
    answers = [[], OSError("gone"), [listed("COM1")], [listed("COM1"), listed("COM2")]]

    def comports() -> list:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(list_ports, "comports", comports)
    told = Told()

    def bad(appeared, gone) -> None:
        told(appeared, gone)
        raise RuntimeError("a bug")

    with Watch(bad, poll_s=0.01):
        told.wait(2)
    assert [[p.port for p in came] for came, _ in told.news] == [["COM1"], ["COM2"]]


def test_it_may_be_closed_from_its_own_thread(monkeypatch):
    there: list = []
    monkeypatch.setattr(list_ports, "comports", lambda: list(there))
    closed = threading.Event()

    def close(appeared, gone) -> None:
        watch.close()
        closed.set()

    watch = Watch(close, poll_s=0.01)
    there.append(listed("COM1"))
    assert closed.wait(10)
