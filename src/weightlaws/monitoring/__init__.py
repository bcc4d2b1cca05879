"""The progress of a run, and its cost."""
