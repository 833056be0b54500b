"""The glass of one vial: its outline, where every pixel's ray meets it, and what it shows of the backdrop."""

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from hardware.virtual.optics import backdrop as behind
from hardware.virtual.optics.backdrop import soft
from hardware.virtual.optics.cylinder import Tube, seen_through, wedge_turn
from hardware.virtual.optics.medium import tube_of
from hardware.virtual.optics.sight import Sight
from hardware.virtual.optics.specimen import Backdrop, Vessel

Floats = npt.NDArray[np.float32]
THREAD_MM = 2.8


def outline(vessel: Vessel, v: Floats) -> Floats:
    """Half the outer width at each height, mm: foot, body, shoulder, neck and lip."""
    shoulder, rim = vessel.shoulder_mm, vessel.height_mm
    share = 1 - (1 - vessel.neck) * soft(v, shoulder, shoulder + 0.45 * (rim - shoulder))
    share = share + 0.35 * (1 - vessel.neck) * soft(v, rim - 2.2, rim - 1.7)
    if vessel.threads:
        share = share + 0.02 * np.sin(2 * np.pi * v / THREAD_MM) * soft(v, shoulder + 0.5 * (rim - shoulder), rim)
    radius = foot_mm(vessel)
    under = np.clip(1 - (v + vessel.base_mm) / radius, 0.0, 1.0)
    return np.asarray(share * vessel.outer_mm / 2 - radius * (1 - np.sqrt(1 - under**2)), np.float32)


def foot_mm(vessel: Vessel) -> float:
    """Radius of the outer edge of the foot."""
    return vessel.heel_mm * 0.8 + 0.4


@dataclass(frozen=True)
class Body:
    """Fields over a patch. share: across, -1..1 at the outer edge. front, back: heights on the inner wall, back
    seen through air. outer: height on the outer front wall. slope: of the outline. turn, lift: rad by which drops
    on the inner wall turn the ray, sideways and up."""

    x: Floats
    y: Floats
    u: Floats
    v: Floats
    half: Floats
    share: Floats
    depth: Floats
    front: Floats
    back: Floats
    outer: Floats
    slope: Floats
    turn: Floats
    lift: Floats

    def cut(self, rows: slice, columns: slice = slice(None)) -> "Body":
        return replace(self, **{f.name: getattr(self, f.name)[rows, columns] for f in fields(self)})

    def aside(self, mm: float) -> "Body":
        """The rays a little to the right."""
        share = np.asarray(np.clip(self.share + mm / self.half, -1, 1), np.float32)
        return replace(self, x=self.x + np.float32(mm), u=self.u + np.float32(mm), share=share)


def body_of(sight: Sight, vessel: Vessel) -> Body:
    half = outline(vessel, sight.v)
    share = np.asarray(np.clip(sight.u / half, -1, 1), np.float32)
    across = np.sqrt(np.clip(1 - share**2, 0, 1))
    bore = np.maximum(half - vessel.wall_mm, 0.1)
    # the wall magnifies the bore: it seems to reach nearly to the outer edge
    depth = np.asarray(bore * np.sqrt(np.clip(1 - (share / 0.985) ** 2, 0, 1)), np.float32)
    below = outline(vessel, np.asarray(sight.v - 0.2, np.float32))
    zero = np.zeros_like(sight.v)
    return Body(
        x=sight.x,
        y=sight.y,
        u=sight.u,
        v=sight.v,
        half=half,
        share=share,
        depth=depth,
        front=sight.front(depth),
        back=sight.back(depth),
        outer=sight.front(np.asarray(half * across, np.float32)),
        slope=np.asarray((half - below) / 0.2 * (sight.v > 0), np.float32),
        turn=zero,
        lift=zero,
    )


def panel_distance(backdrop: Backdrop, sight: Sight) -> float:
    """mm behind the axis, as they count in the plane of the axis."""
    return backdrop.distance_mm * sight.distance_mm / (sight.distance_mm + backdrop.distance_mm)


def shown(
    body: Body, tube: Tube, backdrop: Backdrop, distance_mm: float, lift: Floats, y: Floats
) -> tuple[Floats, Floats]:
    """What the backdrop sends through a tube, (h, w, 3), and each ray's chord in the contents, mm."""
    turn, passes, chord = tube.at(body.share)
    x = seen_through(body.u, np.asarray(turn + body.turn, np.float32), distance_mm)
    steep = np.minimum(np.abs(body.slope), 1.2)
    up = np.clip(lift + body.lift - 0.30 * np.clip(body.slope, -1.5, 1.5) * (1 - body.share**2), -1.45, 1.45)
    seen = behind.light(backdrop, np.asarray(body.x - body.u + x), np.asarray(y + distance_mm * np.tan(up)))
    rough = np.hypot(body.turn, body.lift)
    clear = passes * (1 - 0.42 * steep) * (1 - 0.5 * np.clip(rough - 0.25, 0, 0.6))
    return np.asarray(seen * clear[..., None], np.float32), np.asarray(chord * body.half, np.float32)


