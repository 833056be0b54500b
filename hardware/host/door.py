"""The stop door: anything on this machine that may read the person's own files can stop the rig, and nothing more.

It is there for when the program itself cannot be reached: `aliquot stop` from another terminal, a foot switch, a
leak sensor's script. The door is a port on the loopback; its number and password lie in the person's own folder.
"""

import hmac
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from platformdirs import user_data_path

ENDING = ".ending"
_PATIENCE_S = 2.0


def doors() -> Path:
    """The per-user folder with a file for each port owner that is alive."""
    return user_data_path("aliquot", appauthor=False) / "doors"


class StopDoor:
    """`stop(by)` is called for every caller who knows the password; it returns the devices that did not confirm."""

    def __init__(self, rig: str, stop: Callable[[str], tuple[str, ...]]) -> None:
        self._stop = stop
        self._password = secrets.token_hex(16)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._file = doors() / f"{os.getpid()}.json"
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        facts = {"pid": os.getpid(), "program": os.getppid(), "rig": rig, "password": self._password,
                 "port": self._listener.getsockname()[1]}  # fmt: skip
        new = self._file.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(facts), encoding="utf-8")
        new.replace(self._file)
        threading.Thread(target=self._attend, name="stop door", daemon=True).start()

    def ending(self) -> None:
        """Say that the ports will be free in a moment."""
        with suppress(OSError):  # the folder may have been cleared
            self._file.replace(self._file.with_suffix(ENDING))

    def close(self) -> None:
        for file in (self._file, self._file.with_suffix(ENDING)):
            file.unlink(missing_ok=True)
        self._listener.close()

    def _attend(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._hear, args=(caller,), name="stop caller", daemon=True).start()

    def _hear(self, caller: socket.socket) -> None:
        with caller, suppress(OSError):
            caller.settimeout(_PATIENCE_S)
            said = caller.recv(200).decode("ascii", "replace")
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

    A rig whose owner does not answer is named with ("the port owner",).
    """
    answers: dict[str, tuple[str, ...]] = {}
    calls = [
        threading.Thread(target=_stop_one, args=(file, by, answers)) for file in sorted(doors().glob("*.json"))
    ]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    return answers


def _stop_one(file: Path, by: str, answers: dict[str, tuple[str, ...]]) -> None:
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
        rig, port, password = str(facts["rig"]), int(facts["port"]), str(facts["password"])
    except (OSError, ValueError, KeyError, TypeError):  # being written, or left behind
        return
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S) as door:
            door.settimeout(_PATIENCE_S)
            door.sendall(f"{password} {by}\n".encode("ascii", "replace"))
            heard = door.recv(65536)
        answers[rig] = tuple(json.loads(heard)) if heard else ("the port owner",)
    except ConnectionRefusedError:  # left behind by an owner that was killed
        file.unlink(missing_ok=True)
    except (OSError, ValueError):
        answers[rig] = ("the port owner",)
