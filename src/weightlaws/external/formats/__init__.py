"""The formats of files that trained networks come in, one a module."""
