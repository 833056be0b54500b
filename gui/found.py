"""Campaigns on the disk: what their journals say. Called in a worker thread."""

from pathlib import Path

from campaign.state import CampaignState
from gui.facts import Unfinished


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


def unfinished(path: Path) -> Unfinished | None:
    from campaign import opening, reopen

    folder = path if path.is_dir() else path.parent
    if opening.unfinished(folder) is None:
        return None
    state = read(folder)
    return Unfinished(folder, state.spec.name, len(state.observed), reopen.in_doubt(state))
