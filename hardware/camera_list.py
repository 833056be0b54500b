"""The cameras of this computer, by a name and a path that stay when they are plugged in again.

OpenCV knows USB cameras by number, and numbers change with the order of plugging in. Linux: `/dev/v4l/by-id` (or
by-path, for cameras without a serial number) and sysfs. Windows and macOS: the package cv2-enumerate-cameras, whose
paths are the device path and the unique id.
"""

import importlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

USB = "usb:"
_V4L2, _DSHOW, _AVFOUNDATION = 200, 700, 1200
"""cv2.CAP_V4L2 and so on: listing needs no OpenCV."""


@dataclass(frozen=True)
class FoundCamera:
    """index, backend: how OpenCV opens it just now. path: stays, as far as the system can tell cameras apart."""

    name: str
    path: str
    index: int
    backend: int

    @property
    def source(self) -> str:
        """What a rig file says."""
        return USB + self.path


def list_cameras() -> tuple[FoundCamera, ...]:
    """All cameras of this computer. Opens none of them."""
    if sys.platform.startswith("linux"):
        return linux_cameras(Path("/dev"), Path("/sys/class/video4linux"))
    try:
        package = importlib.import_module("cv2_enumerate_cameras")
    except ImportError:  # there is none for this processor; a camera's number still opens it
        return ()
    backend = _DSHOW if sys.platform == "win32" else _AVFOUNDATION
    return tuple(
        FoundCamera(c.name, c.path or c.name, c.index, backend) for c in package.enumerate_cameras(backend)
    )


def linux_cameras(dev: Path, sysfs: Path) -> tuple[FoundCamera, ...]:
    """dev, sysfs: `/dev` and `/sys/class/video4linux`."""
    found = []
    for node in sorted(_folder(sysfs), key=lambda p: (len(p.name), p.name)):
        number = node.name.removeprefix("video")
        # of a camera's nodes the first gives pictures, the others descriptions of them
        if not number.isdigit() or _line(node / "index") not in ("0", ""):
            continue
        device = dev / node.name
        path = _stays(dev, device)
        found.append(FoundCamera(_line(node / "name") or node.name, str(path), int(number), _V4L2))
    return tuple(found)


def find_camera(wanted: str, cameras: Iterable[FoundCamera]) -> FoundCamera:
    """The one camera that `wanted` means: its path, the path's last part, its name, or a part of either.

    Raises LookupError, which lists what there is, when none or more than one fits.
    """
    cameras = tuple(cameras)
    said = wanted.strip().casefold()
    for fits in (
        lambda c: said == c.path.casefold(),
        lambda c: said == Path(c.path).name.casefold(),
        lambda c: said == c.name.casefold(),
        lambda c: bool(said) and (said in c.name.casefold() or said in c.path.casefold()),
    ):
        found = [camera for camera in cameras if fits(camera)]
        if len(found) == 1:
            return found[0]
        if found:
            several = " or ".join(camera.source for camera in found)
            raise LookupError(f"{len(found)} cameras are called {wanted!r}; write {several} as `source`")
    there = ", ".join(f"{camera.name} ({camera.source})" for camera in cameras) or "none"
    raise LookupError(f"no camera {wanted!r} is plugged in. Found: {there}")


def _stays(dev: Path, device: Path) -> Path:
    for folder in ("by-id", "by-path"):
        for link in sorted(_folder(dev / "v4l" / folder)):
            if link.resolve() == device.resolve():
                return link
    return device


def _folder(path: Path) -> list[Path]:
    try:
        return list(path.iterdir())
    except OSError:
        return []


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
