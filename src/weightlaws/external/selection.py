"""Which layers of a network are wanted, by patterns of their names."""

import difflib
from collections.abc import Iterable, Mapping
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
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    state_dict: str | None = None

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
        """Refuse a pattern that matches nothing.

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
        for key, patterns in (("include", self.include), ("exclude", self.exclude)):
            for pattern in patterns:
                if any(fnmatchcase(layer, pattern) for layer in known):
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
