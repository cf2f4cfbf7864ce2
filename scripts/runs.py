"""List the runs below logs/: status, metrics, directory.

    python scripts/runs.py                                   # the newest first
    python scripts/runs.py status=finished 'test/acc>0.97' seed=1
    python scripts/runs.py 'experiment=mnist_*' --sort test/acc --reverse --limit 10     # the ten best
    python scripts/runs.py logs/mnist_mlp/sweeps 'started>=2026-01-31'
    python scripts/runs.py status=killed --json              # complete records, for jq and other tools

Filters compare a column with a value by =, !=, <, <=, > or >= (put < and > in quotes); * and ? match any characters in
a text. Columns are run, experiment, status, monitor, best, epochs, steps, duration (in seconds), seed, started, commit,
and every metric, such as val/loss or test/acc. A value of the column `run` can be used as run=… and resume=….
"""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

try:
    from rich.cells import cell_len
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    sys.path.append(str(Path(__file__).parents[1]))
    from src.leyden.system.environment import restart

    restart(missing)
from rich.console import Console
from rich.text import Text

from leyden.cli.entry_point import report_user_errors
from leyden.cli.script_options import ScriptParser
from leyden.records.listing import (
    ListedRun,
    RunList,
    Value,
    check_column,
    known_columns,
    list_runs,
    make_filter,
    sort_runs,
)
from leyden.system.errors import UserError
from leyden.system.formatting import age, count, most_telling, number, span

STYLES = {"finished": "green", "pruned": "blue", "running": "cyan"}
STYLES |= {"interrupted": "yellow", "failed": "red", "killed": "red"}
SHOWN = (
    "experiment",
    "status",
    "best",
    "epochs",
    "duration",
    "started",
    "commit",
    "run",
)  # tests after the best
DROPPED = ("commit", "experiment", "epochs", "duration", "started")  # in this order, on a narrow terminal
LEFT = ("experiment", "status", "commit", "run", "monitor")  # aligned left; numbers are aligned right


def main() -> None:
    parser = ScriptParser(__doc__)
    parser.add_argument("what", nargs="*", help="folders to look in (default: logs), and filters, in any order")
    parser.add_argument("--sort", metavar="COLUMN", help="ascending (default: started, the newest first)")
    parser.add_argument("--reverse", action="store_true", help="reverse the order")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N")
    parser.add_argument("--json", action="store_true", help="the records as a JSON list, each with its dir and status")
    parser.add_argument(
        "--all", action="store_true", help="include debug runs, which are listed by: runs.py logs/debug"
    )
    arguments = parser.parse_intermixed_args()
    if arguments.limit is not None and arguments.limit < 1:
        raise UserError(f"--limit={arguments.limit}: must be at least 1")

    folders = [typed for typed in arguments.what if Path(typed).is_dir()] or ["logs"]
    filters = [typed for typed in arguments.what if not Path(typed).is_dir()]
    found = list_runs(folders, debug=arguments.all)
    runs = chosen(found, filters, arguments.sort, arguments.reverse)
    console = Console()
    if arguments.json:
        records = [run.as_json() for run in runs[: arguments.limit]]
        console.out(json.dumps(records, indent=2, allow_nan=False), highlight=False)
    elif runs:
        width = console.width if console.is_terminal else None
        console.print(as_table(runs[: arguments.limit], arguments.sort, width, datetime.now(UTC)), soft_wrap=True)
    elif found.runs:
        print(f"none of {count(len(found.runs), 'run')} in {', '.join(folders)} is {' and '.join(filters)}")
    else:
        print(f"no run in {', '.join(folders)} yet; make one: python train.py experiment=mnist_mlp")
    report(found, arguments.json)


def chosen(found: RunList, filters: Sequence[str], sort: str | None, reverse: bool) -> list[ListedRun]:
    """Runs that match all filters, in order.

    Raises:
        UserError: a filter or a column is not understood.
    """
    known = known_columns(found.runs)
    fits = [make_filter(typed, known) for typed in filters] if found.runs else []
    runs = [run for run in found.runs if all(fit(run) for fit in fits)]
    if sort is None:
        return runs[::-1] if reverse else runs
    return sort_runs(runs, check_column(sort, known, f"--sort {sort}"), reverse)


def as_table(runs: Sequence[ListedRun], sort: str | None, width: int | None, now: datetime) -> Text:
    """Table of runs, a line for each.

    Args:
        runs: at least one.
        sort: the column by which they are sorted.
        width: of the terminal: columns are left out, but nothing is shortened; None for no limit.
        now: for ages.
    """
    columns = {name: [cell(name, run, now) for run in runs] for name in columns_of(runs, sort)}
    heads, monitors = {name: name for name in columns}, {run.values["monitor"] for run in runs if "best" in run.values}
    if len(monitors) == 1:
        heads["best"] = f"best {monitors.pop()}"
    elif monitors:
        columns["best"] = [
            best and f"{best} {run.values['monitor']}" for best, run in zip(columns["best"], runs, strict=True)
        ]
    wide = {name: max(map(cell_len, [heads[name], *cells])) for name, cells in columns.items()}
    wide["run"] = min(wide["run"], 45)  # the last column, so a long one may wrap
    tests = [name for name in wide if name.startswith("test/")]
    for name in (*tests[:0:-1], *DROPPED, *tests[:1], "best"):
        if width is None or sum(wide.values()) + 2 * (len(wide) - 1) <= width:
            break
        if name != sort:
            wide.pop(name, None)
    table = Text()
    for line in [heads, *({name: cells[row] for name, cells in columns.items()} for row in range(len(runs)))]:
        for name in wide:
            style = "bold" if line is heads else STYLES.get(line[name], "") if name == "status" else ""
            space = " " * (wide[name] - cell_len(line[name]))
            text = line[name] + space if name in LEFT else space + line[name]
            table.append(f"{line[name]}\n" if name == "run" else f"{text}  ", style)
    table.right_crop(1)
    return table


def columns_of(runs: Sequence[ListedRun], sort: str | None) -> list[str]:
    """Columns that are not empty: fixed ones, the most informative metrics of the test, and the one sorted by."""
    have = Counter(name for run in runs for name in run.values)
    shown = [*SHOWN[:3], *most_telling(have)[:4], *SHOWN[3:]]
    if sort not in (None, *shown):
        shown.insert(3, sort)
    return [name for name in shown if have[name]]


def cell(column: str, run: ListedRun, now: datetime) -> str:
    """Text of a value."""
    value: Value = run.values.get(column)
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{age((now - value).total_seconds())} ago"
    if isinstance(value, str):
        return value
    if column == "duration":
        return span(value)
    if isinstance(value, int):
        return str(value)
    return number(value)


def report(found: RunList, quiet: bool) -> None:
    """Report on stderr what was left out."""
    if found.debug and not quiet:
        print(f"{count(found.debug, 'debug run')} not shown; add --all", file=sys.stderr)
    if found.unread:
        more = f" (and {len(found.unread) - 1} more)" if len(found.unread) > 1 else ""
        print(f"warning: left out: {found.unread[0]}{more}", file=sys.stderr)


if __name__ == "__main__":
    with report_user_errors():
        main()
