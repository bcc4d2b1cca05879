"""What makes a job run again, and what it asks of a machine."""
