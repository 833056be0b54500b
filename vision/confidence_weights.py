"""Weights of `vision.confidence`. Made by tests/vision/fit_column.py: see there."""

CONFIDENCE: dict[str, float] = {
    "bias": -0.5016,
    "surface": 0.1729,
    "boundary": 0.138,
    "kinds": 0.2522,
    "weakest": 0.6477,
    "doubt": -0.09934,
    "empty": -0.2799,
    "uneven": -0.5887,
}
