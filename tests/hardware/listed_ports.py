"""Ports as `list_ports.comports` tells them."""

from types import SimpleNamespace


def listed(device: str, serial_number=None, manufacturer=None, product=None, description="n/a") -> SimpleNamespace:
    return SimpleNamespace(
        device=device,
        serial_number=serial_number,
        manufacturer=manufacturer,
        product=product,
        description=description,
    )
