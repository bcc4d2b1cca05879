"""The laws that are compared: their names, their words and their order."""

INDEPENDENT = "i.i.d."
BIPARTITE = "bipartite"
DIAGONAL = "diagonal S_D"
ONE_SIDED = "one-sided"
INTERACTING = "interacting"
CHOSEN = "interacting, chosen couplings"
NORMALISABLE = "interacting, normalisable"

#: Each law in words, for pages and figures, simpler laws first.
LAWS: dict[str, str] = {
    INDEPENDENT: "all entries independent and alike, 2 parameters",
    BIPARTITE: "unchanged if rows and columns are permuted independently, 5 parameters",
    DIAGONAL: "unchanged if rows and columns are permuted together, 13 parameters",
    ONE_SIDED: "one side keeps its labels, the classes or the pixels",
}

#: The law that each law is nested above: the special case to which it adds parameters.
NESTED: dict[str, str] = {
    BIPARTITE: INDEPENDENT,
    DIAGONAL: BIPARTITE,
    ONE_SIDED: BIPARTITE,
}
