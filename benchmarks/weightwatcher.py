"""Hold the metrics of layers against WeightWatcher's, and compare time and memory.

    python benchmarks/weightwatcher.py --weightwatcher PYTHON [SOURCE ...] [--write] [--quick]

PYTHON is an interpreter that has weightwatcher 0.7.7 and torch, as in an environment of their own:

    python -m venv ww && ww/bin/pip install weightwatcher==0.7.7 torch

Both measure the same layers: those that `weightlaws` finds in each source, and the made ones of
`layers`. WeightWatcher gets them as modules of PyTorch. --write stores its numbers of the made
layers in tests/data/weightwatcher.json. Without an interpreter the made layers are compared with
the stored numbers. Times leave out imports and reading; memory is the peak of a process of its own,
imports included. The last line is a JSON object.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

STORED = Path(__file__).parents[1] / "tests" / "data" / "weightwatcher.json"
METRICS = (
    "alpha",
    "stable_rank",
    "matrix_rank",
    "log_norm",
    "log_spectral_norm",
    "entropy",
    "mp_softrank",
)
Layers = dict[str, Any]  # arrays as a module of PyTorch has them, by name


def layers() -> Layers:
    """Make layers of many kinds: (out, in), or (out, in, height, width) of a kernel."""
    rng = np.random.default_rng(20)
    spikes = rng.standard_normal((64, 8)) @ rng.standard_normal((8, 64))
    made = {
        "gaussian": rng.standard_normal((40, 60)),
        "square": 0.1 * rng.standard_normal((100, 100)),
        "tall": rng.standard_normal((300, 50)) / 10,
        "heavy tails": rng.standard_t(2.5, (120, 300)) / 20,
        "planted": 0.3 * spikes + rng.standard_normal((64, 64)),
        "few values": rng.standard_normal((12, 50)),
        "fewest values": rng.standard_normal((8, 9)),
        "low rank": rng.standard_normal((50, 5)) @ rng.standard_normal((5, 80)),
        "small": 1e-4 * rng.standard_normal((40, 90)),
        "large": 1e3 * rng.standard_normal((40, 90)),
        "kernel 3 x 3": rng.standard_normal((32, 16, 3, 3)) / 12,
        "kernel 5 x 5, more outputs": rng.standard_normal((16, 64, 5, 5)) / 20,
        "kernel 1 x 1": rng.standard_normal((48, 24, 1, 1)) / 5,
        "kernel 2 x 2": rng.standard_normal((40, 20, 2, 2)) / 5,
    }
    return {name: values.astype(np.float32) for name, values in made.items()}


def read(source: str) -> Layers:
    """Return the layers that `weightlaws` finds in a source, kernels with their positions apart."""
    from weightlaws.external import networks

    found = {}
    with networks.opened(source) as network:
        for name, layer in network.layers.items():
            matrix = layer.read().astype(np.float32)
            kernel = layer.kernel and (*layer.kernel, 1, 1)[:2]
            shape = (len(matrix), -1, *kernel) if kernel else matrix.shape
            found[name] = matrix.reshape(shape)
    return found


def theirs(path: Path) -> dict[str, Any]:
    """Let WeightWatcher measure the layers of a file."""
    import logging

    import torch
    import weightwatcher

    logging.getLogger("weightwatcher").setLevel(logging.ERROR)
    module = torch.nn.Module()
    names = {}
    with np.load(path) as file:
        for k, (name, values) in enumerate(file.items()):
            out, into, *kernel = values.shape
            one = torch.nn.Conv2d(into, out, kernel) if kernel else torch.nn.Linear(into, out)
            one.weight.data = torch.from_numpy(values)
            module.add_module(f"layer{k}", one)
            names[f"layer{k}"] = name
    start = time.perf_counter()
    table = weightwatcher.WeightWatcher(model=module).analyze(mp_fit=True)
    numbers = {
        names[row["longname"]]: {name: float(row[name]) for name in METRICS}
        for _, row in table.iterrows()
    }
    return {"numbers": numbers, "seconds": time.perf_counter() - start, "MB": _peak()}


def ours(path: Path) -> dict[str, Any]:
    """Measure the layers of a file, and analyse them in full, with the nulls of a second run."""
    from weightlaws.single_network.analysis import analyse
    from weightlaws.single_network.weightwatcher_metrics import metrics

    with np.load(path) as file:
        found = dict(file.items())
    start = time.perf_counter()
    numbers = {}
    for name, values in found.items():
        numbers[name], _ = metrics(values.reshape(len(values), -1), values.shape[2:])
    taken = time.perf_counter() - start
    memory = _peak()
    analyse(found)  # fills the cache of nulls
    start = time.perf_counter()
    analyse(found)
    whole = time.perf_counter() - start
    return {
        "numbers": numbers,
        "seconds": taken,
        "MB": memory,
        "whole_seconds": whole,
        "whole_MB": _peak(),
    }


def _peak() -> float:
    status = Path("/proc/self/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kilobytes) * 1024 / 1e6


def _measured(python: str, which: str, found: Layers) -> dict[str, Any]:
    """Measure layers in a process of their own."""
    with tempfile.TemporaryDirectory() as folder:
        path, result = Path(folder, "layers.npz"), Path(folder, "found.json")
        np.savez(path, **found)
        # -P: else the script would find itself under the name of the package.
        command = [python, "-P", __file__, "--measure", which, str(path), str(result)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        measured: dict[str, Any] = json.loads(result.read_text())
        return measured


def differences(mine: dict[str, Any], other: dict[str, Any]) -> dict[str, float]:
    """Largest relative difference of each metric over the layers that both have."""
    apart = {}
    for metric in METRICS:
        pairs = [
            (mine[name][metric], numbers[metric])
            for name, numbers in other.items()
            if numbers[metric] != -1 and not math.isnan(mine[name][metric])
        ]
        apart[metric] = max((abs(a - b) / max(abs(b), 1e-12) for a, b in pairs), default=0.0)
    return apart


def main() -> None:
    """Compare, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="*", metavar="SOURCE")
    parser.add_argument("--weightwatcher", metavar="PYTHON")
    parser.add_argument("--write", action="store_true", help="store WeightWatcher's numbers")
    parser.add_argument("--quick", action="store_true", help="the made layers alone")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        which, path, result = options.measure
        run = {"ours": ours, "theirs": theirs}[which]
        Path(result).write_text(json.dumps(run(Path(path))))
        return
    found: dict[str, Any] = {}
    sources = [] if options.quick else options.sources
    for source, made in {"made": layers(), **{name: read(name) for name in sources}}.items():
        mine = _measured(sys.executable, "ours", made)
        if options.weightwatcher:
            other = _measured(options.weightwatcher, "theirs", made)
        else:
            other = {"numbers": json.loads(STORED.read_text())["layers"]}
        if options.write and source == "made":
            stored = {"weightwatcher": "0.7.7", "layers": other["numbers"]}
            STORED.write_text(json.dumps(stored, indent=1) + "\n")
        print(f"{source}: {len(made)} layers, {len(other['numbers'])} of them in WeightWatcher")
        for name, numbers in other["numbers"].items():
            for metric in METRICS:
                a, b = mine["numbers"][name][metric], numbers[metric]
                if abs(a - b) > 1e-6 * abs(b):
                    print(f"  {name}: {metric} {a:.6g}, WeightWatcher {b:.6g}")
        found[source] = {
            "largest_relative_difference": differences(mine["numbers"], other["numbers"]),
            **{key: mine[key] for key in ("seconds", "MB", "whole_seconds", "whole_MB")},
            **{f"weightwatcher_{key}": other[key] for key in ("seconds", "MB") if key in other},
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
