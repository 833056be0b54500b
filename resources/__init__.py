"""Files that ship with the program: icons, rigs, campaigns."""

from importlib import resources
from pathlib import Path


def path(name: str) -> Path:
    """Where a resource lies, such as "rigs/virtual.toml"; FileNotFoundError when there is none."""
    found = Path(str(resources.files(__name__).joinpath(name)))
    if not found.exists():
        raise FileNotFoundError(f"no resource {name!r} in {found.parent}")
    return found


def text(name: str) -> str:
    """The text of a resource."""
    return path(name).read_text(encoding="utf-8")
