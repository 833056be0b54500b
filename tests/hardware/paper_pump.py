"""A pump on paper: a plunger with true calibration and backlash, a valve, and a fault at the k-th stroke."""

import threading

from hardware.devices import PumpAbilities, PumpRange
from hardware.errors import (
    DeviceTimeoutError,
    HardwareError,
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from hardware.fluidics import Delivery
from hardware.limits import LimitedPump
from hardware.plunger import Cut
from hardware.spec import PumpSpec, RackSpec, VialSpec
from hardware.station import Station

FAULTS = ("stopped", "lost", "silent", "refused", "stalled")


class PaperPump:
    """`gone`: true volume that went out through each port; `drawn_ul`: true volume that came in.

    at: the number of the movement (strokes in and out, counted from 0) that `fault` befalls after `share` of it.
    """

    name, traffic = "red", ()

    def __init__(
        self, cut: Cut, capacity_ul: float = 1000.0, *,
        factor: float = 1.0, offset_ul: float = 0.0, backlash_ul: float = 0.0, full: bool = False,
    ) -> None:  # fmt: skip
        self.cut = cut
        self.range = PumpRange(capacity_ul, 0.5, 0.1, 500.0, 0.1)
        self.abilities = PumpAbilities()
        self.factor, self.offset_ul, self.backlash_ul = factor, offset_ul, backlash_ul
        self.left_ul = capacity_ul if full else 0.0
        self.slack_ul = 0.0
        self.gone: dict[str | None, float] = {}
        self.drawn_ul = 0.0
        self.log: list[tuple[str, object]] = []
        self.at, self.fault, self.share = -1, "", 0.5
        self.moves, self.stops = 0, 0
        self.on_move = lambda: None

    def open(self) -> None:
        self.log.append(("open", None))

    def close(self) -> None: ...

    def identify(self) -> str:
        return "paper"

    def about(self) -> dict[str, str]:
        return {"state": "flat"}

    def stop(self) -> None:
        self.stops += 1

    def loaded(self, volume_ul: float) -> None:
        self.left_ul = volume_ul

    def dispense(self, volume_ul: float, rate_ul_s: float) -> float:
        return self._move("out", volume_ul, rate_ul_s)

    def aspirate(self, volume_ul: float, rate_ul_s: float) -> float:
        return self._move("in", volume_ul, rate_ul_s)

    def _move(self, way: str, volume_ul: float, rate_ul_s: float) -> float:
        assert self.range.min_rate_ul_s <= rate_ul_s <= self.range.max_rate_ul_s
        room_ul = self.left_ul if way == "out" else self.range.capacity_ul - self.left_ul
        if volume_ul > room_ul + 1e-6 or volume_ul < self.range.min_volume_ul - 1e-9:
            raise OutOfRangeError(self.name, f"{way} {volume_ul:g} of {room_ul:g}")
        number, self.moves = self.moves, self.moves + 1
        self.on_move()
        if self.cut.is_set():
            raise StoppedError(self.name, "stopped before it began")
        if number != self.at:
            self._flow(way, volume_ul)
            self._book(way, volume_ul)
            return volume_ul
        if self.fault == "refused":
            raise ReplyError(self.name, way, "?", "refused")
        self._flow(way, self.share * volume_ul)
        known = self.fault in ("stopped", "stalled")
        if way == "out" or known:
            self._book(way, self.share * volume_ul if known else volume_ul)
        raise self._error()

    def _error(self) -> HardwareError:
        return {
            "stopped": StoppedError(self.name),
            "lost": NotConnectedError(self.name, "lost", "unknown"),
            "silent": DeviceTimeoutError(self.name, "silent", "unknown"),
            "stalled": ReplyError(self.name, "RUN", "A?S", "stalled", "unknown"),
        }[self.fault]

    def _flow(self, way: str, volume_ul: float) -> None:
        where = getattr(self, "port_now", "nozzle")
        self.log.append((way, where))
        if way == "in":
            lost = min(volume_ul, self.backlash_ul - self.slack_ul)
            self.slack_ul += lost
            self.drawn_ul += self.factor * (volume_ul - lost)
            return
        lost = min(volume_ul, self.slack_ul)
        self.slack_ul -= lost
        liquid = volume_ul - lost
        true_ul = max(0.0, self.factor * liquid + self.offset_ul) if liquid > 0 else 0.0
        self.gone[where] = self.gone.get(where, 0.0) + true_ul

    def _book(self, way: str, volume_ul: float) -> None:
        self.left_ul += volume_ul if way == "in" else -volume_ul


class ValvedPaperPump(PaperPump):
    """With ports "I", "O" and "B", and something to do before it is ready."""

    port_now: str | None = None
    unready = ""

    def select(self, port: str) -> None:
        self.log.append(("turn", port))
        if port not in ("I", "O", "B"):
            raise OutOfRangeError(self.name, f"has no port {port}")
        self.port_now = port

    def make_ready(self) -> None:
        self.log.append(("make ready", None))
        self.gone["O"] = self.gone.get("O", 0.0) + self.factor * self.left_ul
        self.left_ul, self.unready = 0.0, ""


PORTS = {"draw": "I", "deliver": "O", "waste": "B"}


def a_spec(**fields) -> PumpSpec:
    return PumpSpec("paper", "COM1", 10.0, 1000.0, {}, **fields)


def plain(**fields) -> tuple[Delivery, PaperPump]:
    cut = Cut(threading.Event())
    pump = PaperPump(cut, full=True, **fields)
    return Delivery(pump, a_spec(**fields), cut), pump


def valved(
    bottle_ul: float = 50_000.0, *, dead_volume_ul: float = 0.0, **fields
) -> tuple[Delivery, ValvedPaperPump]:
    cut = Cut(threading.Event())
    pump = ValvedPaperPump(cut, **fields)
    spec = a_spec(bottle_ul=bottle_ul, ports=PORTS, dead_volume_ul=dead_volume_ul, **fields)
    return Delivery(pump, spec, cut), pump


class StandsAt:
    """A stage that stands at A1 and knows it, or not."""

    name, homed, travel_mm = "stage", True, (100.0, 100.0, 50.0)

    def __init__(self) -> None:
        self.at_mm: tuple[float, float, float] | None = (10.0, 10.0, 0.0)

    def position_mm(self):
        if self.at_mm is None:
            raise HardwareError("stage", "does not know its position; home it first")
        return self.at_mm


def limited(delivery: Delivery, fill_limit_ul: float = 6500.0) -> tuple[LimitedPump, Station]:
    rack = RackSpec(2, 2, 30.0, (10.0, 10.0), VialSpec(8000, fill_limit_ul, 15, 17, 60))
    station = Station(StandsAt(), rack, delivery._cut._latch)
    return LimitedPump(delivery, station), station
