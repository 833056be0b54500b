"""Several objectives at once: what is wanted of each, what was measured, and which points are worth trying."""
