"""Stop all of one window, and its release: it undoes the stops before it was asked for, none that came later."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gui.device_work import DeviceWork
from gui.lab import Lab
from hardware.errors import HardwareError
from hardware.latch import Latch

if TYPE_CHECKING:
    from campaign.loop import Campaign

log = logging.getLogger(__name__)


class Stopping:
    """campaign: the one that is open now. post: tells the window new facts."""

    def __init__(
        self,
        lab: Lab,
        devices_work: DeviceWork,
        campaign: "Callable[[], Campaign | None]",
        post: Callable[..., None],
    ) -> None:
        self._lab, self._devices_work = lab, devices_work
        self._campaign, self._post = campaign, post
        self._latch = Latch()
        self._telling = threading.Lock()
        """What is told last is what is in force."""

    def stop_all(self) -> None:
        """Now: a thread of its own, behind no queue and no lock of the devices."""
        self._tell("", unconfirmed=())
        threading.Thread(target=self._stop_all, name="aliquot-stop-all", daemon=True).start()

    def by_owner(self, why: str, unconfirmed: tuple[str, ...]) -> None:
        """In the line's thread: the port owner stopped everything by itself, or was lost."""
        self._tell(why, unconfirmed=unconfirmed, busy="")

    def rearm(self, asked: int) -> None:
        """In the worker thread. asked: the `latch.moment` at which the person began to press the button."""
        try:
            campaign = self._campaign()
            if campaign is not None and campaign.stopped:  # one without the rig is not told of the rig's stops
                campaign.rearm(asked)
            self._lab.rearm(asked)
        except (RuntimeError, HardwareError) as error:
            self._post(said=str(error))
            return
        self._devices_work.released(asked)
        with self._telling:
            if self._latch.release(asked):
                self._post(latched=False, stopped_at=None, stopped_by="", unconfirmed=(), said="")

    def _tell(self, by: str, **facts: Any) -> None:
        with self._telling:
            self._latch.set()
            self._post(stopped_at=datetime.now().astimezone(), stopped_by=by, latched=True, **facts)
        self._devices_work.halt()

    def _stop_all(self) -> None:
        campaign = self._campaign()
        if campaign is not None:
            try:
                campaign.stop_all("person")
            except (RuntimeError, ValueError) as error:
                log.info("the campaign did not take Stop all: %s", error)
        self._post(unconfirmed=self._lab.stop_all(), busy="", ending=False)
