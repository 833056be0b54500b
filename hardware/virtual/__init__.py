"""The virtual bench: one world of physics, and instruments that speak the real bytes about it."""
