"""Pictures that a person has corrected: kept for good, found again, and read anew by the eye of today.

Beside a campaign's journal the picture lies in `corrections/`, and the correction is an event. Without a campaign
both lie in the user's own data folder, the corrections as lines of `corrections.jsonl`, as a journal has them.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from campaign import codec, opening
from campaign.correction import correction_mistakes
from campaign.durable import append_line, keep_file
from campaign.errors import JournalError
from campaign.events import Corrected, Json
from campaign.journal import Journal
from hardware.devices import Image
from vision.calibration import VialView
from vision.locate import overlap
from vision.look import reading_to_json, view_of
from vision.picture import ImageError, load_image
from vision.reader import read_vial
from vision.score import SAME_VESSEL, Score, Truth, score

PICTURES = "corrections"
LINES = "corrections.jsonl"
HAND_PX = 2.0
"""How well a line is laid by hand, in pixels of the picture: it is dragged on one that is shown smaller."""


@dataclass(frozen=True)
class Found:
    """A correction with its picture. where: the record or line it stands in."""

    event: Corrected
    picture: Path
    where: str


@dataclass(frozen=True)
class Rating:
    """What the eye of today makes of corrected pictures. readings: by picture."""

    score: Score
    readings: Mapping[str, Sequence[Mapping[str, object]]]


@dataclass(frozen=True)
class Rated:
    """Pictures of a camera and of the virtual bench apart: what is true of these need not be of those. damage: a
    sentence for everything that could not be used."""

    camera: Rating
    bench: Rating
    damage: tuple[str, ...]


def own_folder() -> Path:
    """The per-user folder for corrections that belong to no campaign."""
    return opening.campaigns_folder().parent


def keep_picture(seen: Corrected, image: Image, view: VialView | None, folder: Path) -> Corrected:
    """The correction with its picture on the disk, in `corrections/` of `folder`, and what the eye said of it.

    view: where the eye looks; what it says there counts only when the box is about that place. Raises ImageError
    for a picture that cannot be encoded, OSError.
    """
    import cv2

    encoded, png = cv2.imencode(".png", image)
    if not encoded:
        raise ImageError("the picture could not be encoded")
    digest = hashlib.sha256(png.tobytes()).hexdigest()
    name = f"{seen.experiment or 0:04d}-{digest[:16]}.png"
    keep_file(folder / PICTURES / name, png.tobytes())
    kept = replace(seen, image=f"{PICTURES}/{name}", image_sha256=digest)
    if view is None or overlap(view.box_px, _box(seen)) <= SAME_VESSEL:
        return kept
    eye = codec.as_json(reading_to_json(read_vial(image, view)))
    fields = codec.as_json(dataclasses.asdict(view))
    return replace(kept, eye=_object(eye), view=_object(fields), volume_ul=_volume_ul(seen.surface_row, view))


def keep_alone(seen: Corrected, image: Image, view: VialView | None) -> Corrected:
    """As `keep_picture`, in the user's own folder, with its line. Raises ImageError, OSError."""
    if mistakes := correction_mistakes(seen):
        raise ImageError(f"this correction cannot be kept: {'; '.join(mistakes)}")
    kept = keep_picture(seen, image, view, own_folder())
    append_line(own_folder() / LINES, codec.encode(kept))
    return kept


def everything() -> tuple[Path, ...]:
    """Every place where this user's corrections may lie."""
    journals = sorted(opening.campaigns_folder().glob(f"*/{opening.JOURNAL}"))
    lines = own_folder() / LINES
    return (*journals, *((lines,) if lines.exists() else ()))


def places(given: Path) -> tuple[Path, ...]:
    """The journal or the file of lines; those of a folder. Raises FileNotFoundError."""
    found = tuple(p for p in (given / opening.JOURNAL, given / LINES) if p.exists()) if given.is_dir() else (given,)
    if not found or not found[0].exists():
        raise FileNotFoundError(f"{given} holds no corrections: name a campaign's folder or journal, or a {LINES}")
    return found


