"""Files of safetensors: a header of names, types and shapes, then the numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from safetensors import SafetensorError, safe_open

from weightlaws.errors import WeightLawsError
from weightlaws.external.formats import messages
from weightlaws.external.parameters import Parameter

_DTYPES = {
    "BOOL": "bool",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "C64": "complex64",
    **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
    **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
}


@contextmanager
def opened(path: Path, headers_only: bool) -> Iterator[list[Parameter]]:
    """Open a file of safetensors.

    Parameters
    ----------
    headers_only
        Whether the numbers are not asked for; then torch is not imported.

    Raises
    ------
    WeightLawsError
        If the file is damaged.
    """
    try:
        # To read bfloat16 takes torch, to read headers does not.
        handle = safe_open(path, framework="numpy" if headers_only else "pt")
    except (OSError, SafetensorError) as error:
        raise WeightLawsError(
            f"{path}: file",
            f"what safetensors cannot read ({messages.short(error)})",
            "weights",
            messages.WHOLE_FILE,
        ) from error
    with handle as file:
        parameters = []
        for name in file.offset_keys():
            header = file.get_slice(name)
            dtype = header.get_dtype()
            parameters.append(
                Parameter(
                    name,
                    tuple(header.get_shape()),
                    _DTYPES.get(dtype, dtype),
                    partial(file.get_tensor, name),
                )
            )
        yield parameters
