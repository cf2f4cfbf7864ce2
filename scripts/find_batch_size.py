"""Find a batch size: it is doubled until memory or the data are used up, and the speed of each size is measured.

    python scripts/find_batch_size.py experiment=mnist_cnn
    python scripts/find_batch_size.py experiment=mnist_cnn trainer=gpu trainer.precision=bf16-mixed --limit 65536
    python scripts/find_batch_size.py experiment=csv_mlp --start 8 --seconds 3

The network is trained for a second with each size, with the experiment's own data, optimizer, device, precision and
accumulation. Two sizes are printed: the largest that fits into memory, and the smallest that is about as fast (95 %) as
the fastest. That one is suggested, as a greater one makes fewer steps in the same time. Nothing is written: no run
directory, no checkpoint.

On a CPU the system would end a process that takes too much memory: what is expected not to fit is not tried.
"""

import sys
from pathlib import Path

try:
    from rich.console import Console
    from rich.table import Table

    from leyden.cli.entry_point import report_user_errors
    from leyden.config.compose import compose
    from leyden.config.vocabulary import Vocabulary
    from leyden.system.console import set_up_logging
    from leyden.tuning.command import Parser, command, progress_bar
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    sys.path.append(str(Path(__file__).parents[1]))
    from src.leyden.system.environment import restart

    restart(missing)

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs"


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--start", type=int, default=2, help="the first size (default: %(default)s)")
    parser.add_argument("--limit", type=int, default=8192, help="the largest that is tried (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of training with each size (default: %(default)s)")
    arguments = parser.parse_intermixed_args()
    experiment = compose(arguments.overrides, configs=CONFIGS)
    from leyden.tuning.batch_size import check_sizes, find_batch_size  # torch comes in only with a config that holds

    settings = arguments.start, arguments.limit, arguments.seconds
    check_sizes(*settings)
    doublings = (arguments.limit // arguments.start).bit_length()
    with progress_bar("batch sizes", doublings) as advance:
        found = find_batch_size(experiment, *settings, advance=advance)
    table = Table("batch size", "items/s", "ms/batch", "memory", box=None)
    for column in table.columns:
        column.justify = "right"
    for measured in found.sizes:
        speed, gibibytes = measured.items_per_second, (measured.peak or 0) / 2**30
        table.add_row(
            str(measured.batch_size),
            f"{speed:,.0f}",
            f"{1000 * measured.batch_size / speed:,.1f}",
            f"{gibibytes:.2f} GiB" if measured.peak is not None else "–",
        )
    Console().print(table)
    print(f"largest that fits: {found.largest} ({found.detail})")
    print(f"suggested batch size: {found.suggestion}, the smallest with 95 % of the best speed")
    print(command(ROOT, "train.py", arguments.overrides, data__batch_size=found.suggestion))
    print("another batch size wants another learning rate:")
    print(command(ROOT, "scripts/find_lr.py", arguments.overrides, data__batch_size=found.suggestion))


if __name__ == "__main__":
    with report_user_errors() as errors:
        errors.words = Vocabulary(CONFIGS / "train.yaml")
        set_up_logging()
        main()
