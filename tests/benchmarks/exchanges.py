"""Commands per second of every driver, and what it adds to the raw exchange of the same bytes.

    python -m tests.benchmarks.exchanges [COUNT]

Each driver identifies its virtual instrument; then the very bytes it sent are sent again over a bare socket and the
same number of bytes is awaited. Both talk to an instrument in a process of its own.
"""

import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from hardware.devices import Traffic
from hardware.drivers import module_of
from hardware.rig_file import load_rig, rig_to_toml
from hardware.spec import MeterSpec, PumpSpec, RigSpec, StageSpec
from resources import path

ROOT = Path(__file__).resolve().parents[2]
Part = PumpSpec | StageSpec | MeterSpec
_NUMBERED = re.compile(rb"^N\d+ ?([^*]*?) ?\*\d+\n$")
"""A line that can be said once only: its number is left out when it is said again."""
TRAVEL_MM = (150.0, 105.0, 20.0)


def _pump(kind: str, diameter_mm: float, capacity_ul: float, **settings: str | int | float | bool) -> PumpSpec:
    return PumpSpec(kind, kind, diameter_mm, capacity_ul, settings)


PARTS: dict[str, Part] = {
    "New Era NE-1000": _pump("new_era", 26.59, 60_000.0),
    "Harvard 11 Elite": _pump("harvard", 26.59, 60_000.0),
    "Tecan Cavro, DT": _pump("cavro", 7.28, 2500.0),
    "Tecan Cavro, OEM": _pump("cavro", 7.28, 2500.0, protocol="oem"),
    "Ismatec Reglo ICC": _pump("reglo_icc", 1.65, 100_000.0, address=1),
    "GRBL axis as a pump": _pump("grbl_axis", 14.5, 10_000.0),
    "GRBL 1.1": StageSpec("grbl", "stage", TRAVEL_MM, {}),
    "Marlin": StageSpec("marlin", "stage", TRAVEL_MM, {}),
    "RepRapFirmware, HTTP": StageSpec("rrf", "stage", TRAVEL_MM, {}),
    "Zaber ASCII": StageSpec("zaber", "stage", TRAVEL_MM, {"step_um": 0.124, "z": "3.1"}),
    "SCPI": MeterSpec("scpi", "meter", {}),
    "Balance, MT-SICS": MeterSpec("balance", "meter", {}),
}


@dataclass(frozen=True)
class Figures:
    """Medians, ms; exchanges: questions that one identification asks."""

    driver_ms: float
    raw_ms: float
    exchanges: int

    @property
    def added_ms(self) -> float:
        return (self.driver_ms - self.raw_ms) / self.exchanges

    @property
    def commands_per_s(self) -> float:
        return 1000 * self.exchanges / self.driver_ms


def rig_with(part: Part) -> RigSpec:
    """The shipped rig with this device in place of its like."""
    shipped = replace(load_rig(path("rigs/virtual.toml")), camera=None, view=None)
    match part:
        case StageSpec():
            return replace(shipped, stage=part)
        case MeterSpec():
            return replace(shipped, meters={"it": part})
        case PumpSpec():
            return replace(shipped, pumps={"it": part})


def address_of(rig: RigSpec, part: Part) -> str:
    if isinstance(part, StageSpec):
        return rig.stage.port
    return (rig.meters if isinstance(part, MeterSpec) else rig.pumps)["it"].port


def said_once(driver: Any) -> list[tuple[bytes, int]]:
    """What one identification sends, and how many bytes come back to each piece."""
    before = driver.traffic[-1].at_s if driver.traffic else 0.0
    driver.identify()
    turns: list[tuple[bytes, int]] = []
    pieces: list[Traffic] = [piece for piece in driver.traffic if piece.at_s > before]
    for piece in pieces:
        if piece.direction == ">":
            turns.append((piece.data, 0))
        elif turns:
            turns[-1] = (turns[-1][0], turns[-1][1] + len(piece.data))
    return [(_NUMBERED.sub(rb"\1\n", sent), heard) for sent, heard in turns if heard]


def http_raw_ms(address: str, turns: list[tuple[bytes, int]], count: int) -> float:
    """A connection for every exchange, as HTTP has it here."""
    host, port = address.removeprefix("http://").split(":")

    def once() -> None:
        for sent, _ in turns:
            with socket.create_connection((host, int(port)), timeout=5.0) as wire:
                wire.sendall(sent)
                while wire.recv(4096):
                    pass

    return median_ms(once, count)


def raw_ms(address: str, turns: list[tuple[bytes, int]], count: int) -> float:
    if address.startswith("http"):
        return http_raw_ms(address, turns, count)
    host, port = address.removeprefix("socket://").split(":")
    with socket.create_connection((host, int(port)), timeout=5.0) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.settimeout(1.5)
        try:
            while wire.recv(4096):  # a controller that greets whoever connects
                wire.settimeout(0.5)
        except TimeoutError:
            wire.settimeout(5.0)

        def once() -> None:
            for sent, heard in turns:
                wire.sendall(sent)
                while heard > 0:
                    piece = wire.recv(4096)
                    assert piece, "the instrument hung up"
                    heard -= len(piece)

        return median_ms(once, count)


def median_ms(once: Callable[[], object], count: int) -> float:
    times = []
    for _ in range(count):
        began = time.perf_counter()
        once()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def measured(part: Part, count: int) -> Figures:
    with tempfile.TemporaryDirectory() as name:
        rig_file, twin = Path(name) / "rig.toml", Path(name) / "twin.toml"
        rig_file.write_text(rig_to_toml(rig_with(part)), encoding="utf-8")
        words = [sys.executable, "-P", "-m", "aliquot", "bench", str(rig_file), "--write", str(twin), "--json"]
        with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as served:
            try:
                assert served.stdout is not None
                assert served.stdout.readline(), f"no bench for {part.kind}"
                return _measured(part, address_of(load_rig(twin), part), count)
            finally:
                served.kill()


def _measured(part: Part, address: str, count: int) -> Figures:
    module = module_of(part.kind)
    settings = TypeAdapter(module.Settings).validate_python(dict(part.settings))
    spec = replace(part, port=address)
    driver = module.Driver("it", spec, settings, speed=1.0, latch=threading.Event())
    driver.open()
    turns = said_once(driver)
    driver_ms = median_ms(driver.identify, count)
    driver.close()
    time.sleep(0.2)
    return Figures(driver_ms, raw_ms(address, turns, count), len(turns))


def said(name: str, f: Figures) -> str:
    raw = f.raw_ms / f.exchanges
    return f"{name:<22} {f.commands_per_s:6.0f} commands/s   raw {raw:6.3f} ms   added {f.added_ms:6.3f} ms"


if __name__ == "__main__":
    for name, part in PARTS.items():
        print(said(name, measured(part, int(sys.argv[1]) if len(sys.argv) > 1 else 300)), flush=True)
