"""One row of a rig's self-test."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hardware.errors import HardwareError

Result = Literal["ok", "warn", "fail", "skipped"]
Consent = Callable[[str], bool]


@dataclass(frozen=True)
class CheckRow:
    """One thing that was looked at. detail: what was found, and what to do where it is not well."""

    device: str
    what: str
    result: Result
    detail: str = ""


def guarded(role: str, what: str, look: Callable[[], CheckRow]) -> CheckRow:
    try:
        return look()
    except HardwareError as error:
        return CheckRow(role, what, "fail", error.message)
    except Exception as error:  # noqa: BLE001  a driver's bug is a finding too, and the rest is still to be checked
        return CheckRow(role, what, "fail", f"{type(error).__name__}: {error}")
