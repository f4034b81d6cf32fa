"""Builds src/plugin.py into build/<name>.wasm. `sortie plugin build` runs it.

componentize-py lives in a virtual environment under build/, made by the first build and again
whenever requirements.txt changes. Packages that the plugin imports go to requirements.txt too, as
long as they are pure Python: they are packed into the component.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE / "build"
VENV = BUILD / "venv"
WORLD = "scanner"


def main() -> None:
    with open(HERE / "sortie-plugin.toml", "rb") as manifest:
        output = tomllib.load(manifest)["build"]["output"]
    tool = componentize_py()
    surface = [tool, "--quiet", "--wit-path", HERE / "wit", "--world", WORLD]
    # For editors and type checkers only; the component gets its own.
    shutil.rmtree(BUILD / "bindings", ignore_errors=True)
    run(*surface, "bindings", BUILD / "bindings")
    # A scanner is pure: what Python itself would ask of a system is answered by stubs, so that the
    # component imports nothing but its surface.
    run(*surface, "componentize", "--stub-wasi", "--python-path", HERE / "src", "--output", HERE / output, "plugin")


def componentize_py() -> Path:
    programs = VENV / ("Scripts" if os.name == "nt" else "bin")
    wanted = (HERE / "requirements.txt").read_bytes()
    installed = VENV / "requirements.installed"
    if not installed.exists() or installed.read_bytes() != wanted:
        shutil.rmtree(VENV, ignore_errors=True)
        try:
            run(sys.executable, "-m", "venv", VENV)
        except subprocess.CalledProcessError:
            sys.exit("failed to make a virtual environment: install python3-venv (Debian, Ubuntu) and build again")
        run(programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--requirement", HERE / "requirements.txt")
        installed.write_bytes(wanted)
    return programs / "componentize-py"


def run(*command: str | Path) -> None:
    """Runs a program with its output on stderr; componentize-py finds packages through VIRTUAL_ENV."""
    subprocess.run(command, check=True, stdout=sys.stderr, env={**os.environ, "VIRTUAL_ENV": str(VENV)})


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as failed:
        sys.exit(f"failed to build: {failed.cmd[0]} ended with {failed.returncode}; what it said is above")
