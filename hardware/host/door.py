"""The stop door: anything on this machine that may read the person's own files can stop the rig, and nothing more.

It is there for when the program itself cannot be reached: `aliquot stop` from another terminal, a foot switch, a
leak sensor's script. The door is a port on the loopback; its number and password lie in the person's own folder.
"""

import hmac
import json
import os
import secrets
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from platformdirs import user_data_path

ENDING = ".ending"
_PATIENCE_S = 2.0
_MOST_CALLERS = 16
"""Who have not said the password yet; one more, and the first of them is shown out."""
_CROWD_S = 0.002
"""Between two callers when there are many: a flood must leave the owner its time."""


def doors() -> Path:
    """The per-user folder with a file for each port owner that is alive."""
    return user_data_path("aliquot", appauthor=False) / "doors"


class StopDoor:
    """`stop(by)` is called for every caller who knows the password; it returns the devices that did not confirm.

    Raises OSError when the person's folder cannot be written, or no port is to be had.
    """

    def __init__(self, rig: str, stop: Callable[[str], tuple[str, ...]]) -> None:
        self._stop = stop
        self._password = secrets.token_hex(16)
        self._callers: deque[socket.socket] = deque()
        self._closed = threading.Event()
        self._file = doors() / f"{os.getpid()}.json"
        if not self._file.is_absolute():
            raise FileNotFoundError(f"no folder of the person's own: {self._file.parent}")
        self._listener = socket.create_server(("127.0.0.1", 0))
        try:
            self._put_up(rig)
        except OSError:
            self._listener.close()
            raise
        threading.Thread(target=self._attend, name="stop door", daemon=True).start()

    def _put_up(self, rig: str) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        facts = {"pid": os.getpid(), "program": os.getppid(), "rig": rig, "password": self._password,
                 "port": self._listener.getsockname()[1]}  # fmt: skip
        for left in self._file.parent.glob("*.json"):
            if left.stem.isdecimal() and _has_ended(int(left.stem)):  # by an owner that was killed
                with suppress(OSError):
                    left.unlink()
        new = self._file.with_suffix(".new")
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        new.write_text(json.dumps(facts), encoding="utf-8")
        new.replace(self._file)

    def ending(self) -> None:
        """Say that the ports will be free in a moment."""
        with suppress(OSError):  # the folder may have been cleared
            self._file.replace(self._file.with_suffix(ENDING))

    def close(self) -> None:
        self._closed.set()
        for file in (self._file, self._file.with_suffix(ENDING)):
            with suppress(OSError):
                file.unlink()
        self._listener.close()

    def _attend(self) -> None:
        while not self._closed.is_set():
            try:
                caller, _ = self._listener.accept()
                self._callers.append(caller)
                threading.Thread(target=self._hear, args=(caller,), name="stop caller", daemon=True).start()
            except (OSError, RuntimeError):  # closed, or no more files or threads for the moment
                self._closed.wait(0.05)
            if len(self._callers) > _MOST_CALLERS:
                with suppress(OSError, IndexError):
                    self._callers.popleft().shutdown(socket.SHUT_RDWR)
                time.sleep(_CROWD_S)

    def _hear(self, caller: socket.socket) -> None:
        with caller, suppress(OSError):
            caller.settimeout(_PATIENCE_S)
            try:
                said = caller.recv(200).decode("ascii", "replace")
            finally:
                with suppress(ValueError):  # shown out already
                    self._callers.remove(caller)
            password, _, by = said.strip().partition(" ")
            if hmac.compare_digest(password.encode(), self._password.encode()):
                unconfirmed = self._stop(by[:80] or "somebody at the stop door")
                caller.sendall(json.dumps(unconfirmed).encode())


def wait_for_predecessors(patience_s: float) -> bool:
    """Wait for owners that are about to let go of their ports; whether there were any and all have ended."""
    deadline_s = time.monotonic() + patience_s
    seen = False
    while ending := [f for f in doors().glob(f"*{ENDING}") if _age_s(f) < 2 * patience_s]:
        seen = True
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.02 * len(ending))
    return seen


def _age_s(file: Path) -> float:
    try:
        return time.time() - file.stat().st_ctime
    except FileNotFoundError:
        return float("inf")


def stop_everything(by: str = "aliquot stop") -> dict[str, tuple[str, ...]]:
    """Stop every rig of this person on this machine: the devices that did not confirm, by the rig's name.

    A rig whose owner does not answer is named with ("the port owner",); rigs of one name are told together.
    """
    answers: list[tuple[str, tuple[str, ...]]] = []
    calls = [
        threading.Thread(target=_stop_one, args=(file, by, answers)) for file in sorted(doors().glob("*.json"))
    ]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    told: dict[str, tuple[str, ...]] = {}
    for rig, unconfirmed in answers:
        told[rig] = told.get(rig, ()) + unconfirmed
    return told


def _stop_one(file: Path, by: str, answers: list[tuple[str, tuple[str, ...]]]) -> None:
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
        rig, pid, port, password = str(facts["rig"]), int(facts["pid"]), int(facts["port"]), str(facts["password"])
    except FileNotFoundError:  # it has just ended
        return
    except (OSError, ValueError, KeyError, TypeError):
        answers.append((str(file), ("the port owner",)))
        return
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S) as door:
            door.settimeout(_PATIENCE_S)
            door.sendall(f"{password} {by}\n".encode("ascii", "replace"))
            heard = door.recv(65536)
        answers.append((rig, tuple(json.loads(heard)) if heard else ("the port owner",)))
    except (OSError, ValueError, TypeError, OverflowError) as error:
        if isinstance(error, ConnectionRefusedError) or _has_ended(pid):  # left behind by one that was killed
            with suppress(OSError):
                file.unlink()
        else:
            answers.append((rig, ("the port owner",)))


def _has_ended(pid: int) -> bool:
    """Whether that is certain."""
    if sys.platform == "win32" or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
