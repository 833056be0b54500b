"""Which pictures are of now, and which have waited in a queue: a decoder, a socket, a computer that was busy.

A source whose clock is real (RTSP, V4L2) tells how late each picture is against the soonest that ever came. Of the
others only what gathered while the connection was made can be told: it comes at once, and the first pictures that
have to be waited for are of now.
"""

_LATE_S = 0.25
_SETTLED_S = 0.3
"""While a queue empties each picture comes sooner than the one before, by its clock."""
_STEP_S = 0.005
_LONGEST_S = 3.0
"""A clock that says for longer than this that all is late is wrong, or the computer will never catch up."""
_DRIFT = 1e-3
"""Seconds per second by which the clocks of camera and computer may differ."""
_WAITED_FOR = 2


class Pace:
    """Of one connection. clocked: its stamps are of a real clock. at_once_s: a shorter read has not waited."""

    def __init__(self, clocked: bool, at_once_s: float) -> None:
        self._clocked, self._at_once_s = clocked, at_once_s
        self._settled = False
        self._waited_for = 0
        self._began_s: float | None = None
        self._stamp_s = self._soonest_s = self._lowered_s = self._seen_s = 0.0

    def is_old(self, began_s: float, now_s: float, stamp_ms: float | None) -> bool:
        """began_s, now_s: of its reading, on the monotonic clock. stamp_ms: the camera's own time of it."""
        stamp_s = (stamp_ms or 0.0) / 1000 if self._clocked else 0.0
        old = self._behind(now_s, stamp_s) if stamp_s else self._gathered(began_s, now_s)
        if not old:
            self._began_s = None
            return False
        if self._began_s is None:
            self._began_s = now_s
        if now_s - self._began_s < _LONGEST_S:
            return True
        self._settled, self._began_s = True, None
        self._soonest_s = now_s - self._stamp_s
        return False

    def _behind(self, now_s: float, stamp_s: float) -> bool:
        offset_s = now_s - stamp_s
        if stamp_s <= self._stamp_s or not self._seen_s:  # the camera's clock was set, or this is the first
            self._settled, self._soonest_s, self._lowered_s = False, offset_s, now_s
        else:
            self._soonest_s += _DRIFT * (now_s - self._seen_s)
        if offset_s < self._soonest_s - _STEP_S:
            self._lowered_s = now_s
        self._soonest_s = min(self._soonest_s, offset_s)
        self._stamp_s, self._seen_s = stamp_s, now_s
        self._settled = self._settled or now_s - self._lowered_s >= _SETTLED_S
        return not self._settled or offset_s - self._soonest_s > _LATE_S

    def _gathered(self, began_s: float, now_s: float) -> bool:
        if not self._settled:
            self._waited_for = self._waited_for + 1 if now_s - began_s >= self._at_once_s else 0
            self._settled = self._waited_for >= _WAITED_FOR
        return not self._settled
