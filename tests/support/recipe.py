"""How the published networks are trained, as the table of conditions says it."""

#: What conditions have in common that differ in nothing but initialisation, decay and scale.
RECIPE = {
    "inputs": 784,
    "outputs": 10,
    "optimiser": "adam",
    "activation": "relu",
    "learning_rate": 0.001,
    "batch_size": 100,
    "biases": False,
    "label_noise": 0.0,
}
