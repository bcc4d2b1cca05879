"""What networks are drawn from, and what of them is drawn: names in tables and figures."""

#: Names beside those of `laws.names`: what is measured, the joint law, and two controls.
TRAINED, JOINT, OTHERS, PERMUTED = "trained", "joint", "other members", "permuted"

#: What is drawn, where it is no layer: nothing, or all layers.
NOTHING, ALL_LAYERS = "nothing", "all"
