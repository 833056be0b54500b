"""Volumes and durations as a scientist writes them. Values with an uncertainty: `gui.widgets.digits`."""

from gui.widgets.digits import THIN, decimals_of, number


def plain(value: float) -> str:
    """A number by itself, three figures."""
    return number(value, decimals_of([value])) if value else "0"


def volume(volume_ul: float) -> str:
    """240 µL, 1.25 mL."""
    if abs(volume_ul) >= 1000:
        return f"{volume_ul / 1000:.2f}{THIN}mL"
    return f"{volume_ul:.0f}{THIN}µL" if abs(volume_ul) >= 10 else f"{volume_ul:.1f}{THIN}µL"


def duration(seconds: float) -> str:
    """45 s, 12 min, 1 h 52 min, 2 d 3 h."""
    if seconds < 59.5:
        return f"{max(0, round(seconds))}{THIN}s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes}{THIN}min"
    hours, minutes = divmod(minutes, 60)
    if minutes >= 30 and hours >= 48:
        hours += 1
    if hours < 48:
        return f"{hours}{THIN}h {minutes}{THIN}min" if minutes else f"{hours}{THIN}h"
    days, hours = divmod(hours, 24)
    return f"{days}{THIN}d {hours}{THIN}h" if hours else f"{days}{THIN}d"
