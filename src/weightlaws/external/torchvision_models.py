"""Trained networks of torchvision, by name."""

import difflib
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from weightlaws.errors import WeightLawsError
from weightlaws.external import modules
from weightlaws.external.formats.messages import short
from weightlaws.external.parameters import Parameter
from weightlaws.training.torchvision import import_torchvision

if TYPE_CHECKING:
    import torch

PREFIX = "torchvision:"

# What builders of torchvision need to make, without weights, the model that they make with them.
_AS_LOADED: dict[str, dict[str, bool]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"init_weights": False},
}


def parameters(source: str, *, headers_only: bool) -> list[Parameter]:
    """Return what a model of torchvision has, told apart by the types of its modules."""
    name = source.removeprefix(PREFIX)
    models: ModuleType = import_torchvision().models
    # Those that are quantised have no floating-point weights.
    known = [model for model in models.list_models() if not model.startswith("quantized_")]
    if name not in known:
        close = ", ".join(difflib.get_close_matches(name, known)) or f"{', '.join(known[:3])}, ..."
        raise WeightLawsError(
            f"{source}: model",
            f"'{name}'",
            f"a floating-point model of torchvision's, such as {close}",
            "torchvision.models.list_models() lists them",
        )
    model = _empty_model(models, name) if headers_only else _loaded_model(models, source, name)
    return modules.parameters(model, headers_only=headers_only)


def _loaded_model(models: ModuleType, source: str, name: str) -> "torch.nn.Module":
    """Load a model with its default weights, from torch's folder or through the network."""
    import torch

    weights = models.get_model_weights(name).DEFAULT
    try:
        # torchvision's builders unpickle without limits. What loads as weights only has no code to
        # be run.
        weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        model: torch.nn.Module = models.get_model(name, weights=weights, progress=False)
    except Exception as error:  # of the network, the disk, or a damaged file: anything
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        raise WeightLawsError(
            f"{source}: folder {folder}",
            f"no {Path(weights.url).name} that can be loaded, nor could it be downloaded "
            f"({type(error).__name__}: {short(error)})",
            f"the file of {weights.url}",
            "connect to the network, or put the file there (delete it first if it is damaged), or "
            "set TORCH_HOME to a folder whose hub/checkpoints has it",
        ) from error
    return model


def _empty_model(models: ModuleType, name: str) -> "torch.nn.Module":
    """Build a model as it is with its default weights, but without any numbers."""
    accepted = inspect.signature(models.get_model_builder(name)).parameters
    options: dict[str, Any] = {**_AS_LOADED.get(name, {})}
    if "weights_backbone" in accepted:
        options["weights_backbone"] = None  # or it would be downloaded
    if "aux_loss" in accepted:
        options["aux_loss"] = True
    with _without_numbers():
        model: torch.nn.Module = models.get_model(name, weights=None, **options)
    return model


@contextmanager
def _without_numbers() -> Iterator[None]:
    """Let parameters and buffers of modules that are made meanwhile have a shape and no numbers.

    The meta device for all tensors would not do: some builders compute widths with tensors.
    """
    from torch import Tensor, nn

    def emptied(_: nn.Module, __: str, value: Tensor | None) -> Tensor | None:
        if value is None:
            return None
        empty = value.detach().to("meta")
        return (
            nn.Parameter(empty, value.requires_grad) if isinstance(value, nn.Parameter) else empty
        )

    # What a hook returns takes the value's place, though torch's annotations say it returns None.
    hook: Callable[..., Any] = emptied
    handles = (
        nn.modules.module.register_module_parameter_registration_hook(hook),
        nn.modules.module.register_module_buffer_registration_hook(hook),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
