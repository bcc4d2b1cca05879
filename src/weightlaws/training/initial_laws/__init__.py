"""Initial laws, one a file; see `initial_law.InitialLaw`."""
