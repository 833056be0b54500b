"""What a journal holds, read once for a report or an export."""

from dataclasses import dataclass
from pathlib import Path

from campaign.errors import JournalError
from campaign.events import CampaignOpened, Event, Finished
from campaign.fold import fold_entries
from campaign.journal import Journal
from campaign.state import CampaignState


@dataclass(frozen=True)
class Record:
    """problem: why the chain of records is not whole; None when it is. head: sha256 of the newest record."""

    path: Path
    opened: CampaignOpened
    state: CampaignState
    events: tuple[Event, ...]
    problem: str | None
    head: str
    image_problems: tuple[str, ...]

    @property
    def finished(self) -> Finished | None:
        """The last event of a campaign that came to its end."""
        return next((e for e in reversed(self.events) if isinstance(e, Finished)), None)


def read_record(journal_path: str | Path) -> Record:
    """Read and verify a journal without changing it. Raises JournalError."""
    journal = Journal.open(Path(journal_path), readonly=True)
    try:
        problem = journal.verify()
        entries = tuple(journal.entries())
        state = fold_entries(entries)
        images = journal.check_images()
    finally:
        journal.close()
    if state is None or not isinstance(entries[0].event, CampaignOpened):
        raise JournalError(f"{journal_path} holds no campaign yet")
    events = tuple(entry.event for entry in entries)
    return Record(Path(journal_path), entries[0].event, state, events, problem, entries[-1].sha256, images)
