import pytest

from weightlaws.source import code_digest


@pytest.fixture
def package(tmp_path):
    """A script that imports `top`, which imports `low`; `other` stands apart."""
    folder = tmp_path / "weightlaws"
    folder.mkdir()
    files = {
        "__init__": "",
        "low": 'def f(x):\n    """Say it."""\n    return x + 1  # comment\n',
        "top": "from weightlaws.low import f\n\ndef g(x):\n    return f(x)\n",
        "other": "from weightlaws import low\n",
    }
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    (tmp_path / "script.py").write_text("import numpy\n\nfrom weightlaws.top import g\n")
    return tmp_path


def edited(package, name, old, new):
    path = package / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return code_digest(package / "script.py", package / "weightlaws")


@pytest.mark.parametrize(
    ("name", "old", "new", "changes"),
    [
        ("weightlaws/low.py", "x + 1", "x + 2", True),
        ("weightlaws/top.py", "return f(x)", "return -f(x)", True),
        ("script.py", "import numpy", "import scipy", True),
        ("weightlaws/low.py", "# comment", "# another comment", False),
        ("weightlaws/low.py", "Say it.", "Say it otherwise.", False),
        ("weightlaws/top.py", "\n\ndef g", "\n\n\n\ndef g", False),
        ("weightlaws/other.py", "import low", "import top", False),
        ("weightlaws/__init__.py", "", "VERSION = 2\n", False),
    ],
)
def test_what_changes_a_digest(package, name, old, new, changes):
    before = code_digest(package / "script.py", package / "weightlaws")
    assert (edited(package, name, old, new) != before) == changes


@pytest.mark.parametrize(
    "statement",
    [
        "import weightlaws.other",
        "from weightlaws import other",
        "def late():\n    from weightlaws.other import low\n",
    ],
)
def test_every_form_of_import_counts(package, statement):
    (package / "script.py").write_text(statement)
    before = code_digest(package / "script.py", package / "weightlaws")
    assert edited(package, "weightlaws/low.py", "x + 1", "x + 2") != before


def test_a_name_from_the_package_itself_counts_its_init(package):
    (package / "script.py").write_text("from weightlaws import load\n")
    before = code_digest(package / "script.py", package / "weightlaws")
    assert edited(package, "weightlaws/__init__.py", "", "def load(): ...\n") != before
