"""A balance under the station: it weighs the liquid in the vial that stands there, and what a person puts on it.

Formats as in the rig file: MT-SICS (reference manual 11780711, level 0), SBI with 16 or 22 characters, A&D, Ohaus.
A weight that has just changed is unstable for a second; with MT-SICS an `S` waits for rest, or gives up.
"""

import random
from collections.abc import Mapping

from hardware.spec import MeterSpec
from hardware.virtual.server import PortServer
from hardware.virtual.world import World

CAPACITY_G, STEP_G = 220.0, 0.0001
REST_S, GIVES_UP_S = 1.0, 10.0
NOISE_G, SWAY_G = 0.00004, 0.05
SERIAL = "B123456789"
_SBI_NAMES = {"\x1bx1_": "VB224-1S", "\x1bx2_": "0012345678", "\x1bx3_": "00-20-01.01"}


class Instrument(PortServer):
    def __init__(
        self, world: World, parts: Mapping[str, MeterSpec], *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        name, part = next(iter(parts.items()))
        super().__init__(name, host, port)
        self._world = world
        self._format = str(part.settings.get("format", "sics"))
        self._random = random.Random(0)
        self._line = b""
        self._zero_g = self._tare_g = 0.0
        self._put_g = 0.0
        self._last_g, self._changed_s = self._load_g(), -REST_S
        self._asked_s: float | None = None
        self._nulls = ""
        self.restless = False
        """A draught: it never comes to rest."""
        self.names_lines = False
        """SBI with 22 characters."""

    def put_g(self, grams: float) -> None:
        """A person puts a weight on the pan, in place of the one that may lie there."""
        self._put_g = grams

    def power_cycle(self) -> None:
        """It forgets tare and zero, and MT-SICS tells its serial number unasked."""
        self._zero_g = self._tare_g = 0.0
        if self._format == "sics":
            self._say(f'I4 A "{SERIAL}"')

    def _load_g(self) -> float:
        return self._world.weight_mg() / 1000 + self._put_g

    def _look(self) -> bool:
        """Whether the weight is at rest."""
        load_g, now_s = self._load_g(), self._world.clock.now_s()
        if abs(load_g - self._last_g) > STEP_G:
            self._last_g, self._changed_s = load_g, now_s
        return not self.restless and now_s - self._changed_s >= REST_S

    # bytes

    def on_connect(self) -> None:
        self._line, self._asked_s = b"", None

    def on_bytes(self, data: bytes) -> None:
        for byte in data:
            if byte in b"\r\n":
                line, self._line = self._line.decode("latin-1"), b""
                if line:
                    self._asked_s = None
                    self._obey(line)
            else:
                self._line = (self._line + bytes([byte]))[:100]

    def moment_s(self) -> float:
        return 0.02

    def on_moment(self) -> None:
        rest = self._look()
        if self._asked_s is None:
            return
        if rest or self._world.clock.now_s() - self._asked_s > GIVES_UP_S:
            self._asked_s = None
            if self._nulls:
                self._null(self._nulls, rest)
            else:
                self._say(self._sics("S", rest) if rest else "S I")

    def _say(self, text: str) -> None:
        self.send((text + "\r\n").encode("latin-1"))

    # commands

    def _obey(self, line: str) -> None:
        {"sics": self._obey_sics, "sbi": self._obey_sbi, "and": self._obey_and, "ohaus": self._obey_ohaus}[
            self._format
        ](line, self._look())

    def _obey_sics(self, line: str, rest: bool) -> None:
        named = {
            "I1": '"01" "2.30" "2.20" "" ""',
            "I2": f'"VB220 Virtual {CAPACITY_G:.4f} g"',
            "I3": '"1.00 1.0.0"',
        }
        if line in ("S", "T", "Z"):
            self._nulls = line.replace("S", "")
            self._asked_s = self._world.clock.now_s()
            self.on_moment()
        elif line in ("SI", "ZI", "TI"):
            self._say(self._sics("S", rest)) if line == "SI" else self._null(line, rest)
        elif line in named:
            self._say(f"{line} A {named[line]}")
        elif line in ("I4", "@"):
            self._tare_g = self._tare_g if line == "I4" else 0.0
            self._say(f'I4 A "{SERIAL}"')
        else:
            self._say("ES")

    def _obey_sbi(self, line: str, rest: bool) -> None:
        if line == "\x1bP":
            over = self._out_of_range()
            shown = self._shown_g(rest)
            unit = "g  " if rest else "   "
            sign = "-" if shown < 0 else "+"
            text = {"+": "    High      ", "-": "    Low       "}.get(over, f"{sign}{abs(shown):>9.4f} {unit}")
            self._say(f"{'Stat' if over else 'N':<6}{text}" if self.names_lines else text)
        elif line in ("\x1bU", "\x1bV", "\x1bT"):
            self._take(line)
        elif line in _SBI_NAMES:
            self._say(_SBI_NAMES[line])

    def _obey_and(self, line: str, rest: bool) -> None:
        if line in ("Q", "S"):
            over = self._out_of_range()
            self._say(
                f"OL,{over}9999999E+19" if over else f"{'ST' if rest else 'US'},{self._shown_g(rest):+010.4f}  g"
            )
        elif line in ("T", "Z", "R"):
            self._take(line)
        elif line == "?TN":
            self._say("TN,VB-220")

    def _obey_ohaus(self, line: str, rest: bool) -> None:
        if line in ("IP", "P"):
            over = self._out_of_range()
            text = f"{self._shown_g(rest):>10.4f} g     {'' if rest else '?'}"
            self._say({"+": "Err 8.3", "-": "Err 8.4"}.get(over, text))
        elif line in ("T", "Z"):
            self._take(line)
        elif line == "PV":
            self._say("VB220 Sr No. 1.00")
        else:
            self._say("ES")

    # weights

    def _out_of_range(self) -> str:
        gross_g = self._load_g() - self._zero_g
        return "+" if gross_g > CAPACITY_G else "-" if gross_g < -1.0 else ""

    def _shown_g(self, rest: bool) -> float:
        sway_g = self._random.gauss(0, NOISE_G if rest else SWAY_G)
        return self._load_g() - self._zero_g - self._tare_g + sway_g

    def _sics(self, command: str, rest: bool) -> str:
        if over := self._out_of_range():
            return f"{command} {over}"
        return f"{command} {'S' if rest else 'D'} {self._shown_g(rest):>10.4f} g"

    def _null(self, line: str, rest: bool) -> None:
        over = self._out_of_range()
        if over or (not rest and len(line) == 1):
            self._say(f"{line} {over or 'I'}")
            return
        self._take(line)
        if line[0] == "T":
            self._say(f"{line} {'S' if rest else 'D'} {self._tare_g:>10.4f} g")
        else:
            self._say(f"{line} {'A' if len(line) == 1 else 'S' if rest else 'D'}")

    def _take(self, line: str) -> None:
        """Tare, or zero, which ends the tare too."""
        if line in ("T", "TI", "\x1bU"):
            self._tare_g = self._load_g() - self._zero_g
        else:
            self._zero_g, self._tare_g = self._load_g(), 0.0
