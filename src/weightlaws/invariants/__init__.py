"""Graphs, and the polynomials that they name, evaluated."""
