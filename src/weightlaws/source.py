"""Digests of source code, by which the workflow knows whose numbers an edit may change."""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


def code_digest(script: Path, package: Path = PACKAGE) -> str:
    """Digest a script and all modules of the package that it imports, directly or not.

    Only what can change a result counts: syntax trees without comments and docstrings. The
    package's own ``__init__`` counts only where it is imported by name.

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
    """
    digest = hashlib.sha256()
    for path in [script, *sorted(modules_behind(script, package))]:
        _, meaning = _parsed(path.read_text(), package.name)
        digest.update(path.name.encode() + b"\0" + meaning.encode() + b"\0")
    return digest.hexdigest()[:16]


def modules_behind(script: Path, package: Path = PACKAGE) -> set[Path]:
    """Find all modules of the package that a script imports, directly or not."""
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
            module = package / f"{rest[0]}.py" if rest else package / "__init__.py"
            # `from weightlaws import load` names a function, which __init__ defines.
            yield module if module.exists() else package / "__init__.py"


# Most modules stand behind many scripts. The text and not the path is remembered, as files change.
@cache
def _parsed(text: str, package: str) -> tuple[tuple[str, ...], str]:
    """Full names of what a module imports, and its code without comments and docstrings."""
    tree, names = ast.parse(text), list[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == package:
            names += [f"{package}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.append(node.module)
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
