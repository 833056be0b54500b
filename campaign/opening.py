"""Where campaigns lie on the disk, and how one is begun or picked up again.

One folder per campaign: `journal.sqlite`, `images/`, `report.html`.
"""

import datetime
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from platformdirs import user_data_path

from campaign.config import campaign_to_toml, parse_campaign
from campaign.events import CampaignOpened
from campaign.executor import Executor
from campaign.fold import fold_all
from campaign.journal import Journal, JournalError
from campaign.loop import Campaign
from campaign.spec import CampaignSpec
from campaign.state import CampaignState

JOURNAL = "journal.sqlite"
ENDED = ("Complete", "Stopped")


class RefusedError(ValueError):
    """The campaign cannot be made on this bench; `mistakes` says why, one sentence each."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def campaigns_folder() -> Path:
    """The per-user folder that holds all campaigns which were not given a folder of their own."""
    return user_data_path("aliquot", appauthor=False) / "campaigns"


def new_folder(name: str) -> Path:
    """A folder that does not exist yet, named after the campaign and the hour."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "campaign"
    stamp = datetime.datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    folder = campaigns_folder() / f"{stem}-{stamp}"
    count = 1
    while folder.exists():
        count += 1
        folder = folder.with_name(f"{stem}-{stamp}-{count}")
    return folder


def unfinished(folder: Path) -> Path | None:
    """The journal in `folder` if its campaign was begun and not ended."""
    path = folder / JOURNAL
    if not path.exists():
        return None
    try:
        begun(folder)
    except JournalError:
        raise
    except ValueError:
        return None
    return path


def begun(folder: Path) -> CampaignState:
    """The unfinished campaign of `folder`, as it stands on the disk. Raises JournalError, ValueError when ended."""
    journal = Journal.open(folder / JOURNAL, readonly=True)
    try:
        state = fold_all(journal.events())
    finally:
        journal.close()
    if state is None or state.phase in ENDED:
        said = "is empty" if state is None else f"holds a campaign that has ended ({state.phase.lower()})"
        raise ValueError(f"{folder} {said}: nothing to go on with, begin a new one in another folder")
    return state


def rig_name(folder: Path) -> str:
    """Of the rig on which the campaign of `folder` was begun; a word for none."""
    journal = Journal.open(folder / JOURNAL, readonly=True)
    try:
        opened = next((e for e in journal.events() if isinstance(e, CampaignOpened)), None)
    finally:
        journal.close()
    toml = opened.rig_toml if opened is not None else None
    return str(tomllib.loads(toml).get("name", "without a name")) if toml else "without a name"


def all_unfinished() -> Iterator[Path]:
    """Journals of unfinished campaigns in the per-user folder, newest first. Unreadable ones are left out."""
    folders = sorted(campaigns_folder().glob("*"), key=lambda f: f.stat().st_mtime, reverse=True)
    for folder in folders:
        try:
            found = unfinished(folder)
        except JournalError:
            continue
        if found is not None:
            yield found


def begin(
    spec: CampaignSpec,
    executor: Executor,
    folder: Path,
    *,
    seed: int = 0,
    rig_toml: str | None = None,
    simulated: bool = False,
) -> Campaign:
    """A new campaign in Idle, its journal in `folder`.

    Raises CampaignFileError and RefusedError before anything is written.
    """
    parse_campaign(campaign_to_toml(spec), spec.name)
    mistakes = executor.check(spec)
    if seed < 0:
        mistakes = (f"seed: expected 0 or more, got {seed}", *mistakes)
    if mistakes:
        raise RefusedError(mistakes)
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal.create(folder / JOURNAL)
    return Campaign(spec, executor, journal, seed=seed, rig_toml=rig_toml, simulated=simulated)


def pick_up(folder: Path, executor: Executor) -> Campaign:
    """The unfinished campaign of `folder`, in Held, with the step in doubt named in its state."""
    return Campaign.reopen(Journal.open(folder / JOURNAL), executor)


def same_campaign(spec: CampaignSpec, other: CampaignSpec) -> bool:
    """Whether two files describe one and the same campaign."""
    return campaign_to_toml(spec) == campaign_to_toml(other)
