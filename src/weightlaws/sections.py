"""The sections of a study's configuration: their keys, and what each may hold."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from weightlaws.networks import layer_shapes, square_layers

Width = Annotated[int, Field(ge=1, le=65_536)]
Epoch = Annotated[int, Field(ge=0)]
Snapshots = Literal["auto", "all"] | Annotated[int, Field(ge=1)] | list[Epoch]


class Section(BaseModel):
    """A part of a configuration; keys that it does not know are refused."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Sweep(Section):
    """A grid of conditions over one data set: hidden widths x initialisations x weight decays."""

    dataset: Literal["digits", "mnist", "fashion-mnist", "cifar10"]
    """Images to learn; all but `digits` come through torchvision from the folder `data`."""
    hidden: Annotated[list[Annotated[list[Width], Field(min_length=1)]], Field(min_length=1)]
    """Widths of the hidden layers of each network, such as [[10, 10, 10]]."""
    initialisations: Annotated[list[Literal["gaussian", "uniform"]], Field(min_length=1)]
    """Initial laws: N(0, 1/fan_in) or U(-1/sqrt(fan_in), 1/sqrt(fan_in))."""
    weight_decays: Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=1)]
    """Strengths of the L2 penalty that Adam adds to the gradient."""
    snapshots: Snapshots | None = None
    """Epochs whose square matrices are kept in these conditions; the study's if not given."""

    @field_validator("hidden")
    @classmethod
    def _layers_can_be_modelled(cls, hidden: list[list[int]]) -> list[list[int]]:
        for widths in hidden:
            squares = square_layers(layer_shapes(1, widths, 10))
            small = [name for name, (size, _) in squares.items() if size <= 3]
            if small:
                raise ValueError(
                    f"{widths} makes {' and '.join(small)} {squares[small[0]][0]} wide, but the "
                    "13-parameter model needs square weight matrices wider than 3"
                )
            if not squares:
                raise ValueError(
                    f"{widths} has no square weight matrix after the input, so nothing to model; "
                    "give two neighbouring hidden layers one width, or the last one the width 10"
                )
        return hidden


class Statistics(Section):
    """How many simulations and resamplings stand behind the error bars and tests, and where."""

    headline_epochs: list[Epoch]
    """Epochs whose laws are tested; those after the last epoch are passed over, the last is always
    one."""
    false_discovery_rate: Annotated[float, Field(gt=0, lt=1)]
    """Expected share of false ones among the invariants that are called deviating."""
    bootstrap_replicates: Annotated[int, Field(ge=50, le=100_000)]
    """Resamplings of the members behind each standard error."""
    simulated_matrices: Annotated[int, Field(ge=100, le=10_000_000)]
    """Matrices drawn from a fitted law, of which ensembles are made to test it."""
    simulated_ensembles: Annotated[int, Field(ge=100, le=10_000_000)]
    """Ensembles made of them; no p-value is below 2 over this number."""
    randomisations: Annotated[int, Field(ge=99, le=1_000_000)]
    """Randomised ensembles behind each test of a symmetry."""
    folds: Annotated[int, Field(ge=2, le=1000)]
    """Parts of an ensemble that are held out in turn to compare laws."""
    noise_floor_draws: Annotated[int, Field(ge=20, le=1_000_000)]
    """Simulated ensembles behind the noise floor of each distance."""


class Figures(Section):
    """How the figures look."""

    panel_width: Annotated[float, Field(gt=0, le=20)]
    """Width of one panel in inches."""
    font_scale: Annotated[float, Field(gt=0, le=5)]
    """Size of all text relative to the default."""
