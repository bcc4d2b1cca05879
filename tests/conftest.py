import os
from pathlib import Path

import pytest
from hypothesis import settings

from weightlaws.datasets import load_dataset

# Machines are noisy, and a check that passed once must pass again.
settings.register_profile("weightlaws", deadline=None, derandomize=True)
settings.load_profile("weightlaws")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def digits():
    """Both splits of the embedded digits."""
    return load_dataset("digits", Path("unused"))


@pytest.fixture(scope="session")
def mnist():
    """Both splits of the whole of MNIST, from the folder that WEIGHTLAWS_DATA names."""
    folder = Path(os.environ.get("WEIGHTLAWS_DATA", ROOT / "data"))
    if not (folder / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file():
        pytest.skip(f"no MNIST in {folder}; name the folder that has it in WEIGHTLAWS_DATA")
    return load_dataset("mnist", folder)
