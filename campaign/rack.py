"""Which vial comes next."""

from collections.abc import Mapping, Sequence

from campaign.state import VialStatus


def next_clean(slots: Sequence[str], vials: Mapping[str, VialStatus] | None) -> str | None:
    """The first slot, in the rack's order, whose vial is clean; None when the rack is used up."""
    known = vials or {}
    return next((slot for slot in slots if known.get(slot, "clean") == "clean"), None)


def clean_left(slots: Sequence[str], vials: Mapping[str, VialStatus] | None) -> int:
    """How many clean vials are left."""
    known = vials or {}
    return sum(known.get(slot, "clean") == "clean" for slot in slots)
