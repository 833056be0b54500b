"""What is true of a picture: rows, states, volume and colours, from the specimen and the camera alone."""

import math

import numpy as np

from hardware.virtual.optics.contents import rough_top
from hardware.virtual.optics.medium import BAND, true_lab
from hardware.virtual.optics.sight import front_pixel, pixel
from hardware.virtual.optics.specimen import Box, Lens, Phase, PhaseTruth, Setting, Specimen, State, Truth


def box_of(specimen: Specimen, lens: Lens) -> Box:
    """Outer glass and cap in the picture."""
    vessel = specimen.vessel
    radius, lean = vessel.outer_mm / 2, math.radians(specimen.lean_deg)
    top = vessel.height_mm + (specimen.cap.above_mm if specimen.cap else 0.0)
    near, far = 1 - radius / lens.distance_mm, 1 + radius / lens.distance_mm
    eye = lens.height_mm
    ends = (eye + (-vessel.base_mm - eye) / near, eye + (top - eye) / (far if top < eye else near))
    corners = []
    for v in ends:
        wide = (
            radius
            if v < vessel.shoulder_mm
            else radius * max(vessel.neck, specimen.cap.wide if specimen.cap else 0.0)
        )
        for u in (-wide, wide):
            corners.append(
                pixel(lens, u * math.cos(lean) + v * math.sin(lean), v * math.cos(lean) - u * math.sin(lean))
            )
    middle = vessel.shoulder_mm
    for u in (-radius, radius):
        corners.append(pixel(lens, u + middle * math.sin(lean), middle * math.cos(lean)))
    at = np.array(corners)
    return (
        float(at[:, 0].min()),
        float(at[[2, 3], 1].mean()),
        float(at[:, 0].max()),
        float(at[[0, 1], 1].mean()),
    )


def state_of(specimen: Specimen) -> State:
    if not specimen.present:
        return "no_vial"
    kinds = [phase.solid for phase in specimen.phases]
    if not kinds:
        return "empty"
    if all(kinds):
        return "solid"
    if any(kinds):
        return "liquid+solid"
    return "liquid" if len(kinds) == 1 else "two_phase"


def top_of(phase: Phase, height_mm: float, specimen: Specimen, seed: int) -> float:
    """Height of a phase's top on the axis: a rough one's is its mean over the central columns."""
    if not phase.solid:
        return height_mm
    share = np.linspace(-BAND, BAND, 25, dtype=np.float32)
    return height_mm + float(rough_top(phase, share, specimen.vessel.bore_mm / 2, seed).mean())


def truth_of(
    specimen: Specimen, setting: Setting, white_px: Box | None, tags: tuple[str, ...] = (), hidden: str = ""
) -> Truth:
    """white_px: a patch of bare panel in the picture, if there is one."""
    lens, vessel = setting.lens, specimen.vessel
    phases = specimen.phases if specimen.present else ()

    def row(height_mm: float) -> float:
        return front_pixel(lens, vessel, height_mm, specimen.lean_deg)[1]

    seen: list[PhaseTruth] = []
    bottom = 0.0
    for i, phase in enumerate(phases):
        nominal = sum(p.height_mm for p in phases[: i + 1])
        seed = specimen.seed + (0 if i == len(phases) - 1 else i)
        top = top_of(phase, nominal, specimen, seed)
        lab = true_lab(phase, vessel, setting.backdrop)
        seen.append(PhaseTruth(row(top), row(bottom), lab, phase.scatter_per_mm, phase.solid))
        bottom = top
    seen.reverse()
    liquid = bool(phases) and not phases[-1].solid
    surface = seen[0].top_row if liquid else None
    band = None
    if liquid:
        reach = max(specimen.meniscus_mm, specimen.vortex_mm)
        band = (row(specimen.liquid_mm + specimen.foam_mm), row(specimen.liquid_mm - reach))
    volume = sum(p.height_mm for p in phases) - specimen.vortex_mm / 2 * liquid
    return Truth(
        state=state_of(specimen),
        box_px=box_of(specimen, lens),
        base_row=row(0.0),
        surface_row=surface,
        band_rows=band,
        boundary_rows=tuple(phase.top_row for phase in seen[1 if liquid else 0 :]),
        phases=tuple(seen),
        volume_ul=max(0.0, volume) * vessel.ul_per_mm,
        px_per_mm=lens.px_per_mm / (1 - vessel.bore_mm / 2 / lens.distance_mm),
        bore_mm=vessel.bore_mm,
        capacity_ul=vessel.capacity_ul,
        white_px=white_px,
        cap=specimen.present and specimen.cap is not None,
        turbid=any(p.scatter_per_mm > 0.01 for p in phases if not p.solid),
        tags=tags,
        hidden=hidden,
    )
