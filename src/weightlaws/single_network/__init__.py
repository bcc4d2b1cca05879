"""One trained network, layer by layer: a table, figures and a page."""
