"""The plan of a run: stages, specs that make jobs run again, memory, time and disk space."""
