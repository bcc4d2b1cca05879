"""Probability laws of matrices: fit, predict, sample, likelihood, distance."""
