"""From an ensemble to its law: fits, tests, comparisons, findings."""
