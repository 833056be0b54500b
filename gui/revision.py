"""What may still change while a campaign goes on, setting by setting, and a change told in words. Pure: no Qt."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from campaign.spec import CampaignSpec
from campaign.worth import WORTHS

NAMES = {
    "strategy.kind": "strategy", "strategy.acquisition": "a point is worth", "mode": "who decides",
    "strategy.beta": "beta", "strategy.initial": "initial experiments", "stop.budget": "budget",
    "stop.target": "good enough at", "stop.no_gain": "stop without gain in",
}  # fmt: skip
_VALUES = {
    "gp": "Gaussian process", "random": "random search", "automatic": "automatic", "approve": "approve each",
    **{name: worth.short for name, worth in WORTHS.items()},
}  # fmt: skip


def value_at(spec: CampaignSpec, place: str) -> Any:
    """The value at a place of the campaign file, "stop.budget"."""
    found: Any = spec
    for key in place.split("."):
        found = getattr(found, key)
    return found


def revised(spec: CampaignSpec, changes: Mapping[str, object]) -> CampaignSpec:
    """The campaign with these settings, by place; every other one as it was."""
    for place, value in changes.items():
        table, _, key = place.rpartition(".")
        given: dict[str, Any] = {key: value}
        spec = replace(spec, **({table: replace(getattr(spec, table), **given)} if table else given))
    return spec


def said(spec: CampaignSpec, changes: Mapping[str, object]) -> str:
    """budget 25 → 30, beta 1 → 4."""
    return ", ".join(
        f"{NAMES[place]} {_word(place, value_at(spec, place))} → {_word(place, value)}"
        for place, value in changes.items()
    )


def _word(place: str, value: object) -> str:
    if value is None or (place == "stop.no_gain" and not value):
        return "never" if place == "stop.no_gain" else "none"
    if isinstance(value, str):
        return _VALUES.get(value, value)
    return f"{value:.6g}"
