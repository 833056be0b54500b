"""Other people's drivers talk to the virtual bench, in an environment of their own: `requirements.txt`."""
