"""How long from Stop all to the last stop byte on every port, whatever the program's main thread is doing.

    python -m tests.benchmarks.stop [COUNT]

Three processes as at a real bench: the program (blocked), its port owner, and the instruments. This one presses
stop at the door and notes when the stop bytes of the four pumps come by. Then the program is killed, and frozen.
"""

import os
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from hardware.host.door import stop_everything
from hardware.rig_file import load_rig, rig_to_toml
from hardware.spec import RigSpec
from resources import path

ROOT = Path(__file__).resolve().parents[2]
HOWS = ("idle", "loop", "c", "regex")
STOP = b"STP"


class Taps:
    """Carries the bytes of every pump's port and notes when a stop goes by."""

    def __init__(self, rig: RigSpec) -> None:
        self.heard_s: dict[str, float] = {}
        self.news = threading.Condition()
        self._far = {role: pump.port.removeprefix("socket://").split(":") for role, pump in rig.pumps.items()}
        self._listeners = {socket.create_server(("127.0.0.1", 0)): role for role in rig.pumps}
        ports = {role: listener.getsockname()[1] for listener, role in self._listeners.items()}
        pumps = {role: replace(p, port=f"socket://127.0.0.1:{ports[role]}") for role, p in rig.pumps.items()}
        self.rig = replace(rig, pumps=pumps)
        threading.Thread(target=self._carry, daemon=True).start()

    def _carry(self) -> None:
        ways: dict[socket.socket, tuple[socket.socket, str]] = {}
        while True:
            for ready in select.select([*self._listeners, *ways], [], [])[0]:
                if ready in self._listeners:
                    near, role = ready.accept()[0], self._listeners[ready]
                    far = socket.create_connection((self._far[role][0], int(self._far[role][1])))
                    for end in (near, far):
                        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    ways |= {near: (far, role), far: (near, "")}
                    continue
                if ready not in ways:  # its other end has just been closed
                    continue
                to, role = ways[ready]
                data = _received(ready)
                if role and STOP in data:
                    with self.news:
                        self.heard_s.setdefault(role, time.monotonic())
                        self.news.notify_all()
                if data and _passed(to, data):
                    continue
                if ready in ways:
                    del ways[ready], ways[to]
                    ready.close()
                    to.close()

    def forget(self) -> None:
        with self.news:
            self.heard_s.clear()

    def all_stopped_s(self, patience_s: float = 20.0) -> float:
        """When the last port got its stop, on the monotonic clock."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.heard_s) == len(self.rig.pumps), patience_s)
            return max(self.heard_s.values())


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(4096)
    except OSError:
        return b""


def _passed(end: socket.socket, data: bytes) -> bool:
    try:
        end.sendall(data)
    except OSError:
        return False
    return True


class Setting:
    """The instruments in a process of their own, and programs that use them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        twin = folder / "twin.toml"
        shipped = load_rig(path("rigs/virtual.toml"))
        rig = folder / "rig.toml"
        rig.write_text(rig_to_toml(replace(shipped, camera=None, view=None)), encoding="utf-8")
        words = [sys.executable, "-P", "-m", "aliquot", "bench", str(rig), "--write", str(twin), "--json"]
        self.bench = subprocess.Popen([*words, "--speed", "20"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        _first_line(self.bench)
        self.taps = Taps(load_rig(twin))
        (folder / "tapped.toml").write_text(rig_to_toml(self.taps.rig), encoding="utf-8")

    def program(self, how: str, lease_s: float) -> "subprocess.Popen[str]":
        """One whose pumps run and whose main thread is held up."""
        rig = replace(self.taps.rig, lease_s=lease_s)
        file = self.folder / "leased.toml"
        file.write_text(rig_to_toml(rig), encoding="utf-8")
        words = [sys.executable, "-P", "-m", "tests.hardware.host.program", str(file), how]
        child = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        _first_line(child)
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
        time.sleep(0.5)
        self.taps.forget()
        return child

    def end(self, child: "subprocess.Popen[str]") -> None:
        os.kill(child.pid, signal.SIGCONT)
        child.kill()
        child.communicate()
        time.sleep(0.7)
        self.taps.forget()

    def close(self) -> None:
        self.bench.kill()
        self.bench.communicate()


def _first_line(child: "subprocess.Popen[str]") -> None:
    assert child.stdout is not None
    assert child.stdout.readline(), "it did not start"


def stops_ms(setting: Setting, how: str, count: int) -> list[float]:
    """From pressing stop to the last port's stop byte, with the program blocked."""
    child = setting.program(how, lease_s=10.0)
    times = []
    for _ in range(count):
        setting.taps.forget()
        began = time.monotonic()
        pressed = threading.Thread(target=stop_everything)
        pressed.start()
        times.append(1000 * (setting.taps.all_stopped_s() - began))
        pressed.join()
    setting.end(child)
    return times


def ended_ms(setting: Setting, sign: signal.Signals, count: int) -> list[float]:
    """From a signal that ends or freezes the program to the last port's stop byte."""
    times = []
    for _ in range(count):
        child = setting.program("", lease_s=0.5)
        began = time.monotonic()
        os.kill(child.pid, sign)
        times.append(1000 * (setting.taps.all_stopped_s() - began))
        setting.end(child)
    return times


def said(name: str, times: list[float]) -> str:
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    middle = statistics.median(times)
    return f"{name:<10} n {len(times):>3}  median {middle:6.1f}  p99 {p99:6.1f}  max {ordered[-1]:6.1f} ms"


def measured(count: int) -> dict[str, list[float]]:
    """All of it, by what the program was doing."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_DATA_HOME"] = name  # the stop doors of nobody else
        setting = Setting(Path(name))
        try:
            results = {how: stops_ms(setting, how, count) for how in HOWS}
            few = max(3, count // 10)
            results["killed"] = ended_ms(setting, signal.SIGKILL, few)
            results["frozen"] = ended_ms(setting, signal.SIGSTOP, few)
        finally:
            setting.close()
    return results


if __name__ == "__main__":
    for how, times in measured(int(sys.argv[1]) if len(sys.argv) > 1 else 200).items():
        print(said(how, times))
