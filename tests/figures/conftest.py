import numpy as np
import pandas as pd
import pytest
from support.figures import EPOCHS, HIGHER, LAYERS, cross, select
from support.recipe import RECIPE


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def conditions():
    table = cross(initialisation=["gaussian", "uniform"], weight_decay=[0.0, 0.01])
    names = [f"digits-10x10-{kind}-decay{decay:g}" for kind, decay in table.itertuples(index=False)]
    return table.assign(
        condition=names,
        dataset="digits",
        hidden="10x10",
        members=20,
        output_scale=np.nan,
        **RECIPE,
    )


@pytest.fixture
def scaled(conditions):
    """Conditions that differ in their output scale alone, beside the plain ones."""
    plain = select(conditions, weight_decay=0.0)
    return pd.concat(
        [
            plain.assign(output_scale=scale, condition=plain["condition"] + end)
            for scale, end in ((np.nan, ""), (0.5, "-alpha0.5"), (4.0, "-alpha4"))
        ],
        ignore_index=True,
    )


@pytest.fixture
def invariants(conditions, rng):
    table = cross(
        condition=list(conditions["condition"]),
        layer=LAYERS,
        epoch=EPOCHS,
        published=[*(f"I{k}" for k in range(1, 53)), None],
    )
    fitted = ~table["published"].isin([*HIGHER, None])
    value = 10 ** rng.uniform(-3, 3, len(table))
    return table.assign(
        size=10,
        deviation_start=np.where(fitted, value, np.nan),
        deviation_sd=np.where(fitted, np.nan, value),
        deviation_sd_standard_error=np.where(fitted, np.nan, 0.1 * value),
        deviation_z=np.where(fitted, np.nan, value),
    )


@pytest.fixture
def parameters(conditions, rng):
    names = [f"f{k}" for k in range(1, 14)]
    table = cross(
        condition=[conditions["condition"][0]], layer=LAYERS, epoch=EPOCHS, parameter=names
    )
    value = rng.normal(size=len(table))
    return table.assign(size=10, value=value, low=value - 0.5, high=value + 1)


@pytest.fixture
def distances(conditions, rng):
    names = list(conditions["condition"])
    start = cross(reference=["initial law", "start"], condition=names, layer=LAYERS, epoch=EPOCHS)
    between = cross(reference=names, condition=names, layer=LAYERS, epoch=[50])
    between = between[between["reference"] < between["condition"]]  # each pair once
    table = pd.concat([start, between], ignore_index=True)
    w2, floor = rng.uniform(0.1, 3, len(table)), rng.uniform(0.1, 0.2, len(table))
    return table.assign(
        size=10,
        w2=w2,
        w2_floor_95=1.3 * floor,
        w2_squared_corrected=w2**2 - floor**2,
        w2_squared_low=(w2**2 - 3 * floor**2).clip(0),
        w2_squared_high=w2**2 + floor**2,
    )


@pytest.fixture
def learning_curves(conditions, rng):
    table = cross(condition=list(conditions["condition"]), epoch=range(51))
    parts = np.sort(rng.uniform(0, 1, (len(table), 4)), axis=1)
    names = [f"accuracy_{part}" for part in ("min", "q05", "median", "q95")]
    return table.assign(**dict(zip(names, parts.T, strict=True)))
