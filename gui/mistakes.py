"""What went wrong, a sentence each, as the banner says it."""

from pathlib import Path

from hardware.rig_file import RigFileError

_ANOTHER = "Choose another under Devices, Find, Open a file…"


def mistakes_of(error: Exception) -> tuple[str, ...]:
    """A rig file is named: whoever started the program may not know which one it took."""
    if isinstance(error, RigFileError):
        name = Path(error.path).name
        if len(error.mistakes) == 1:
            return (f"{name}: {error.mistakes[0].rstrip('.')}. {_ANOTHER}",)
        return (f"{name} cannot be used:", *error.mistakes, "Correct it, or choose another under Devices, Find.")
    return getattr(error, "mistakes", None) or tuple(str(error).splitlines()) or (repr(error),)
