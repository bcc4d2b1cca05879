"""What is said of a file that cannot be used."""

from pathlib import Path

from weightlaws.errors import WeightLawsError

SAVE_STATE_DICT = (
    "save the network's weights with torch.save(model.state_dict(), path) or safetensors"
)
WHOLE_FILE = "fetch or save the file again"
OPTIMISER = "an optimiser's state"


def short(error: object) -> str:
    """Return a message in one line of at most 200 characters."""
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"{text[:200]}..."


def damaged(place: object, error: BaseException) -> WeightLawsError:
    """Return what is said of data that cannot be read, whatever reading them failed with."""
    said = short(error)
    found = f"damaged data ({type(error).__name__}{f': {said}' if said else ''})"
    return WeightLawsError(place, found, "weights", WHOLE_FILE)


def compressed(path: Path) -> WeightLawsError:
    """Return what is said of a compressed archive: a short one can be a flood."""
    return WeightLawsError(
        f"{path}: file",
        "a compressed archive",
        "one as the library that saves networks writes it, which is never compressed",
        "save the network again, or pack the archive without compression",
    )


def check_layer(source: object, layer: str) -> None:
    """Refuse a layer by whose name nothing can be stored or shown.

    Raises
    ------
    WeightLawsError
        If it is not printable, or empty, or a dot, as the whole or between slashes.
    """
    if not layer.isprintable() or {"", "."} & {*layer.split("/")}:
        found, expected = ascii(layer), "a printable name, without empty parts between slashes"
        raise WeightLawsError(f"{source}: name of a layer", found, expected, "rename the layer")
