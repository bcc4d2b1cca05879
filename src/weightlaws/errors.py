"""The error of this library: one message says all that a reader needs."""


class WeightLawsError(RuntimeError):
    """An input, a file or a machine that cannot be used.

    Parameters
    ----------
    where
        The file, the key, or the part of them that is wrong.
    found
        The present value.
    expected
        A value that would do.
    way_out
        The next step of the reader.
    """

    def __init__(self, where: object, found: object, expected: object, way_out: str) -> None:
        super().__init__(f"{where}: found {found}, expected {expected}; {way_out}")
