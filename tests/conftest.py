from pathlib import Path

import pytest

from weightlaws.datasets import load_dataset

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def digits():
    """Both splits of the embedded digits."""
    return load_dataset("digits", Path("unused"))
