"""What all sections of a configuration share: how they read keys, and what a name is."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# Files and folders have names of up to 255 characters; endings and temporary names take some.
LONGEST_NAME = 200

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=LONGEST_NAME)]


class Section(BaseModel):
    """A part of a configuration; keys that it does not know are refused."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
