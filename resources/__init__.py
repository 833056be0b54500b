"""Package data: icons, rig files, campaign files, themes."""

from pathlib import Path

HERE = Path(__file__).resolve().parent


def path(name: str) -> Path:
    """A file of this folder, for example "rigs/virtual.toml". Raises FileNotFoundError."""
    found = HERE / name
    if not found.exists():
        raise FileNotFoundError(f"Aliquot ships no {name}")
    return found


def shipped_campaigns() -> dict[str, Path]:
    """The campaigns that come with Aliquot, by name."""
    return {file.stem: file for file in sorted((HERE / "campaigns").glob("*.toml"))}
