"""What networks are drawn from, and what of them is drawn: names in tables and figures."""

#: Names beside those of `laws.names`: what is measured, the joint law, and two controls.
TRAINED, JOINT, OTHERS, PERMUTED = "trained", "joint", "other members", "permuted"

#: What is drawn: nothing, or all layers; else a layer's name, or of `PERMUTED` a hidden layer's.
NOTHING, ALL = "nothing", "all"
