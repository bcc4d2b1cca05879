"""What an ensemble says about laws: fits, tests, comparisons, findings."""
