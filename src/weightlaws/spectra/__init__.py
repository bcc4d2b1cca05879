"""Singular values and vectors of one matrix, and what random matrices do."""
