"""The sections of a study's configuration: their keys and the values that keys take."""

import json
from collections.abc import Iterator
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, ValidationInfo, field_validator, model_validator

from weightlaws.study.data_sets import DATA_SET, DataSet
from weightlaws.study.messages import shown
from weightlaws.study.section import Section
from weightlaws.training.engine import Activation, Optimiser
from weightlaws.training.networks import layer_shapes, square_layers
from weightlaws.training.plugins import names

MOST_EPOCHS = 100_000
Width = Annotated[int, Field(ge=1, le=65_536)]
Widths = Annotated[list[Width], Field(min_length=1, max_length=100)]
Epoch = Annotated[int, Field(ge=0, le=MOST_EPOCHS)]
Epochs = Annotated[list[Epoch], Field(max_length=10_000)]
Snapshots = Literal["auto", "all"] | Annotated[int, Field(ge=1, le=MOST_EPOCHS)] | Epochs
Analysis = Literal["models", "spectra"]
if TYPE_CHECKING:
    Initialisation: TypeAlias = str
else:  # a file more is a choice more
    Initialisation = Literal[names("initial_laws")]
WeightDecay = Annotated[float, Field(ge=0, le=1000)]
# Beyond these bounds float32 has no digits left for the changes of training.
OutputScale = Annotated[float, Field(ge=1e-6, le=1e6)] | None

Classes = Annotated[int, Field(ge=2, le=1000)] | None
LearningRate = Annotated[float, Field(gt=0, le=1000)]
BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]
LabelNoise = Annotated[float, Field(ge=0, le=1)]
Vary = Literal["grid", "together"]

#: The lists of a sweep that conditions are made of, with the attribute of a condition for each.
AXES = {
    "hidden": "hidden",
    "initialisations": "initialisation",
    "weight_decays": "weight_decay",
    "output_scales": "output_scale",
    "classes": "classes",
    "optimisers": "optimiser",
    "activations": "activation",
    "learning_rates": "learning_rate",
    "batch_sizes": "batch_size",
    "biases": "biases",
    "label_noise": "label_noise",
}


