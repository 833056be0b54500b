"""Where a picture goes on which what was seen is drawn."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt


def check_draw(out: Path | None, pictures: int) -> None:
    """Before any work: raises ValueError where --draw names a file that no picture can be, or one for several."""
    if out is None or not out.suffix or out.is_dir():
        return
    if pictures > 1:
        raise ValueError(f"--draw {out}: {pictures} pictures do not go into one file; name a folder")
    if not cv2.haveImageWriter(str(out)):
        raise ValueError(f"--draw {out}: pictures are not written as {out.suffix}; take .png or .jpg")


def save_drawn(canvas: npt.NDArray[np.uint8], path: Path, out: Path) -> None:
    """Into the file `out`, or under the name of the picture `path` into the folder `out`. Raises OSError."""
    target = out if out.suffix and not out.is_dir() else out / f"{path.stem}-seen.png"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"{target}: cannot be written: {error.strerror or error}") from error
    if not cv2.imwrite(str(target), canvas):
        raise OSError(f"{target}: cannot be written: is it a folder, or one that may not be changed?")
