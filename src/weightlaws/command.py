"""The command line: ``weightlaws analyse``, ``progress``, ``keep`` and ``new``."""

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import resources, util
from pathlib import Path
from typing import TYPE_CHECKING

from weightlaws.errors import WeightLawsError
from weightlaws.storage.disk_file import replacing, writing

if TYPE_CHECKING:
    import pandas as pd

    from weightlaws.single_network.analysis import NetworkAnalysis

_BAR = 30  # characters
_SHOWN = ["layer", "rows", "columns", "outliers", "explained_by", "learned_rank", "alpha"]
_HEADER = """\
# A study to start from: the default study of Weight Laws under a name of its own. In a copy of its
# repository, run
#     snakemake --cores all --configfile {file}
# Keys that this file leaves out keep the values of config.yaml there; a list replaces the one of
# config.yaml.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; leave with its one message and status 1 if it cannot be done."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except WeightLawsError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="weightlaws", description="Which law do the weights of trained networks follow?"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser("analyse", help="analyse one trained network")
    one.add_argument("source", metavar="SOURCE", help="a file or folder, or torchvision:<name>")
    one.add_argument("--out", type=Path, metavar="DIR", help="folder (default: weightlaws-<name>)")
    one.add_argument("--seed", type=int, default=0, metavar="N")
    one.add_argument("--quick", action="store_true", help="fewer random matrices")
    one.add_argument("--include", action="append", default=[], metavar="P", help="layers by name")
    one.add_argument("--exclude", action="append", default=[], metavar="P", help="layers by name")
    one.add_argument("--state-dict", metavar="KEY", help="of a file with several: path.to.it")
    one.set_defaults(run=_analyse)
    far = commands.add_parser("progress", help="say how far a study's run is")
    far.add_argument(
        "study",
        nargs="?",
        type=Path,
        default=Path("results/default"),
        metavar="STUDY",
        help="folder of its results (default: results/default)",
    )
    far.add_argument("--every", type=float, metavar="N", help="repeat every N seconds until done")
    far.set_defaults(run=_progress)
    kept = commands.add_parser("keep", help="write what is kept of a study's results")
    kept.add_argument("study", type=Path, metavar="STUDY", help="folder of its results")
    kept.add_argument("out", type=Path, metavar="DIR", help="folder to write anew")
    kept.add_argument(
        "--command",
        dest="made_by",
        default="snakemake --cores all --configfile study.yaml",
        metavar="TEXT",
        help="what made the results, for the README there",
    )
    kept.set_defaults(run=_keep)
    new = commands.add_parser("new", help="write a study to start from")
    new.add_argument("file", type=Path, metavar="my-study.yaml")
    new.set_defaults(run=_new)
    return parser


def _analyse(options: argparse.Namespace) -> None:
    # Modules are imported where they are used: the others start without torch and pandas.
    from weightlaws.external.networks import checkpoint_name
    from weightlaws.single_network.analysis import analyse

    out: Path = options.out or Path(f"weightlaws-{checkpoint_name(options.source)}")
    new = not out.exists()
    with writing(out):  # before hours of work
        out.mkdir(parents=True, exist_ok=True)
    try:
        found = analyse(
            options.source,
            options.seed,
            quick=options.quick,
            include=options.include,
            exclude=options.exclude,
            state_dict=options.state_dict,
            progress=_bar if sys.stderr.isatty() else None,
        )
    except WeightLawsError:
        if new:
            out.rmdir()
        raise
    for name, table in (("layers.csv", found.table), ("skipped.csv", found.skipped)):
        with writing(out / name), replacing(out / name) as partial:
            table.to_csv(partial, index=False)
    found.to_html(out / "report.html")
    print(_summary(found, out))


def _bar(done: int, of: int, layer: str) -> None:
    """Tell how many layers are done, in one line on stderr."""
    filled = _BAR * done // of
    text = f"[{'#' * filled}{'.' * (_BAR - filled)}] layer {min(done + 1, of)} of {of} {layer}"
    print(f"\r\033[K{text[:100]}", end="\n" if done == of else "", file=sys.stderr, flush=True)


def _summary(found: "NetworkAnalysis", out: Path) -> str:
    return "\n".join(
        [
            found.table[_SHOWN].to_string(index=False, float_format="{:.3g}".format),
            f"{found.share:.1%} of the trained weights are in {_count(found.table, 'layer')}; "
            f"{_count(found.skipped, 'parameter')} left out",
            f"compared with {found.effort}",
            f"all of it: {out / 'report.html'}, layers.csv, skipped.csv",
        ]
    )


def _count(table: "pd.DataFrame", what: str) -> str:
    return f"{len(table)} {what}{'' if len(table) == 1 else 's'}"


def _progress(options: argparse.Namespace) -> None:
    from weightlaws.monitoring.progress_page import follow

    follow(options.study, options.every)


def _keep(options: argparse.Namespace) -> None:
    from weightlaws.kept_results import keep

    keep(options.study, options.out, options.made_by)
    print(f"{options.out}/README.md has the verdicts, and leads to figures and tables")


def _new(options: argparse.Namespace) -> None:
    from weightlaws.external.networks import fit_name

    path: Path = options.file
    name = fit_name(path.stem, path)
    text = resources.files("weightlaws").joinpath("config.yaml").read_text(encoding="utf-8")
    _, _, keys = text.partition("\n\n")
    found, _, rest = keys.partition("\n")
    if not found.startswith("name: "):
        raise ValueError(f"config.yaml: found {found!r}, expected its first key to be the name")
    try:
        with writing(path), path.open("x", encoding="utf-8") as file:
            file.write(f"{_HEADER.format(file=path)}\nname: {name}\n{rest}")
    except WeightLawsError as error:
        if not isinstance(error.__cause__, FileExistsError):
            raise
        raise WeightLawsError(
            path, "a file", "a name that is free", "choose another name, or delete the file"
        ) from None
    print(f"{path}: edit it, then run: snakemake --cores all --configfile {path}")
    if util.find_spec("snakemake") is None:
        print("Snakemake is not installed: pip install 'weightlaws[workflow]'")


if __name__ == "__main__":
    main()
