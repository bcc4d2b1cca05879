"""How far a run is, and what it cost."""