class Sweep(Section):
    """Conditions over one data set: what its lists make together, crossed or side by side."""

    dataset: Annotated[DataSet, DATA_SET]
    """Images to learn: a name, of which all but `digits` come through torchvision from the folder
    `data`; or a mapping with a name, for a file of your own, a teacher, or some of the classes."""
    analyses: Annotated[
        list[Analysis], Field(min_length=1, max_length=2, json_schema_extra={"uniqueItems": True})
    ] = ["models", "spectra"]
    """Analyses of these conditions' weights: models evaluates invariants, and fits and tests laws;
    spectra analyses singular values and vectors, and needs no square matrices."""
    vary: Vary = "grid"
    """How lists make conditions: grid takes all combinations of their entries; together takes the
    first entries of all lists, then the second ones, and so on, and a list of one entry always."""
    classes: Annotated[list[Classes], Field(min_length=1, max_length=1000)] = [None]
    """Numbers of classes to learn: 2 takes the images of the data set's first two, and networks
    with two outputs. null takes all."""
    hidden: Annotated[list[Widths], Field(min_length=1, max_length=1000)]
    """Widths of the hidden layers of each network, such as [[10, 10, 10]]."""
    initialisations: Annotated[list[Initialisation], Field(min_length=1, max_length=1000)]
    """Initial laws: gaussian N(0, 1/fan_in) and uniform U(-1/sqrt(fan_in), 1/sqrt(fan_in)) as
    published, kaiming N(0, 2/fan_in), xavier U(-a, a) with a^2 = 6/(fan_in + fan_out), or
    orthogonal rows or columns."""
    weight_decays: Annotated[list[WeightDecay], Field(min_length=1, max_length=1000)]
    """Strengths of the L2 penalty that is added to the gradient; adamw takes the decay off weights
    instead."""
    output_scales: Annotated[list[OutputScale], Field(min_length=1, max_length=1000)] = [None]
    """Factors alpha of lazy training: logits are alpha times the change of the network's output
    since the start, and the learning rate is divided by alpha, with sgd by its square. null is the
    network itself."""
    optimisers: Annotated[list[Optimiser], Field(min_length=1, max_length=1000)] = ["adam"]
    """Optimisers: adam as published, sgd with momentum 0.9, or adamw with decoupled decay."""
    activations: Annotated[list[Activation], Field(min_length=1, max_length=1000)] = ["relu"]
    """Activations of hidden neurons: relu as published, tanh, or gelu."""
    learning_rates: Annotated[list[LearningRate | None], Field(min_length=1, max_length=1000)] = [
        None
    ]
    """Step sizes of the optimiser; null is the study's learning_rate."""
    batch_sizes: Annotated[list[BatchSize | None], Field(min_length=1, max_length=1000)] = [None]
    """Images in one step of the optimiser; null is the study's batch_size."""
    biases: Annotated[list[bool], Field(min_length=1, max_length=1000)] = [False]
    """Whether neurons have biases, which start at 0; false as published."""
    label_noise: Annotated[list[LabelNoise], Field(min_length=1, max_length=1000)] = [0.0]
    """Shares of the training images whose labels are shuffled among themselves, which can be
    memorised and not learned. The test labels stay."""
    snapshots: Snapshots | None = None
    """Epochs whose square matrices are kept in these conditions; the study's if not given."""
    members: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Networks of each of these conditions; the study's if not given. One is enough for spectra."""

    @field_validator("analyses")
    @classmethod
    def _analyses_differ(cls, analyses: list[Analysis]) -> list[Analysis]:
        if len(set(analyses)) < len(analyses):
            raise ValueError(f"found {json.dumps(analyses)}, expected each at most once")
        return analyses

    @field_validator("classes")
    @classmethod
    def _classes_are_some(cls, classes: list[Classes], info: ValidationInfo) -> list[Classes]:
        if "dataset" not in info.data:  # wrong itself
            return classes
        data = info.data["dataset"]
        name, whole = data.stored_name, data.info.classes
        if data.classes is not None and classes != [None]:
            raise ValueError(
                f"found {shown(classes)} beside the classes {shown(data.classes)} of the data set, "
                "expected one of them; leave one out"
            )
        if too_many := [n for n in classes if n is not None and n >= whole]:
            raise ValueError(
                f"found {too_many[0]}, expected less than {whole}, as many as {name} has; write "
                "null for all of them"
            )
        return classes

    @field_validator("hidden")
    @classmethod
    def _layers_can_be_modelled(
        cls, hidden: list[list[int]], info: ValidationInfo
    ) -> list[list[int]]:
        # Of the keys above this one; not there if they are wrong themselves.
        if "models" not in info.data.get("analyses", []):
            return hidden
        if "dataset" not in info.data:
            return hidden
        whole = info.data["dataset"].info.classes
        counts = [whole if n is None else n for n in info.data.get("classes", [])]
        for widths, outputs in _combined(info.data.get("vary"), hidden, counts):
            squares = square_layers(layer_shapes(1, widths, outputs))
            small = [name for name, (size, _) in squares.items() if size <= 3]
            if small:
                raise ValueError(
                    f"found {widths}, which makes {' and '.join(small)} {squares[small[0]][0]} "
                    "wide, expected square weight matrices wider than 3, as the 13-parameter model "
                    "needs them; widen it, or leave models out of the sweep's analyses"
                )
            if not squares:
                raise ValueError(
                    f"found {widths}, which has no square weight matrix after the input, expected "
                    "one to model; give two neighbouring hidden layers one width, or the last one "
                    f"the width {outputs}, or leave models out of the sweep's analyses"
                )
        return hidden

    @field_validator("output_scales")
    @classmethod
    def _scaled_outputs_have_no_decay(
        cls, scales: list[OutputScale], info: ValidationInfo
    ) -> list[OutputScale]:
        decays = info.data.get("weight_decays", [])
        for scale, decay in _combined(info.data.get("vary"), scales, decays):
            if scale is not None and decay != 0:
                raise ValueError(
                    f"found {scale:g} in a sweep with the weight decay {decay:g}, expected "
                    "null alone or the weight decay 0 alone, as a penalty would pull the weights "
                    "away from the start that outputs are centred at; give each a sweep of its own"
                )
        return scales

    @model_validator(mode="after")
    def _lists_are_as_long(self) -> Self:
        lengths = {key: len(getattr(self, key)) for key in AXES}
        several = {key: n for key, n in lengths.items() if n > 1}
        if self.vary == "together" and len({*several.values()}) > 1:
            found = ", ".join(f"{n} {key}" for key, n in several.items())
            raise ValueError(
                f"found {found} with vary: together, expected one entry, or as many in each list "
                "as in the others; give them as many, or write vary: grid for all combinations"
            )
        return self

    @property
    def n_combinations(self) -> int:
        """Number of conditions, if no two of them are the same."""
        lengths = [len(getattr(self, key)) for key in AXES]
        return prod(lengths) if self.vary == "grid" else max(lengths)

    def combinations(self) -> Iterator[dict[str, Any]]:
        """Yield what the lists say of each condition, by attributes of conditions."""
        for values in _combined(self.vary, *(getattr(self, key) for key in AXES)):
            yield dict(zip(AXES.values(), values, strict=True))


