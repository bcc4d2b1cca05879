"""Data sets, one a file; see `dataset.DatasetInfo`."""
