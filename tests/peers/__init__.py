"""Other people's drivers talk to the virtual bench. They live in an environment of their own: `requirements.txt`."""
