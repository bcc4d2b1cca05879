import pytest

from weightlaws.errors import WeightLawsError
from weightlaws.planning.code_digest import PACKAGE, code_digest, modules_behind


@pytest.fixture
def package(tmp_path):
    """A script that imports `top`, which imports `deep.low`; `deep.other` stands apart."""
    files = {
        "weightlaws/__init__": "",
        "weightlaws/low": "UNUSED = True\n",
        "weightlaws/deep/__init__": "",
        "weightlaws/deep/low": 'def f(x):\n    """Say it."""\n    return x + 1  # comment\n',
        "weightlaws/deep/deeper/__init__": "",
        "weightlaws/deep/deeper/lowest": "VALUE = 1\n",
        "weightlaws/top": "from weightlaws.deep.low import f\n\ndef g(x):\n    return f(x)\n",
        "weightlaws/deep/other": "from weightlaws.deep import low\n",
        "script": "import numpy\n\nfrom weightlaws.top import g\n",
    }
    for name, text in files.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def digest(package):
    return code_digest(package / "script.py", package / "weightlaws")


def edited(package, name, old, new):
    path = package / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return digest(package)


@pytest.mark.parametrize(
    ("name", "old", "new", "changes"),
    [
        ("weightlaws/deep/low.py", "x + 1", "x + 2", True),
        ("weightlaws/top.py", "return f(x)", "return -f(x)", True),
        ("script.py", "import numpy", "import scipy", True),
        ("weightlaws/deep/low.py", "# comment", "# another comment", False),
        ("weightlaws/deep/low.py", "Say it.", "Say it otherwise.", False),
        ("weightlaws/top.py", "\n\ndef g", "\n\n\n\ndef g", False),
        ("weightlaws/deep/other.py", "import low", "import deeper", False),
        ("weightlaws/low.py", "True", "False", False),
        ("weightlaws/__init__.py", "", "VERSION = 2\n", False),
        ("weightlaws/deep/__init__.py", "", "VERSION = 2\n", False),
    ],
)
def test_what_changes_a_digest(package, name, old, new, changes):
    before = digest(package)
    assert (edited(package, name, old, new) != before) == changes


@pytest.mark.parametrize(
    "statement",
    [
        "import weightlaws.deep.other",
        "import weightlaws.deep.other as another",
        "from weightlaws.deep import other",
        "from weightlaws.deep.other import low",
        "from weightlaws.deep.other import *",
        "def late():\n    from weightlaws.deep.other import low\n",
        "if TYPE_CHECKING:\n    from weightlaws.deep.other import low\n",
    ],
)
def test_every_form_of_import_counts(package, statement):
    (package / "script.py").write_text(statement)
    before = digest(package)
    assert edited(package, "weightlaws/deep/low.py", "x + 1", "x + 2") != before


def test_modules_are_found_however_deep_they_lie(package):
    (package / "script.py").write_text("from weightlaws.deep.deeper.lowest import VALUE\n")
    before = digest(package)
    assert edited(package, "weightlaws/deep/deeper/lowest.py", "1", "2") != before


def test_modules_of_one_name_are_told_apart_by_their_package(package):
    (package / "script.py").write_text("import weightlaws.low, weightlaws.deep.low\n")
    before = digest(package)
    low, deep = package / "weightlaws/low.py", package / "weightlaws/deep/low.py"
    texts = low.read_text(), deep.read_text()
    deep.write_text(texts[0])
    low.write_text(texts[1])
    assert digest(package) != before


@pytest.mark.parametrize("module", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_no_module_of_the_library_imports_a_face(module):
    modules_behind(module)


@pytest.mark.parametrize(
    "statement",
    [
        "from weightlaws import load",
        "import weightlaws.deep",
        "from weightlaws import deep",
        "from weightlaws.deep import f",
        "from weightlaws.deep import *",
        "from . import low",
        "from .deep.low import f",
    ],
)
def test_an_import_from_a_face_is_refused(package, statement):
    (package / "weightlaws/top.py").write_text(statement)
    with pytest.raises(WeightLawsError, match=r"top\.py: found .*, expected"):
        digest(package)
