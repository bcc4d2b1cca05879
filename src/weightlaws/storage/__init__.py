"""Arrays on disk: the HDF5 contract, shards, and files on disks that may be full."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
