"""What a configuration asks for, and where its results stand."""
