"""Members that are alike, found by looks at them that cost more and more."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence

#: The number of a member, and what tells it apart from others.
Told = tuple[int, Hashable]
Look = Callable[[Sequence[int]], Iterable[Told]]


def alike(members: int, looks: Iterable[Look]) -> list[list[int]]:
    """Return groups of members that look alike in all looks.

    Parameters
    ----------
    members
        Their number.
    looks
        From the cheapest on. Each is at members alone that are alike so far. A member that it does
        not tell about is like no other.
    """
    groups = [[*range(members)]]
    for look in looks:
        found: list[list[int]] = []
        for group in groups:
            by_content = defaultdict(list)
            for member, content in look(group):
                by_content[content].append(member)
            found += [same for same in by_content.values() if len(same) > 1]
        groups = found
    return groups
