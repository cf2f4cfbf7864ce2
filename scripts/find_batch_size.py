"""Find a batch size: double it until memory or the data run out, and measure the throughput of each size.

    python scripts/find_batch_size.py experiment=mnist_cnn
    python scripts/find_batch_size.py experiment=mnist_cnn trainer=gpu trainer.precision=bf16-mixed --limit 65536
    python scripts/find_batch_size.py experiment=csv_mlp --start 8 --seconds 3

The network is trained for a second with each size, with the experiment's own data, optimizer, device, precision and
accumulation. Two sizes are printed: the largest that fits into memory, and the smallest that is about as fast (95 %) as
the fastest. That one is suggested, as a larger one makes fewer steps in the same time. Nothing is written: no run
directory, no checkpoint.

On a CPU the kernel kills a process that takes too much memory, so a size that is expected not to fit is not tried.
"""

import sys
from pathlib import Path

try:
    from rich.console import Console
    from rich.table import Table

    from leyden.cli.script_options import ScriptParser, next_command, progress_bar, run_script
    from leyden.config.compose import compose
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    sys.path.append(str(Path(__file__).parents[1]))
    from src.leyden.system.environment import restart

    restart(missing)

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs"


def main() -> None:
    parser = ScriptParser(__doc__, overrides=True)
    parser.add_argument("--start", type=int, default=2, help="first size (default: %(default)s)")
    parser.add_argument("--limit", type=int, default=8192, help="largest size to try (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of training with each size (default: %(default)s)")
    arguments = parser.parse_intermixed_args()
    experiment = compose(arguments.overrides, configs=CONFIGS)
    from leyden.tuning.batch_size import check_sizes, find_batch_size  # torch, only for a valid config

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
    print(next_command(ROOT, "train.py", arguments.overrides, data__batch_size=found.suggestion))
    print("another batch size needs another learning rate:")
    print(next_command(ROOT, "scripts/find_lr.py", arguments.overrides, data__batch_size=found.suggestion))


if __name__ == "__main__":
    run_script(main, CONFIGS)
