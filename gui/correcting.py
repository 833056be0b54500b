"""What a person corrects in a picture is kept: in the open campaign's journal, or in the user's own folder."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from campaign.correction import say_correction
from campaign.events import Corrected
from gui.lab import Lab
from gui.words import Tone
from hardware.devices import Image

if TYPE_CHECKING:
    from campaign.loop import Campaign


class Correcting:
    """campaign, folder: those that are open now. saved: told in words what was kept without a campaign. tell: says
    what went wrong."""

    def __init__(
        self,
        lab: Lab,
        campaign: "Callable[[], Campaign | None]",
        folder: Callable[[], Path | None],
        saved: Callable[[str], None],
        tell: Callable[[Tone, str], None],
    ) -> None:
        self._lab, self._campaign, self._folder = lab, campaign, folder
        self._saved, self._tell = saved, tell

    def keep(self, seen: Corrected, image: Image) -> None:
        """In the worker thread: the picture first, then the word. A campaign tells by its event that it has it."""
        from campaign.corrected_frames import keep_alone, keep_picture
        from campaign.eye import view_of

        view = view_of(self._lab.spec) if self._lab.spec is not None else None
        campaign, folder = self._campaign(), self._folder()
        seen = replace(seen, simulated=self._lab.simulated)
        try:
            if campaign is not None and folder is not None:
                campaign.correct(keep_picture(seen, image, view, folder))
                return
            if seen.experiment is not None:  # of a campaign that is only looked at; the picture is none of its own
                seen = replace(seen, experiment=None, slot=None)
            kept = keep_alone(seen, image, view)
        except (OSError, ValueError, RuntimeError) as error:
            self._tell("fail", f"The correction is not saved: {error}")
        else:
            self._saved(say_correction(kept))