def air(body: Body, vessel: Vessel, backdrop: Backdrop, distance_mm: float, y: Floats | None = None) -> Floats:
    """The empty part of the vial."""
    lift = np.zeros_like(body.v)
    if vessel.threads:
        low = vessel.shoulder_mm + 0.5 * (vessel.height_mm - vessel.shoulder_mm)
        here = soft(body.v, low, low + 0.5) * (1 - soft(body.v, vessel.height_mm - 1.5, vessel.height_mm - 1))
        lift = np.asarray(0.75 * here * np.sin(2 * np.pi * (body.front + 0.10 * body.u) / THREAD_MM), np.float32)
    heel = np.clip((body.front - floor_of(body, vessel)) / vessel.heel_mm, 0, 1)
    lift = lift - wedge_turn(np.asarray(np.radians(70) * (1 - heel), np.float32), vessel.index) * (heel < 1)
    at, up, tube = body.y if y is None else y, np.asarray(lift, np.float32), tube_of(vessel, 1.0)
    seen, _ = shown(body, tube, backdrop, distance_mm, up, at)
    for wall in walls_of(body):
        # lines in the wall are finer than pixels: three rays each
        part, pixel_mm = body.cut(slice(None), wall), float(body.u[0, 1] - body.u[0, 0])
        finer = [
            shown(part.aside(step * pixel_mm), tube, backdrop, distance_mm, up[:, wall], at[:, wall])[0]
            for step in (-1 / 3, 1 / 3)
        ]
        seen[:, wall] = (seen[:, wall] + finer[0] + finer[1]) / 3
    return seen


def walls_of(body: Body) -> list[slice]:
    """The columns of both walls at half height."""
    share = np.abs(body.share[len(body.share) // 2])
    at = np.flatnonzero((share > 0.78) & (share < 1))
    if len(at) < 4:
        return []
    middle = len(share) // 2
    sides = (at[at < middle], at[at >= middle])
    return [slice(int(side[0]), int(side[-1]) + 1) for side in sides if len(side)]


def floor_of(body: Body, vessel: Vessel) -> Floats:
    """Height of the inner bottom across: flat, with rounded corners."""
    corner = np.clip(
        (np.abs(body.share) * vessel.bore_mm / 2 - vessel.bore_mm / 2 + vessel.heel_mm) / vessel.heel_mm, 0, 1
    )
    return np.asarray(vessel.heel_mm * (1 - np.sqrt(1 - corner**2)), np.float32)


def base(body: Body, vessel: Vessel, backdrop: Backdrop, distance_mm: float) -> Floats:
    """The thick glass below the inner bottom: a rod, whose rounded foot shows what is above."""
    radius = foot_mm(vessel)
    foot = np.clip((body.outer + vessel.base_mm) / radius, 0, 1)
    lift = wedge_turn(np.asarray(np.radians(80) * (1 - foot), np.float32), vessel.index) * (foot < 1)
    top = np.clip(-body.front / max(0.6, 0.5 * vessel.base_mm), 0, 1)
    lift = lift - 0.9 * (1 - top) ** 2
    rod = tube_of(vessel, vessel.index)
    seen, _ = shown(body, rod, backdrop, distance_mm, np.asarray(lift, np.float32), body.y)
    return np.asarray(0.96 * seen, np.float32)


def part_below(front_mm: Floats, back_mm: Floats, px_per_mm: float) -> Floats:
    """Of each ray's way through the bore the share below a level. Arguments: how far below it the ray is at the
    front and at the back wall. Edges are a pixel wide."""
    near, far = front_mm * px_per_mm, back_mm * px_per_mm
    return np.asarray(np.clip((np.maximum(near, far) + 0.5) / (np.abs(near - far) + 1), 0, 1), np.float32)


def rows_of(mask: npt.NDArray[np.bool_]) -> slice | None:
    """The rows in which anything is true."""
    at = np.flatnonzero(mask.any(axis=1))
    return slice(int(at[0]), int(at[-1]) + 1) if len(at) else None
