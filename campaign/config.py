"""The doorman of campaign files: TOML text to `CampaignSpec` and back, all mistakes at once."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from campaign.config_checks import cross_check
from campaign.config_space import optional, read_space
from campaign.config_text import campaign_to_toml
from campaign.spec import CampaignSpec, ChecksSpec, DosingSpec, ObjectiveSpec, StopSpec, StrategySpec
from hardware.toml_file import (
    Mistakes,
    Table,
    TomlFileError,
    did_you_mean,
    parse_table,
    read_text,
    validated,
    what_is_good,
)

__all__ = ["CampaignFileError", "campaign_to_toml", "load_campaign", "parse_campaign"]


class CampaignFileError(TomlFileError):
    """A campaign file that cannot be used; `mistakes` names them all."""


@dataclass(frozen=True)
class _Head:
    """The keys above the first table."""

    format: Literal[1]
    name: str
    about: str = ""
    mode: Literal["automatic", "approve"] = "automatic"
    rig: str | None = None


_HEAD = tuple(f.name for f in fields(_Head))
_TABLES = (
    "parameters", "mixture", "constraint", "keep_out", "objective", "strategy", "stop", "dosing", "checks",
    "constants", "candidates",
)  # fmt: skip


def load_campaign(path: str | Path) -> CampaignSpec:
    """Read a campaign file. Raises CampaignFileError with every mistake."""
    path = Path(path)
    try:
        text = read_text(path)
    except TomlFileError as error:
        raise CampaignFileError(path, error.mistakes) from error
    return parse_campaign(text, str(path))


def parse_campaign(text: str, where: str | Path) -> CampaignSpec:
    """Read the text of a campaign file; `where` names it in messages. Raises CampaignFileError."""
    mistakes = Mistakes()
    try:
        table = parse_table(text, where, mistakes)
    except TomlFileError as error:
        raise CampaignFileError(where, error.mistakes) from error
    spec = _spec(table, mistakes)
    if mistakes.lines or spec is None:
        raise CampaignFileError(where, mistakes.lines)
    return spec


def _spec(table: Table, mistakes: Mistakes) -> CampaignSpec | None:
    for key in table:
        if key not in _HEAD and key not in _TABLES:
            hint = did_you_mean(key, (*_HEAD, *_TABLES))
            mistakes.add(key, f"is not known here{hint or '; known are ' + ', '.join((*_HEAD, *_TABLES))}")
    head = validated(_Head, {k: v for k, v in table.items() if k in _HEAD}, "", mistakes)
    if head is not None and not head.name.strip():
        mistakes.add("name", "expected a name, got an empty text")
    space, named = read_space(table, mistakes)
    if "objective" not in table:
        mistakes.add("objective", "the [objective] table is missing: what is made better?")
    objective = optional(ObjectiveSpec, table, "objective", mistakes, name="objective", direction="minimise")
    strategy = optional(StrategySpec, table, "strategy", mistakes) or StrategySpec()
    stop = optional(StopSpec, table, "stop", mistakes) or StopSpec()
    dosing = optional(DosingSpec, table, "dosing", mistakes) or DosingSpec()
    checks = optional(ChecksSpec, table, "checks", mistakes) or ChecksSpec()
    constants = what_is_good(dict[str, float], table.get("constants", {}), "constants", mistakes, {})
    cross_check(table, named, objective, strategy, stop, constants, mistakes)
    if mistakes.lines or head is None or space is None or objective is None or constants is None:
        return None
    return CampaignSpec(
        head.name, space, objective, strategy, stop, dosing, checks, head.mode, head.rig, head.about, constants
    )