def rate(paths: Iterable[Path]) -> Rated:
    """Read every corrected picture with the eye of today. Damage is told, and never hides what is whole."""
    damage: list[str] = []
    newest: list[Found] = []
    for path in paths:
        for found in _lines(path, damage) if path.suffix == ".jsonl" else _records(path, damage):
            newest = [f for f in newest if not _same(f, found)] + [found]
    camera, bench = (
        _rating([f for f in newest if f.event.simulated is simulated], damage) for simulated in (False, True)
    )
    return Rated(camera, bench, tuple(damage))


def _rating(corrections: Sequence[Found], damage: list[str]) -> Rating:
    truths: list[Truth] = []
    readings: dict[str, list[Mapping[str, object]]] = {}
    for found in corrections:
        image = _picture(found, damage)
        if image is None:
            continue
        seen = readings.setdefault(str(found.picture), [])
        try:
            view = _view(found.event)
        except ValidationError as error:
            damage.append(f"{found.where}: its view is not readable: {error.errors()[0]['msg']}")
            view = view_of(_box(found.event))
        truths.append(_truth(found, len(seen)))
        seen.append(reading_to_json(read_vial(image, view), len(seen)))
    return Rating(score(truths, readings), readings)


def _same(old: Found, new: Found) -> bool:
    """Whether a person has corrected the same vial of the same picture again."""
    return old.picture == new.picture and overlap(_box(old.event), _box(new.event)) > SAME_VESSEL


def _records(path: Path, damage: list[str]) -> Iterator[Found]:
    try:
        journal = Journal.open(path, readonly=True)
    except JournalError as error:
        damage.append(str(error))
        return
    with journal:
        try:
            for entry in journal.entries():
                if isinstance(entry.event, Corrected):
                    yield from _found(entry.event, path, f"{path}, record {entry.number}", damage)
        except JournalError as error:
            damage.append(f"{path}: {error}")


def _lines(path: Path, damage: list[str]) -> Iterator[Found]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            where = f"{path}, line {number}"
            try:
                event = codec.decode(line.decode("utf-8"), where)
            except (JournalError, UnicodeDecodeError) as error:
                damage.append(str(error) if isinstance(error, JournalError) else f"{where} is no text: {error}")
                continue
            if isinstance(event, Corrected):
                yield from _found(event, path, where, damage)
            else:
                damage.append(f"{where} is no correction: {event.kind}")


def _found(event: Corrected, path: Path, where: str, damage: list[str]) -> Iterator[Found]:
    picture = (path.parent / event.image).resolve()
    if mistakes := correction_mistakes(event):
        damage.append(f"{where}: {'; '.join(mistakes)}")
    elif not event.image or not picture.is_relative_to(path.parent.resolve()):
        damage.append(f"{where}: its picture {event.image!r} is not beside it")
    else:
        yield Found(event, picture, where)


def _picture(found: Found, damage: list[str]) -> Image | None:
    try:
        image = load_image(found.picture)
        if hashlib.sha256(found.picture.read_bytes()).hexdigest() == found.event.image_sha256:
            return image
        damage.append(f"{found.where}: {found.event.image} is not the picture that was corrected")
    except ImageError as error:
        damage.append(f"{found.where}: {error}")
    return None


def _view(event: Corrected) -> VialView:
    """Where the eye looked; by the person's box where no view was known. Raises ValidationError."""
    if event.view is None:
        return view_of(_box(event))
    return TypeAdapter(VialView).validate_python(dict(event.view))


def _truth(found: Found, vessel: int) -> Truth:
    event, row = found.event, found.event.surface_row
    band = None if row is None else (row - HAND_PX, row + HAND_PX)
    return Truth(str(found.picture), vessel, _box(event), event.state, band, event.boundary_rows, HAND_PX)


def _box(event: Corrected) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = event.box_px
    return x0, y0, x1, y1


def _volume_ul(row: float | None, view: VialView) -> float | None:
    if row is None or not view.scaled:
        return None
    volume = view.volume(view.level_mm(row), 0.0)
    return None if volume is None else round(max(0.0, volume[0]), 1)


def _object(value: Json) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}
