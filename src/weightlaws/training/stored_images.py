"""Images as they are stored: bytes, or single precision that is scaled already."""

import numpy as np

from weightlaws.arrays import Images
from weightlaws.storage.hdf5 import Reader


def read_images(reader: Reader, split: str) -> Images:
    """Read one split's images (image, channel, height, width) of a stored data set.

    Raises
    ------
    StorageError
        If they are neither uint8 nor finite float32.
    """
    name = f"{split}_images"
    dtype = np.float32 if reader.is_of(name, np.float32) else np.uint8
    images: Images = reader.read(name, dtype, (None, None, None, None))
    return images
