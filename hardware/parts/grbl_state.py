"""What is known of one GRBL controller from all that it has said: no bytes are sent here, and nothing waits.

Lines come in order but unasked for: reports, alarms and banners between the answers. So whoever reads from the wire
puts every line in here, and whoever waits for something looks here. What a controller that restarts or is in alarm
makes of the position is decided in one place.
"""

import threading
from collections import deque
from dataclasses import dataclass, field, replace

from hardware.dialects.grbl import END, LETTERS, Axes, Status, is_banner, status_of, text_of
from hardware.dialects.grbl_codes import KEEPS_POSITION, alarm_in_words
from hardware.dialects.grbl_settings import Told

BANNER_S = 3.0
"""A banner that comes this long after a reset of ours is its answer."""
AFTER_ALARM_S = 1.0
"""GRBL sleeps half a second after an alarm, and only then says its banner; what comes meanwhile is thrown away."""
LONGEST_LINE = 1024
SAYS_WHY_S = 0.6
"""So long after its banner a grblHAL says what still locks it: 11, 12, its emergency stop."""
_RESETS_ITSELF = frozenset({"3", "6", "7", "8", "9"})
_LOCKS = frozenset({"10", "11", "12", "16", "17"})


@dataclass(frozen=True)
class Mark:
    """A moment. What was stopped or upset since can be told from it."""

    stops: int
    upsets: int


