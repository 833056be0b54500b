"""The eye: what is in a vial, how sure we are, and why not when we are not."""
