"""Table of a summary: its columns, and their layout on a terminal."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.cells import cell_len
from rich.text import Text

from leyden.sweeps.summary.headline import best_again, headline, not_preferred, of_all
from leyden.sweeps.summary.ranking import Group
from leyden.sweeps.summary.results import Result
from leyden.sweeps.summary.summary import Summary
from leyden.sweeps.summary.value_text import brief, with_deviation
from leyden.system.formatting import shortened, span
from leyden.system.override_text import continued

_STYLES = {"failed": "red", "killed": "red", "interrupted": "yellow", "running": "cyan", "pruned": "dim"}
_LONGEST = 32  # characters of a setting on a terminal


@dataclass
class Column:
    """One column of the ranked groups.

    Attributes:
        cells: one for each group.
        left: aligned left, as a text; numbers are aligned right.
        leaves: order in which columns are dropped on a narrow terminal: the greatest first, 0 never.
        is_setting: may be shortened.
        short: its name on a narrow terminal.
    """

    head: str
    cells: list[str]
    left: bool = False
    leaves: int = 0
    is_setting: bool = False
    short: str = ""

    @property
    def width(self) -> int:
        return max(map(cell_len, [self.head, *self.cells]))


def columns(summary: Summary, groups: Sequence[Group]) -> list[Column]:
    """Columns that are not empty, without shortening."""
    found = [Column("front" if len(summary.objectives) > 1 else "rank", [str(group.place) for group in groups])]
    for key in summary.swept:
        cells = [brief(group.settings[key]) if key in group.settings else "" for group in groups]
        values = [group.settings.get(key) for group in groups]
        texts = any(isinstance(value, str | list | dict | bool) for value in values)
        found.append(Column(key, cells, left=texts, is_setting=True))
    for name in summary.objectives:
        found.append(Column(name, [with_deviation(group.values.get(name)) for group in groups]))
    for number, name in enumerate(summary.tests):
        found.append(Column(name, [with_deviation(group.spread(name)) for group in groups], leaves=5 + number))
    if summary.repeats:
        found.append(Column("runs", [_runs(group) for group in groups], leaves=3))
    times = ["" if group.seconds is None else span(group.seconds) for group in groups]
    each, short = ("time of a job", "time/job") if summary.repeats else ("time", "")  # a mean
    found.append(Column(each, times, leaves=4, short=short))
    trials = [group.results[0].trial for group in groups]
    if any(trial is not None for trial in trials):
        found.append(Column("trial", ["" if trial is None else str(trial) for trial in trials], leaves=9))
    return [column for column in found if any(column.cells)]


def as_table(summary: Summary, width: int | None = None, limit: int | None = 20) -> Text:
    """Text for the terminal: ranked groups, unranked jobs with the reason, the commands of the best.

    Args:
        width: of the terminal: columns are dropped and long settings shortened; None for no limit.
        limit: maximum lines of each table and of warnings; None for all.
    """
    title = headline(summary)
    text = Text().append((title if width is None else "\n".join(wrap(title, width))) + "\n", "bold")
    for part in summary.rankings:
        if part.title and part.groups:
            text.append(f"\n{part.title}\n", "bold")
        text.append_text(_ranking(part, width, limit))
        if summary.parts:
            text.append_text(_again(part, width))
    if summary.rest:
        text.append("\nnot ranked\n" if summary.groups else "", "bold")
        text.append_text(_not_ranked(summary, limit))
    if not summary.parts and (again := _again(summary, width)):
        text.append("\n").append_text(again)
    if summary.warnings:
        text.append("\n").append("".join(f"warning: {line}\n" for line in summary.warnings[:limit]), "yellow")
        text.append(_more(len(summary.warnings[:limit]), len(summary.warnings), summary))
    text.right_crop(1)
    return text


def _ranking(summary: Summary, width: int | None, limit: int | None) -> Text:
    """Table of the ranked groups."""
    text, groups = Text(), summary.groups[:limit]
    if not groups:
        return text
    found = columns(summary, groups)
    _fit(found, width)
    widths = [column.width for column in found]
    for row in range(-1, len(groups)):
        style = "bold" if row < 0 else "green" if groups[row] in summary.best and not summary.ranked_repeats else ""
        cells = [
            _padded(column.head if row < 0 else column.cells[row], wide, column.left)
            for column, wide in zip(found, widths, strict=True)
        ]
        text.append("  ".join(cells).rstrip() + "\n", style)
    return text.append(_more(len(groups), len(summary.groups), summary))


def _again(summary: Summary, width: int | None) -> Text:
    """Commands of the best group, or why there are none."""
    text = Text()
    if summary.best and summary.ranked_repeats:
        text.append(f"{not_preferred(summary)}\n")
    elif summary.best:
        first = summary.best[0]
        text.append(f"{best_again(summary)}:  {_command(summary.train_command(first), best_again(summary), width)}\n")
        test = summary.eval_command(first)
        text.append(f"test it again:  {_command(test, 'test it again', width)}\n" if test else "")
    return text


def _command(command: str, label: str, width: int | None) -> str:
    """A command behind its label; on further lines that the shell joins, if it does not fit on a terminal."""
    if width is None or cell_len(f"{label}:  {command}") <= width:
        return command
    return "\n  " + continued(command, width - 2).replace("\n", "\n  ")


def _not_ranked(summary: Summary, limit: int | None) -> Text:
    """Lines of jobs that are not ranked, and one for all that wait."""
    text, there = Text(), [result for result in summary.rest if result.status != "waiting"]
    rest, waiting = there[:limit], len(summary.rest) - len(there)
    statuses, names = [result.status for result in rest], [settings_of(result) for result in rest]
    wide, high = max(map(len, statuses), default=0), min(max(map(cell_len, names), default=0), 60)
    for result, status, name in zip(rest, statuses, names, strict=True):
        text.append(f"{status:{wide}}  ", _STYLES.get(status, ""))
        cause = shortened(summary.cause(result), 200)
        text.append((name + " " * (high - cell_len(name)) + "  " + cause).rstrip() + "\n")
    text.append(_more(len(rest), len(there), summary))
    return text.append(f"{waiting:,} waiting\n" if waiting else "")


def settings_of(result: Result) -> str:
    """Settings of a job in a line."""
    return " ".join(f"{key}={shortened(brief(value), _LONGEST)}" for key, value in result.settings.items())


def _fit(found: list[Column], width: int | None) -> None:
    """Narrow the columns: settings lose their middle and their prefix, then columns are dropped."""
    if width is None:
        return
    for column in found:
        column.cells = [shortened(cell, _LONGEST) if column.is_setting else cell for cell in column.cells]

    def fits() -> bool:
        return sum(column.width for column in found) + 2 * (len(found) - 1) <= width

    def shorten() -> None:
        short = Counter(column.head.rpartition(".")[2] for column in found)
        for column in found:
            last = column.head.rpartition(".")[2]
            column.head = last if column.is_setting and short[last] == 1 else column.short or column.head
            column.head = shortened(column.head, 18) if column.is_setting else column.head
            column.cells = [shortened(cell, 12) if column.is_setting else cell for cell in column.cells]

    if not fits():
        shorten()
    for column in sorted(found, key=lambda column: -column.leaves):
        if column.leaves and not fits():
            found.remove(column)


def _padded(cell: str, width: int, left: bool) -> str:
    space = " " * (width - cell_len(cell))
    return cell + space if left else space + cell


def _more(told: int, total: int, summary: Summary) -> str:
    return f"… and {total - told:,} more; python scripts/summarize.py {summary.dir} --all\n" if told < total else ""


def _runs(group: Group) -> str:
    """Number of jobs of a mean: `3`, `2 of 3`, or for three seeds of five folds each `3×5`."""
    if not group.is_nested:
        return of_all(len(group.whole), len(group.cells))
    found, planned = f"{len(group.whole)}×{group.folds}", f"{len(group.cells)}×{group.folds}"
    return found if found == planned else f"{found} of {planned}"