@dataclass(eq=False)
class Controller:
    """Shared by all drivers on one port. Lines are heard under the lock of the wire.

    homed: it knows its position, and nobody has said otherwise; by_hand: on a person's word. rest_mm: where it
    was left. stale: an ok is still owed or a line lies half in its buffer, so that only a reset makes the next
    answer the answer to the next line.
    """

    work: threading.Lock = field(default_factory=threading.Lock)
    talk: threading.RLock = field(default_factory=threading.RLock)
    stopping: threading.Lock = field(default_factory=threading.Lock)
    session: int = 0
    told: Told = field(default_factory=Told)
    asked_settings: bool = False
    greeting: bool = False
    homing: bool = False
    homed: bool = False
    by_hand: bool = False
    why_lost: str = "it was switched on or connected"
    stale: bool = False
    stops: int = 0
    stops_ended: int = 0
    stands_since_s: float = -1.0
    reset_s: float = -1.0
    upsets: int = 0
    upset: tuple[str, str] = ("", "")
    alarm: str = ""
    alarms: int = 0
    banner: str = ""
    banners: int = 0
    banner_s: float = -1.0
    banner_due_s: float = -1.0
    banner_owed_s: float = -1.0
    status: Status | None = None
    reports: int = 0
    heard_s: float = -1.0
    asked_s: float = -1.0
    sent_s: float = -1.0
    offset_mm: Axes | None = None
    home_mm: Axes = ()
    homings: int = 0
    rest_mm: Axes | None = None
    all_free: int | None = None
    answers: deque[str] = field(default_factory=lambda: deque(maxlen=256))
    said: deque[str] = field(default_factory=lambda: deque(maxlen=512))
    _line: bytearray = field(default_factory=bytearray)
    _keeps: bool = False
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def forget(self) -> None:
        """The port was opened anew: another controller may be there, and this one may have restarted."""
        self.lose("it was switched on or connected")
        self.told, self.status, self.offset_mm, self.all_free = Told(), None, None, None
        self.stale, self.alarm, self.homing, self.banner, self.asked_settings = False, "", False, "", False
        self.answers.clear()
        self.said.clear()
        self._line.clear()

    def lose(self, why: str) -> None:
        self.homed, self._keeps, self.rest_mm, self.why_lost = False, False, None, why

    def found(self, *, by_hand: bool = False) -> None:
        """Homing has ended well, or a person has put it where it is to be zero."""
        self.homed, self.by_hand, self._keeps, self.alarm = True, by_hand, False, ""

    def mark(self) -> Mark:
        return Mark(self.stops, self.upsets)

    @property
    def letters(self) -> str:
        """Of its axes. As many as it reports, and three while it has not."""
        shown = self.machine_mm
        return self.told.build.axes or LETTERS[: len(shown) if shown else 3]

    @property
    def machine_mm(self) -> Axes | None:
        """Machine position of the last report, however it was told; None while that leaves it open."""
        if self.status is None:
            return None
        if self.status.machine_mm is None and self.status.work_mm is not None and self.offset_mm is not None:
            return tuple(w + o for w, o in zip(self.status.work_mm, self.offset_mm, strict=False))
        return self.status.machine_mm

    def stop_begins(self) -> None:
        with self._counting:
            self.stops += 1

    def stop_ends(self) -> None:
        with self._counting:
            self.stops_ended += 1

    def sends_reset(self, now_s: float) -> None:
        self.reset_s, self.banner_due_s = now_s, now_s + BANNER_S

    def hear(self, data: bytes, now_s: float) -> bool:
        """Take in bytes as they come; False for noise without any end of line."""
        self._line += data
        *lines, rest = self._line.split(END)
        self._line = bytearray(rest)
        for line in lines:
            self._hear_line(text_of(bytes(line)), now_s)
        if len(self._line) > LONGEST_LINE:
            self._line.clear()
            return False
        return True

    def _hear_line(self, text: str, now_s: float) -> None:
        if text == "ok" or text.startswith("error:"):
            self.answers.append(text)
        elif (status := status_of(text)) is not None:
            self._hear_status(status, now_s)
        elif text.startswith("ALARM:"):
            self._hear_alarm(text, now_s)
        elif is_banner(text):
            self._hear_banner(text, now_s)
        elif text.startswith(("[", "$")):
            self.said.append(text)

    def _hear_status(self, status: Status, now_s: float) -> None:
        self.status, self.heard_s = status, now_s
        self.offset_mm = status.offset_mm or self.offset_mm
        self.reports += 1
        if status.state == "Alarm":
            if status.substate and not self.alarm:
                self._keeps = self._keeps or status.substate in KEEPS_POSITION
            if not self._keeps and self.homed:
                self._lost(f"it {alarm_in_words(status.substate)}" if status.substate else "it is in alarm")
        elif status.state == "Sleep":
            self._lost("it went to sleep with its motors off")
        elif status.homed is False and self.homed and not self.by_hand:
            self._lost("it says that it is not homed")

    def _hear_alarm(self, text: str, now_s: float) -> None:
        code = text.removeprefix("ALARM:").strip()
        asked_for = now_s < self.banner_due_s and code in ("3", "6")
        asked_for = asked_for or (not self.homed and code in _LOCKS and now_s < self.banner_s + SAYS_WHY_S)
        self.alarm, self.alarms = code, self.alarms + 1
        self._keeps = self.homed and code in KEEPS_POSITION
        if not self._keeps:
            self._lost(f"it {alarm_in_words(code)}")
        if code in _RESETS_ITSELF:
            self.banner_owed_s = now_s + AFTER_ALARM_S
        if not asked_for:
            self._is_upset(text, alarm_in_words(code))

    def _hear_banner(self, text: str, now_s: float) -> None:
        asked_for = now_s < max(self.banner_due_s, self.banner_owed_s)
        self.banner, self.banners, self.banner_s = text, self.banners + 1, now_s
        self.banner_due_s = self.banner_owed_s = -1.0
        self.alarm, self.stale, self.offset_mm = "", False, None
        self.answers.clear()
        if not asked_for:
            self.lose("it restarted")
            self._is_upset(text, "restarted and lost its position; look at its power supply, then home it")

    def _lost(self, why: str) -> None:
        """why: without what to do about it, which depends on the driver."""
        self.homed, self.why_lost = False, why.partition(";")[0]

    def _is_upset(self, text: str, words: str) -> None:
        if not self.greeting:
            self.upset, self.upsets = (text, words), self.upsets + 1

    def learn(self, told: Told) -> None:
        hal = "hal" in self.banner.lower() and told.build.firmware == "GRBL"
        self.told = replace(told, build=replace(told.build, firmware="grblHAL")) if hal else told
