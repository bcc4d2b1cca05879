"""Stub."""

from types import SimpleNamespace


def _r(*_args):
    return SimpleNamespace(mem_mb=500, minutes=1)


training = invariants = model = significance = comparison = symmetry = null = spectra_shard = (
    spectra
) = _r
members_tables = distance = imported = _r
