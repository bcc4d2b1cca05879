"""Singular values and vectors of one matrix, and what random matrices do."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
