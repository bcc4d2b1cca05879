"""What each job asks of a cluster: memory and time."""
