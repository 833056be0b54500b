"""The closed loop and its journal; the only room that sees rig, eye and mind together."""
