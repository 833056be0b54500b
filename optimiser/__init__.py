"""The mind: which experiment to make next, and why."""
