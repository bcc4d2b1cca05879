"""Studies: configurations, their conditions, and the places of their results."""
