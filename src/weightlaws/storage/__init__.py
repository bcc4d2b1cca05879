"""Arrays on disk: the HDF5 contract, shards, and files on disks that may be full."""
