"""Digests of source code: an edit changes the digests of the stages whose numbers it may change."""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from weightlaws.errors import WeightLawsError
from weightlaws.training import plugins

PACKAGE = Path(__file__).parents[1]
_FULL_IMPORT = "'from weightlaws.<package>.<module> import <name>'"


def code_digest(script: Path, package: Path = PACKAGE) -> str:
    """Digest a script and all modules of the package that it imports, directly or not.

    Syntax trees count, without comments and docstrings, as these change no result. Modules in
    packages within the package count; the ``__init__`` of packages does not.

    Parameters
    ----------
    script
        A Python file.
    package
        Folder of the package; its name is the package's name.

    Returns
    -------
    str
        Hexadecimal, 16 characters.

    Raises
    ------
    WeightLawsError
        If a file imports a name from the face of a package, or by a relative path. Such a name can
        come from anywhere, so that an edit of its module would run nothing again.
    """
    digest = hashlib.sha256()
    behind = modules_behind(script, package)
    places = {path: path.relative_to(package).as_posix() for path in sorted(behind)}
    for path, place in {script: script.name, **places}.items():
        _, meaning = _parsed(path.read_text(), package.name)
        digest.update(place.encode() + b"\0" + meaning.encode() + b"\0")
    return digest.hexdigest()[:16]


def code_digests(scripts: Path) -> dict[str, str]:
    """Return the digests of all scripts in a folder, and of all plug-ins of training.

    Scripts go by their names, plug-ins by their kind and name, such as ``initial_laws/gaussian``.
    """
    found = {script.stem: code_digest(script) for script in scripts.glob("*.py")}
    kinds: tuple[plugins.Kind, ...] = ("datasets", "initial_laws")
    for kind in kinds:
        for name in plugins.names(kind):
            found[f"{kind}/{name}"] = code_digest(plugins.file(kind, name))
    return found


def modules_behind(script: Path, package: Path = PACKAGE) -> set[Path]:
    """Find all modules of the package that a script imports, directly or not.

    Raises
    ------
    WeightLawsError
        As `code_digest` does.
    """
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        new = set(_imports(waiting.pop(), package)) - found
        found |= new
        waiting.extend(new)
    return found


def _imports(path: Path, package: Path) -> Iterator[Path]:
    names, _ = _parsed(path.read_text(), package.name)
    for name in names:
        head, *rest = name.split(".")
        if head == package.name:
            yield _module(path, name, package.joinpath(*rest))
        elif not head:
            raise WeightLawsError(
                path, f"the relative import '{name}'", _FULL_IMPORT, "write the full name"
            )


def _module(path: Path, name: str, place: Path) -> Path:
    """Find the module that a full name is, or is a name in."""
    for module in (place.with_suffix(".py"), place.parent.with_suffix(".py")):
        if module.is_file():
            return module
    raise WeightLawsError(
        path,
        f"an import of {name}, which is neither a module nor a name in a module",
        _FULL_IMPORT,
        "import from the module that defines the name",
    )


# Most modules stand behind many scripts. The text and not the path is remembered, as files change.
@cache
def _parsed(text: str, package: str) -> tuple[tuple[str, ...], str]:
    """Return the full names of a module's imports, and its code without comments and docstrings."""
    tree, names = ast.parse(text), list[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            ours = source.partition(".")[0] in (package, "")
            names += [f"{source}.{alias.name}" for alias in node.names] if ours else [source]
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [statement for statement in node.body if not _is_text(statement)]
    return tuple(names), ast.unparse(tree)


def _is_text(statement: ast.stmt) -> bool:
    """Whether a statement is a bare string: a docstring, or one below an attribute."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
