"""Campaigns on the disk: what their journals say. Called in a worker thread."""

from collections.abc import Callable, Iterable
from pathlib import Path

from campaign.spec import CampaignSpec
from campaign.state import CampaignState
from gui.facts import Unfinished
from hardware.spec import RigSpec


def read(folder: Path) -> CampaignState:
    """The state of the campaign in a folder, as its journal says."""
    from campaign.fold import fold_all
    from campaign.journal import Journal
    from campaign.opening import JOURNAL

    journal = Journal.open(folder / JOURNAL, readonly=True)
    try:
        state = fold_all(journal.events())
    finally:
        journal.close()
    if state is None:
        raise RuntimeError(f"The journal in {folder} is empty.")
    return state


def unfinished(paths: Iterable[Path], rig_for: Callable[[CampaignSpec], RigSpec]) -> Unfinished | None:
    """The first campaign that can go on here; without one, the first that cannot. rig_for: what it would use."""
    first: Unfinished | None = None
    for path in paths:
        found = _unfinished(path if path.is_dir() else path.parent, rig_for)
        if found is not None and not found.elsewhere:
            return found
        first = first or found
    return first


def _unfinished(folder: Path, rig_for: Callable[[CampaignSpec], RigSpec]) -> Unfinished | None:
    from campaign import opening, reopen
    from campaign.words import what_follows

    if opening.unfinished(folder) is None:
        return None
    state = read(folder)
    doubt = reopen.in_doubt(state)
    doubt = f"{doubt}. {what_follows(state)}" if doubt is not None else None
    elsewhere = ""
    if state.spec.objective.needs_rig:
        try:
            elsewhere = reopen.not_here(state, opening.rig_name(folder), rig_for(state.spec))
        except (ValueError, OSError) as error:
            elsewhere = f"The rig file of this window cannot be used: {error}."
    return Unfinished(folder, state.spec.name, len(state.observed), doubt, elsewhere)
