"""Names of what fixes how networks are trained: keys of specs, and columns of tables."""

#: Keys of the spec of a training job; the fields of `engine.Recipe`.
RECIPE = (
    "weight_decay",
    "output_scale",
    "optimiser",
    "activation",
    "learning_rate",
    "batch_size",
    "biases",
)
#: Columns of the table of conditions: the recipe, and the share of shuffled labels.
TRAINED_BY = (*RECIPE, "label_noise")
