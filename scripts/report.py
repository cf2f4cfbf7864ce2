"""Write a report: one HTML file about a run, a sweep, or several runs side by side.

    python scripts/report.py run=last                                    # <run>/report.html
    python scripts/report.py run=logs/mnist_mlp/2026-01-31_12-00-00 output=report.html
    python scripts/report.py sweep=last                                  # <sweep>/report.html
    python scripts/report.py run=last run=logs/mnist_mlp/2026-01-31_12-00-00 run=logs/mnist_cnn/2026-01-31_13-00-00

The file refers to no other, so that it can be sent by mail or kept: curves, metrics, plots, the config with what was
overridden, the data, the code, warnings, the command to reproduce. It contains the command, the host's name, paths and
uncommitted changes of the code. Several runs are compared, in comparison.html: differing settings, metrics, curves.
`last` is the newest run or sweep in log_dir (default: logs). A run that is still running has a report of its progress.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

try:
    import yaml  # noqa: F401
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    sys.path.append(str(Path(__file__).parents[1]))
    from src.leyden.system.environment import restart

    restart(missing)

from leyden.cli.entry_point import report_user_errors
from leyden.cli.script_options import join_option_values
from leyden.records.record import CONFIG, SWEEP, find_run
from leyden.reports import comparison_report, read_run, run_report, sweep_report, write_page
from leyden.sweeps.summary import find_sweep, summarize
from leyden.system.errors import UserError
from leyden.system.override_text import in_shell, squeezed, with_home
from leyden.system.suggestions import nearest, there_are

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
REPORT, COMPARISON = "report.html", "comparison.html"
SETTINGS = ("run", "sweep", "output", "log_dir")
DEFAULTS = {"output": REPORT, "log_dir": "logs"}
CALLED = {"runs": "run", "dir": "run", "rundir": "run", "resume": "run", "sweepdir": "sweep", "out": "output"}
CALLED |= {"file": "output", "path": "output", "o": "output", "html": "output", "logdir": "log_dir", "logs": "log_dir"}


@dataclass
class Request:
    """What was typed."""

    runs: list[str] = field(default_factory=list)
    sweep: str = ""
    output: str = ""
    log_dir: str = "logs"


def main(arguments: Sequence[str]) -> None:
    request = parsed(arguments)
    if request.sweep:
        found = find_sweep_named(request.sweep, request.log_dir)
        text, path = sweep_report(summarize(found)), found / REPORT
    else:
        dirs = [find_run_named(name, request.log_dir) for name in request.runs]
        check_distinct(request.runs, dirs)
        runs = [read_run(run_dir) for run_dir in dirs]
        if len(runs) == 1:
            text, path = run_report(runs[0], CONFIGS), dirs[0] / REPORT
        else:
            text, path = comparison_report(runs), Path(COMPARISON)
    path = output_path(request.output) if request.output else path
    write_page(path, text)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def parsed(arguments: Sequence[str]) -> Request:
    """What was typed.

    Raises:
        UserError: a word is unknown, wrong or missing.
    """
    request = Request()
    for argument in join_option_values(arguments):
        key, equals, value = argument.partition("=")
        value = value[1:-1] if value[:1] == value[-1:] and value[:1] in ("'", '"') else value  # as Hydra's paths
        if not equals or key.startswith("-"):
            raise UserError(f"{argument}: is no setting; write {meant(key, value)}")
        if key not in SETTINGS:
            name = CALLED.get(squeezed(key)) or next(iter(nearest(key, SETTINGS)), None)
            hint = f"; did you mean {typed(name, value)}?" if name else there_are(SETTINGS)
            raise UserError(f"{argument}: unknown key{hint}")
        if not value:
            raise UserError(f"{key}: no value given; write {key}={DEFAULTS.get(key, 'last')}")
        if key == "run":
            request.runs += split_runs(value)
        elif getattr(request, key) not in ("", "logs"):
            raise UserError(f"{argument}: {key} is given twice; give one")
        else:
            setattr(request, key, with_home(value))
    if request.runs and request.sweep:
        raise UserError("sweep: not together with run; write two commands, one for each")
    if not request.runs and not request.sweep:
        raise UserError("run: no value given; add run=last, run=<directory>, or sweep=<directory>")
    return request


def meant(key: str, value: str) -> str:
    """Setting that a word, an option or a directory probably means."""
    name, _, after = key.lstrip("-").partition(" ")
    known = name if name in SETTINGS else CALLED.get(squeezed(name), "") if key.startswith("-") else ""
    if known:
        return typed(known, value or after or DEFAULTS.get(known, "last"))
    return typed("sweep" if Path(name, SWEEP).is_file() else "run", value or after or name or "last")


def typed(key: str, value: object) -> str:
    """A setting as it is typed in a shell."""
    return in_shell(f"{key}={value}")


def split_runs(value: str) -> list[str]:
    """Names of runs.

    Raises:
        UserError: several are typed as one, with commas.
    """
    parts = value.strip("[]").split(",")
    exist = [part == "last" or Path(with_home(part)).exists() for part in parts]
    if len(parts) > 1 and all(exist) and not Path(with_home(value)).exists():
        raise UserError(f"run={value}: is no run; write {' '.join(typed('run', part) for part in parts)}")
    return [value]


def find_run_named(name: str, log_dir: str) -> Path:
    """Directory of a run.

    Raises:
        UserError: there is none; of a sweep it says how to write it.
    """
    path = Path(with_home(name))
    if name != "last" and (path / SWEEP).is_file():
        raise UserError(f"run={name}: is a sweep; write {typed('sweep', name)}")
    return find_run(name, log_dir)


def find_sweep_named(name: str, log_dir: str) -> Path:
    """Directory of a sweep.

    Raises:
        UserError: there is none; of a run it says how to write it.
    """
    path = Path(name)
    if (path / CONFIG).is_file() and not (path / SWEEP).is_file():
        whole = path.resolve().parent
        more = f"; its sweep: {typed('sweep', path.parent)}" if (whole / SWEEP).is_file() else ""
        raise UserError(f"sweep={name}: is a run; write {typed('run', name)}{more}")
    try:
        return find_sweep(name, log_dir)
    except UserError as error:
        raise UserError(f"sweep={error}") from error


def check_distinct(names: Sequence[str], dirs: Sequence[Path]) -> None:
    """Refuse, with a UserError, one run that is named twice."""
    seen: dict[Path, str] = {}
    for name, run_dir in zip(names, dirs, strict=True):
        if (other := seen.setdefault(run_dir.resolve(), name)) != name or names.count(name) > 1:
            raise UserError(f"run={name}: is the same run as run={other}; give another one, or leave it out")


def output_path(name: str) -> Path:
    """Path of the file to write.

    Raises:
        UserError: it is a folder, or not the name of an HTML file.
    """
    path = Path(name)
    if path.is_dir():
        raise UserError(f"output={name}: is a folder; write {typed('output', path / REPORT)}")
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"output={name}: must end in .html; write {typed('output', path.with_suffix('.html'))}")
    return path


if __name__ == "__main__":
    with report_user_errors():
        print(__doc__) if {"-h", "--help"} & set(sys.argv) else main(sys.argv[1:])
