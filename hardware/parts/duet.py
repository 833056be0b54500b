"""The two ways to ask a Duet over HTTP: a board alone, and one with a single-board computer (SBC)."""

import time
from collections.abc import Callable
from typing import Any, Literal

from hardware.dialects import rrf as says
from hardware.errors import DeviceTimeoutError, NotConnectedError, ReplyError
from hardware.parts.http_link import Answer, HttpLink, Request

ANSWER_S = 3.0
_BUSY_PAUSE_S = 0.05
Api = Literal["auto", "standalone", "sbc"]


class _Session:
    """Requests with a key; one that was refused for want of a key is made again with a new one."""

    def __init__(self, link: HttpLink, login: Callable[[float], bool]) -> None:
        self._link, self._login, self.key = link, login, ""

    def ask(self, path: str, deadline_s: float) -> Answer:
        """Asking again does no harm: a board that is short of memory (503) is asked until it answers."""
        while (answer := self.do(path, deadline_s)).status == 503 and time.monotonic() + _BUSY_PAUSE_S < deadline_s:
            time.sleep(_BUSY_PAUSE_S)
        return answer

    def do(
        self,
        path: str,
        deadline_s: float,
        body: bytes | None = None,
        *,
        unless: Callable[[], bool] = lambda: False,
        direction: Literal[">", "!"] = ">",
    ) -> Answer:
        answer = self._link.exchange(self._request(path, body), deadline_s, unless=unless, direction=direction)
        if answer.status in (401, 403):  # refused, so not done
            self._login(deadline_s)
            answer = self._link.exchange(self._request(path, body), deadline_s, unless=unless, direction=direction)
        return answer

    def _request(self, path: str, body: bytes | None) -> Request:
        return Request(path, body, {"X-Session-Key": self.key} if self.key else {})


class Standalone:
    """rr_connect, rr_gcode, rr_reply, rr_model.

    model: one branch of the object model. run: have G-code done, at most once; returns what is said of it by the
    time of the answer. reply: what was said since then. kill: M112, past every queue.
    """

    name = "the board alone"

    def __init__(self, link: HttpLink, password: str) -> None:
        self._link, self._password = link, password
        self._session = _Session(link, self.open)

    def open(self, deadline_s: float) -> bool:
        """Whether this is how it answers. Raises NotConnectedError when it does not let us in."""
        answer = self._link.exchange(Request(says.connect_path(self._password)), deadline_s)
        told = says.json_of(answer.body) if answer.status == 200 else None
        if not isinstance(told, dict) or "err" not in told or told.get("isEmulated"):
            return False
        if told["err"] != 0:
            causes = {1: "does not accept the password", 2: "has no session left: close other programs and pages"}
            why = causes.get(told["err"], "does not let us in") if isinstance(told["err"], int) else "is strange"
            raise NotConnectedError(self._link.device, f"{self._link.url} {why}")
        self._session.key = str(told.get("sessionKey", ""))
        return True

    def model(self, key: str, deadline_s: float) -> Any:
        return says.result_of(self._session.ask(says.model_path(key), deadline_s).body, key)

    def run(self, code: str, deadline_s: float, unless: Callable[[], bool]) -> str:
        answer = self._session.do(says.code_path(code), min(deadline_s, time.monotonic() + ANSWER_S), unless=unless)
        told = says.json_of(answer.body)
        if answer.status == 503:  # it may have been queued before the memory ran out
            raise DeviceTimeoutError(self._link.device, "is short of memory", "unknown")
        if answer.status != 200 or (isinstance(told, dict) and told.get("err")):
            raise ReplyError(self._link.device, code, repr(answer.body[:60]), "does not take the command")
        return ""

    def reply(self, since: int | None, deadline_s: float) -> str:
        if since is not None and self.reply_number(deadline_s) == since:
            return ""
        return self._session.ask("/rr_reply", deadline_s).body.decode("utf-8", "replace")

    def reply_number(self, deadline_s: float) -> int | None:
        return says.reply_number_of(self.model("seqs", deadline_s))

    def kill(self, deadline_s: float) -> None:
        self._session.do(says.code_path(says.Word.KILL), deadline_s, direction="!")

    def close(self) -> None:
        self._session.do("/rr_disconnect", time.monotonic() + 0.3)


class Sbc:
    """As Standalone, by /machine/connect (since 3.4), /machine/code, /machine/model or (before) /machine/status."""

    name = "with a single-board computer"

    def __init__(self, link: HttpLink, password: str) -> None:
        self._link, self._password = link, password
        self._session = _Session(link, self._log_in)
        self._model_path = "/machine/model"

    def open(self, deadline_s: float) -> bool:
        return self._log_in(deadline_s) and self.model("state", deadline_s) is not None

    def _log_in(self, deadline_s: float) -> bool:
        answer = self._link.exchange(Request(says.sbc_connect_path(self._password)), deadline_s)
        if answer.status in (401, 403):
            raise NotConnectedError(self._link.device, f"{self._link.url} does not accept the password")
        told = says.json_of(answer.body) if answer.status == 200 else None
        self._session.key = str(told.get("sessionKey", "")) if isinstance(told, dict) else ""
        return True

    def model(self, key: str, deadline_s: float) -> Any:
        answer = self._session.ask(self._model_path, deadline_s)
        if answer.status == 404 and self._model_path != "/machine/status":
            self._model_path = "/machine/status"
            answer = self._session.ask(self._model_path, deadline_s)
        return says.part_of(says.json_of(answer.body) if answer.status == 200 else None, key)

    def run(self, code: str, deadline_s: float, unless: Callable[[], bool]) -> str:
        answer = self._session.do("/machine/code", deadline_s, code.encode("utf-8"), unless=unless)
        if answer.status != 200:
            said = repr(answer.body[:60])
            raise ReplyError(self._link.device, code, said, f"could not do it (HTTP {answer.status})", "unknown")
        return answer.body.decode("utf-8", "replace")

    def reply(self, since: int | None, deadline_s: float) -> str:
        del since, deadline_s
        return ""  # it came with the answer

    def reply_number(self, deadline_s: float) -> int | None:
        del deadline_s
        return None

    def kill(self, deadline_s: float) -> None:
        self._session.do("/machine/code", deadline_s, says.Word.KILL.encode("ascii"), direction="!")

    def close(self) -> None:
        self._session.do("/machine/disconnect", time.monotonic() + 0.3)


def answering(link: HttpLink, password: str, api: Api, deadline_s: float) -> Standalone | Sbc | None:
    """The way in which the board answers; None when it does not."""
    standalone, sbc = Standalone(link, password), Sbc(link, password)
    if api != "sbc" and standalone.open(deadline_s):
        return standalone
    return sbc if api != "standalone" and sbc.open(deadline_s) else None
