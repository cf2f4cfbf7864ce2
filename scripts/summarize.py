"""Rank the jobs of a sweep: a table on the terminal; summary.md, summary.csv and plots in the sweep's directory.

    python scripts/summarize.py                              # the newest sweep below logs/
    python scripts/summarize.py logs/mnist_mlp/sweeps/optimizer.lr,seed
    python scripts/summarize.py last --repeats seed          # the mean over jobs that differ only in their seed
    python scripts/summarize.py last --all --no-plots        # every job, without the plots

Jobs are ranked by the sweep's objective; of several objectives, by Pareto front. Those that differ only in seed,
data.fold or data.split_seed are repeats, shown as mean ± standard deviation. For a cross-validation with several seeds
the mean over the folds is taken first, and the deviation is over the seeds. A sweep that is still running or was killed
can be summarized at any time. The plot of importance of a search needs Optuna: uv sync --extra sweeps.
"""

import sys
from pathlib import Path

try:
    from rich.console import Console
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    sys.path.append(str(Path(__file__).parents[1]))
    from src.leyden.system.environment import restart

    restart(missing)

from leyden.cli.entry_point import report_user_errors
from leyden.cli.script_options import ScriptParser
from leyden.sweeps.summary import as_table, draw, find_sweep, save, summarize


def main() -> None:
    parser = ScriptParser(__doc__)
    parser.add_argument("sweep", nargs="?", default="last", help="its directory (default: the newest below logs/)")
    parser.add_argument("--repeats", nargs="*", metavar="KEY", help="settings that only repeat a job; none: no means")
    parser.add_argument("--all", action="store_true", help="show more than 20 lines of a table; the files have all")
    parser.add_argument("--no-plots", action="store_true", help="draw no plots")
    arguments = parser.parse_args()

    summary = summarize(find_sweep(arguments.sweep), arguments.repeats)
    console = Console()
    width = console.width if console.is_terminal else None
    console.print(as_table(summary, width, limit=None if arguments.all else 20), soft_wrap=True)
    plots, why_not = ([], None) if arguments.no_plots else draw(summary)
    written = [*save(summary, plots), *plots]
    print(f"\n{summary.dir}: {', '.join(path.name for path in written)}")
    if why_not:
        print(why_not, file=sys.stderr)


if __name__ == "__main__":
    with report_user_errors():
        main()
