"""Which layers of a network are wanted, by patterns of their names."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from weightlaws.errors import WeightLawsError


@dataclass(frozen=True)
class Selection:
    """Patterns of layers' names, as shells have them: ``*``, ``?``, ``[...]``.

    Attributes
    ----------
    include
        If there are any, only layers that one of them matches are wanted. A name without ``*``,
        ``?`` and ``[`` is taken at its word: what has it is a layer though its name sounds like an
        embedding's or a mask's.
    exclude
        Layers that one of them matches are left out.
    state_dict
        The state dict within a file that has several, as the path of keys: ``generator.ema``.
    renamed
        Patterns of wanted layers' names, or of their arrays', with the name that such a layer gets.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    state_dict: str | None = None
    renamed: tuple[tuple[str, str], ...] = ()

    def names(self, layer: str) -> bool:
        """Tell whether a layer is asked for by its very name."""
        return layer in self.include

    def reason(self, layer: str) -> str | None:
        """Tell why a layer is left out, or None if it is wanted."""
        for pattern in self.exclude:
            if fnmatchcase(layer, pattern):
                return f"excluded by the pattern {pattern!r}"
        if self.include and not any(fnmatchcase(layer, pattern) for pattern in self.include):
            return "matched by no pattern of those to include"
        return None

    def check(self, source: object, layers: Iterable[str], others: Mapping[str, str]) -> None:
        """Refuse a pattern that matches no layer; to exclude what is no layer changes nothing.

        Parameters
        ----------
        source
            The network, as a message names it.
        layers
            Names of all its layers, wanted or not.
        others
            What is no layer, with the reason.

        Raises
        ------
        WeightLawsError
            If there is such a pattern; it is told what the pattern matches among the others.
        """
        known = [*layers]
        named = {each for name in others for each in (name, name.removesuffix(".weight"))}
        for key, patterns in (("include", self.include), ("exclude", self.exclude)):
            for pattern in patterns:
                harmless = [*known, *named] if key == "exclude" else known
                if any(fnmatchcase(name, pattern) for name in harmless):
                    continue
                found = "no layer of that name"
                for name, reason in others.items():
                    if pattern in (name, name.removesuffix(".weight")):
                        found = f"no layer: {name} is {reason}"
                close = difflib.get_close_matches(pattern, known) or known[:3]
                raise WeightLawsError(
                    f"{source}: {key}: {pattern!r}",
                    found,
                    f"a pattern that matches layers, such as {', '.join(close) or 'none'}",
                    "correct or remove the pattern",
                )

    def names_of(self, source: object, layers: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """Return the names that wanted layers get, by those they have.

        Parameters
        ----------
        source
            The network, as a message names it.
        layers
            By the name of each wanted layer: the names of its arrays.

        Raises
        ------
        WeightLawsError
            If a pattern matches no layer or several, or two layers would have one name.
        """
        names = {layer: layer for layer in layers}
        given: set[str] = set()
        for pattern, name in self.renamed:
            matched = [
                layer
                for layer, arrays in layers.items()
                if any(fnmatchcase(each, pattern) for each in (layer, *arrays))
            ]
            if len(matched) != 1 or matched[0] in given:
                some = ", ".join(matched[:3])
                raise WeightLawsError(
                    f"{source}: layers: {pattern!r}",
                    f"{len(matched)} layers ({some})" if len(matched) > 1 else some or "no layer",
                    f"a pattern that matches one layer of {', '.join([*layers][:5])}, which no "
                    "other pattern matches",
                    "correct the pattern",
                )
            given.add(matched[0])
            names[matched[0]] = name
        if doubled := [name for name in names.values() if [*names.values()].count(name) > 1]:
            same = " and ".join(layer for layer, name in names.items() if name == doubled[0])
            raise WeightLawsError(
                f"{source}: layers",
                f"{doubled[0]} for {same}",
                "a name for each layer",
                "give them names that differ",
            )
        return names
