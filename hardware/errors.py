"""What can go wrong between us and a device, and whether the command was carried out.

`outcome` says what is known of the command that failed:
"not_done" it was refused or never left, "unknown" it may have been carried out (never resend
anything that moves or doses), "stopped" it was cut short on purpose.
"""

from typing import Literal

Outcome = Literal["not_done", "unknown", "stopped"]


class HardwareError(Exception):
    """A device failed. `message` is for the scientist and says what to do."""

    def __init__(self, device: str, message: str, outcome: Outcome = "not_done") -> None:
        super().__init__(f"{device}: {message}")
        self.device = device
        self.message = message
        self.outcome: Outcome = outcome


class NotConnectedError(HardwareError, ConnectionError):
    """The port cannot be opened, or the device went away."""


class DeviceTimeoutError(HardwareError, TimeoutError):
    """No complete answer before the deadline."""


class OutOfRangeError(HardwareError, ValueError):
    """The value breaks a limit of the device or of the rig; nothing was sent."""


class StoppedError(HardwareError):
    """`stop()` cut the command short."""

    def __init__(self, device: str, message: str = "stopped") -> None:
        super().__init__(device, message, "stopped")


class ReplyError(HardwareError):
    """The device answered, but with an alarm, a refusal or something unreadable."""

    def __init__(self, device: str, command: str, reply: str, message: str, outcome: Outcome = "not_done") -> None:
        super().__init__(device, f"{message} (sent {str(command)!r}, got {reply!r})", outcome)  # str: of an enum
        self.command = str(command)
        self.reply = reply
