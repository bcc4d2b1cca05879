"""What of conda Snakemake calls: environments are made of their files by venv and pip.

Run as ``conda``, it makes an environment of the packages that its file names. With HAS set to a
folder of packages, those that are there are not installed again.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

ACTIVATE = '. "$1/bin/activate"'
ANSWERS = {
    ("--version",): "conda 26.9.0",
    ("config", "--get", "channel_priority", "--json"): json.dumps(
        {"get": {"channel_priority": "strict"}}
    ),
}


def install(folder):
    """Put the commands ``conda`` and ``activate`` into ``folder/bin``."""
    bin_folder = folder / "bin"
    bin_folder.mkdir(parents=True)
    conda = bin_folder / "conda"
    conda.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "{folder}" "$@"\n')
    conda.chmod(0o755)
    (bin_folder / "activate").write_text(ACTIVATE)
    return bin_folder


def create(file, prefix):
    """Make an environment as ``conda env create`` does."""
    *_, last = yaml.safe_load(Path(file).read_text())["dependencies"]
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
    if "HAS" in os.environ:
        (packages,) = Path(prefix, "lib").glob("python*/site-packages")
        (packages / "has.pth").write_text(os.environ["HAS"])
    pip = [sys.executable, "-m", "pip", "--python", f"{prefix}/bin/python", "install", "--quiet"]
    subprocess.run([*pip, *last["pip"]], check=True)


def main(folder, *words):
    """Do what conda is called for."""
    if words == ("info", "--json"):
        print(json.dumps({"conda_prefix": folder, "platform": "linux-64"}))
    elif words in ANSWERS:
        print(ANSWERS[words])
    elif words[:2] == ("env", "create"):
        create(words[words.index("--file") + 1], words[words.index("--prefix") + 1])
    elif words[:1] != ("clean",):
        sys.exit(f"not known: {words}")


if __name__ == "__main__":
    main(*sys.argv[1:])
