"""The process that owns the ports. It does what the program asks, and stops everything when the program cannot."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from hardware.errors import DeviceTimeoutError, HardwareError, NotConnectedError, ReplyError
from hardware.exchange import save_exchange
from hardware.host import commands
from hardware.host.door import StopDoor, wait_for_predecessors
from hardware.host.lease import Lease
from hardware.host.messages import Channel, ChannelClosedError, Message, told
from hardware.host.operations import Operations
from hardware.rig import LocalRig, RigOpenError, open_rig
from hardware.rig_file import parse_rig
from hardware.spec import RigSpec

log = logging.getLogger(__name__)
PREDECESSOR_S = 3.0
SHOW_S = 0.1
SWITCH_S = 0.001
"""How long a thread of the owner may keep the others waiting: a stop is one of them."""


class Owner:
    """One rig for one program, until either ends."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._latch = threading.Event()
        self._rig: LocalRig | None = None
        self._operations = Operations()
        self._lease: Lease | None = None
        self._door: StopDoor | None = None
        self._logs: Path | None = None
        self._shown: Message = {}
        self._showing = threading.Lock()
        self._ended = threading.Event()

    def serve(self) -> None:
        """Hear the program out, then stop and let go of every port."""
        why = "the program has ended"
        while (message := self._channel.receive()) is not None:
            match message["do"]:
                case "beat":
                    self._beat()
                case "stop":
                    self._aside(self._stop_asked, message)
                case "open":
                    self._aside(self._open_asked, message)
                case "call":
                    self._aside(self._call_asked, message)
                case "close":
                    why = ""
                    break
        self.end(why)

    def stop(self, by: str) -> tuple[str, ...]:
        """Stop every device and stay stopped. Any thread; the program is told."""
        unconfirmed = self._stop_devices()
        self._send({"stopped": by, "unconfirmed": list(unconfirmed)})
        return unconfirmed

    def end(self, why: str = "") -> None:
        """Stop what may be running, close every port. A program that ends as it should leaves nothing running."""
        self._ended.set()
        if self._lease is not None:
            self._lease.end()
        self._latch.set()
        if self._door is not None:
            self._door.ending()
        if why or self._operations.running():
            self._stop_devices()
        if self._door is not None:
            self._door.close()
        if self._rig is not None:
            self._rig.close()

    def _beat(self) -> None:
        if self._lease is not None:
            self._lease.beat()
        self._send({"beat": True})

    def _stop_devices(self) -> tuple[str, ...]:
        self._latch.set()
        return self._rig.stop_all() if self._rig is not None else ()

    def _expired(self, why: str) -> None:
        log.warning("stopped everything: %s", why)
        self.stop(why)

    # each of these in a thread of its own

    def _aside(self, work: Callable[[Message], None], message: Message) -> None:
        threading.Thread(target=work, args=(message,), name=str(message["do"]), daemon=True).start()

    def _stop_asked(self, message: Message) -> None:
        self._send({"answer": message["op"], "value": list(self._stop_devices())})
        self._show()

    def _open_asked(self, message: Message) -> None:
        answer: Message
        try:
            spec = parse_rig(str(message["rig"]))
            self._logs = Path(str(message["logs"])) if message.get("logs") else None
            self._door = StopDoor(spec.name, self.stop)
            self._lease = Lease(float(str(message["lease_s"])), self._expired)
            self._lease.begin()
            self._rig = self._opened(spec, float(str(message["speed"])))
            threading.Thread(target=self._show_while_busy, name="shows", daemon=True).start()
            answer = {"value": commands.facts(self._rig)}
            self._show()
        except RigOpenError as error:
            answer = {"missing": [[m.role, m.port, m.message] for m in error.missing]}
        except Exception as error:  # a mistake of ours must reach the program
            log.exception("the rig did not open")
            answer = {"error": told(error)}
        self._send({"answer": message["op"], **answer})

    def _opened(self, spec: RigSpec, speed: float) -> LocalRig:
        """A program that follows one which was killed may come before its owner has let go of the ports."""
        try:
            return open_rig(spec, speed=speed, latch=self._latch)
        except RigOpenError:
            if not wait_for_predecessors(PREDECESSOR_S):
                raise
        return open_rig(spec, speed=speed, latch=self._latch)

    def _call_asked(self, message: Message) -> None:
        op = str(message["op"])
        answer = self._operations.once(op, lambda: self._answer(message))
        self._show()
        self._send({"answer": op, **answer})

    def _answer(self, message: Message) -> Message:
        rig, arguments = self._rig, message.get("arguments", [])
        if rig is None or not isinstance(arguments, list):
            return {"error": told(HardwareError("port owner", "has no rig open"))}
        on, what = str(message["on"]), str(message["what"])
        try:
            return {"value": commands.called(rig, on, what, arguments)}
        except Exception as error:  # as above
            if not isinstance(error, HardwareError):
                log.exception("%s.%s failed", on, what)
            self._keep_exchange(rig, error)
            return {"error": told(error)}

    def _keep_exchange(self, rig: LocalRig, error: Exception) -> None:
        said_on_a_wire = isinstance(error, NotConnectedError | DeviceTimeoutError | ReplyError)
        if self._logs is None or not said_on_a_wire:
            return
        try:
            save_exchange(self._logs, rig.exchange_log(), str(error))
        except OSError as full:
            log.warning("the exchange log could not be saved: %s", full)

    def _show_while_busy(self) -> None:
        """A dose is booked when it begins, and a person wants to see that."""
        while not self._ended.wait(SHOW_S):
            if self._operations.running():
                self._show()

    def _show(self) -> None:
        """Tell the program what has changed."""
        if self._rig is None:
            return
        with self._showing:
            state = commands.state(self._rig)
            changed = {k: v for k, v in state.items() if self._shown.get(k) != v}
            self._shown = state
            if changed:
                self._send({"state": changed})

    def _send(self, message: Message) -> None:
        with suppress(ChannelClosedError):  # the program is gone: `serve` ends by itself
            self._channel.send(message)


def channel_of_this_process() -> Channel:
    """stdin and stdout become the channel; whatever a library prints goes to stderr."""
    writes: BinaryIO = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return Channel(sys.stdin.buffer, writes)


def main() -> None:
    """Serve the program that started this process."""
    sys.setswitchinterval(SWITCH_S)
    logging.basicConfig(level=logging.WARNING, format="port owner: %(message)s")
    owner = Owner(channel_of_this_process())

    def leave(number: int, _: object) -> None:
        owner.end(f"signal {number}")
        os._exit(0)

    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), leave)
    owner.serve()
    os._exit(0)  # a device that hangs keeps no process alive
