"""Weights of `vision.confidence`. Made by tests/vision/fit_column.py: see there."""

CONFIDENCE: dict[str, float] = {
    "bias": -0.07883,
    "surface": 0.1917,
    "boundary": 0.06054,
    "kinds": 0.1968,
    "weakest": 0.5954,
    "doubt": -0.1028,
    "empty": -0.178,
    "uneven": -0.7669,
}