def _combined(vary: Vary | None, *lists: list[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield combinations of the entries of lists; of lists of unequal lengths side by side few."""
    if vary != "together":
        return product(*lists)
    n = max(map(len, lists))
    return zip(*(each * n if len(each) == 1 else each for each in lists), strict=False)


class Statistics(Section):
    """How many simulations and resamplings stand behind the error bars and tests, and where."""

    headline_epochs: Annotated[list[Epoch], Field(max_length=1000)]
    """Epochs whose laws are tested. The last epoch is always one, and later ones are passed
    over."""
    significance_level: Annotated[float, Field(ge=1e-6, lt=1)]
    """Chance of any false finding among the tests of one layer and law."""
    bootstrap_replicates: Annotated[int, Field(ge=50, le=100_000)]
    """Resamplings of the members behind each standard error but those of distances."""
    simulated_matrices: Annotated[int, Field(ge=100, le=10_000_000)]
    """Matrices drawn from a fitted law, of those below 20 x 20 up to four times as many; simulated
    ensembles are drawn from them."""
    simulated_ensembles: Annotated[int, Field(ge=100, le=10_000_000)]
    """Simulated ensembles behind each test of a law; no p-value is below 1 over this number."""
    omnibus_ensembles: Annotated[int, Field(ge=19, le=1_000_000)]
    """Simulated ensembles behind each omnibus test of a law, at most; simulation stops early where
    p is large."""
    randomisations: Annotated[int, Field(ge=99, le=1_000_000)]
    """Randomised ensembles behind each test of a symmetry, at most: fewer are drawn where p is
    large. As many stand behind tests of whole networks and of learning rates."""
    folds: Annotated[int, Field(ge=2, le=1000)]
    """Parts of an ensemble that are held out in turn to compare laws."""
    fold_orders: Annotated[int, Field(ge=1, le=1000)]
    """Random orders in which members are divided into folds at the headline epochs; their gains are
    averaged. At other epochs there is one."""
    noise_floor_draws: Annotated[int, Field(ge=20, le=1_000_000)]
    """Ensembles behind the noise floor of each distance, simulated or with members swapped."""
    interacting: bool
    """Whether to fit laws beyond one Gaussian matrix: the interacting law of each layer, with its
    couplings, and the law of all layers of a network together; and to measure the accuracy of
    networks that are drawn from laws."""


class Spectra(Section):
    """How singular values and vectors are compared with those of random matrices."""

    null_matrices: Annotated[int, Field(ge=50, le=1_000_000)]
    """Random matrices simulated for each shape of a layer; no p-value of a single matrix is below
    1 over this number."""
    permutations: Annotated[int, Field(ge=9, le=10_000)]
    """Times that a matrix's entries are permuted, to compare it with its own entries."""
    sign_flips: Annotated[int, Field(ge=19, le=10_000)]
    """Copies of a matrix with the sign of every entry flipped at random, which keep its scales and
    nothing else. Each component of the learned rank must exceed all of them: a level of 1 over
    1 + this number, 0.025 with 39. Vectors are compared with 19 of them, a level of 0.05."""
    goodness_of_fit_replicates: Annotated[int, Field(ge=0, le=100)]
    """Samples behind the goodness of fit of a power law to each tail; 0 leaves it out, as it is
    slow."""


class Figures(Section):
    """How the figures look."""

    column_width: Annotated[float, Field(ge=0.5, le=20)]
    """Width of a journal's column in inches; a figure is as wide as one, or as two."""
    font_scale: Annotated[float, Field(ge=0.1, le=5)]
    """Size of all text relative to the default."""
