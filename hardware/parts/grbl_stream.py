"""Many lines to a GRBL controller without a pause between them: its "character-counting" streaming protocol.

Source: gnea/grbl, doc/markdown/interface.md, "Streaming a G-Code Program to Grbl". The controller takes each line
out of its receive buffer before it answers it, so as long as all unanswered characters together fit that buffer
nothing is lost, and the planner never runs dry. It goes on after an error, so an error is followed by a stop. Lines
that write to its memory make it deaf meanwhile: none of them goes this way.
"""

import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from hardware.dialects.grbl_codes import error_in_words
from hardware.errors import DeviceTimeoutError, OutOfRangeError, ReplyError
from hardware.parts.grbl_board import SILENCES, Board
from hardware.parts.grbl_state import Mark

LONGEST_LINE = 78
ASK_S = 0.5
_REAL_TIME = frozenset("?!~\x18\x84\x85")
_WRITES = ("G10", "G28.1", "G30.1", "M30")


class Window:
    """How much may be under way. room: of the receive buffer; 0 allows one line at a time ("send-response")."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._lengths: deque[int] = deque()

    def fits(self, length: int) -> bool:
        return not self._lengths or sum(self._lengths) + length <= self._room

    def sent(self, length: int) -> None:
        self._lengths.append(length)

    def answered(self) -> None:
        self._lengths.popleft()


def check_lines(device: str, lines: Sequence[str]) -> None:
    """Raises OutOfRangeError for a line that does not belong into a stream."""
    for number, line in enumerate(lines, 1):
        bare = line.replace(" ", "").upper()
        if not line.isascii() or not line.isprintable() or _REAL_TIME & set(line) or len(line) > LONGEST_LINE:
            raise OutOfRangeError(device, f"line {number} has more than {LONGEST_LINE} or forbidden characters")
        if bare.startswith("$") or any(word in bare for word in _WRITES):
            raise OutOfRangeError(device, f"line {number} ({line}) writes to its memory; send it alone")


def stream(board: Board, mark: Mark, lines: Sequence[str]) -> None:
    """Send all lines and return when all are understood; the last ones are then still being done.

    Raises ReplyError naming the line that was refused, with everything stopped; and as `Board.command` does.
    """
    check_lines(board.name, lines)
    c = board.controller
    build = c.told.build
    window = Window(build.rx_bytes - 1 if build.rx_bytes else 0)
    done, sent, silent = 0, 0, 0
    with c.talk:
        board.begin_lines()
        heard_s = time.monotonic()
        while done < len(lines):
            board.check(mark)
            while sent < len(lines) and window.fits(len(lines[sent]) + 1):
                board.link.send(f"{lines[sent]}\n".encode("ascii"), lambda: board.halted(mark))
                window.sent(len(lines[sent]) + 1)
                sent += 1
            board.hear(time.monotonic() + board.poll_s)
            while c.answers and done < len(lines):
                answer, heard_s = c.answers.popleft(), time.monotonic()
                window.answered()
                done += 1
                if answer != "ok":
                    _refused(board, done, lines[done - 1], answer)
            if time.monotonic() - max(heard_s, c.heard_s) > ASK_S:
                silent = _ask(board, mark, silent)


def _ask(board: Board, mark: Mark, silent: int) -> int:
    """No answer for a while: is it only busy with a long line? Returns how often it has been silent."""
    try:
        state = board.report(mark=mark).state
    except DeviceTimeoutError:
        if silent + 1 == SILENCES:
            board.give_up("fell silent on its way")
        return silent + 1
    if state in ("Hold", "Door", "Sleep", "Tool"):
        board.halted_at_the_machine(state)
    if state == "Idle":  # it does nothing and answers nothing: an ok, or a line, was lost
        board.controller.stale = True
        if silent + 1 == SILENCES:
            board.give_up("lost an answer on its way")
        return silent + 1
    return 0


def _refused(board: Board, number: int, line: str, answer: str) -> None:
    with suppress(DeviceTimeoutError):
        board.halt()
    words = f"{error_in_words(answer.removeprefix('error:').strip())}, in line {number} of the path; it was stopped"
    raise ReplyError(board.name, line, answer, words, "unknown")
