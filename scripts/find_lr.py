"""Find a learning rate by a range test: short trainings in which it grows from step to step.

    python scripts/find_lr.py experiment=mnist_mlp
    python scripts/find_lr.py experiment=csv_mlp optimizer=sgd data.batch_size=16 --output sgd.png
    python scripts/find_lr.py experiment=mnist_cnn --min-lr 1e-5 --max-lr 1 --steps 200

The network is trained with the experiment's own data, optimizer, loss, device, precision, gradient clipping and
accumulation, for 100 steps from 1e-7 to 10, without its schedule; three times, with different seeds. A training ends
early when its loss diverges. The curve is plotted, and the command that trains with the suggested rate is printed.
Nothing else is written: no run directory, no checkpoint.

With a schedule the suggestion is its highest rate, as optimizer.lr is. Smith (2015), Cyclical learning rates for
training neural networks.
"""

import sys
from pathlib import Path

try:
    from leyden.cli.script_options import ScriptParser, check_plot_file, next_command, progress_bar, run_script
    from leyden.config.compose import compose
    from leyden.system.errors import UserError
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    sys.path.append(str(Path(__file__).parents[1]))
    from src.leyden.system.environment import restart

    restart(missing)

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs"


def main() -> None:
    parser = ScriptParser(__doc__, overrides=True)
    parser.add_argument("--min-lr", type=float, default=1e-7, help="rate of the first step (default: %(default)s)")
    parser.add_argument("--max-lr", type=float, default=10.0, help="rate of the last step (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=100, help="of each training (default: %(default)s)")
    parser.add_argument("--trials", type=int, default=3, help="number of trainings (default: %(default)s)")
    parser.add_argument(
        "--output", type=Path, default=Path("learning_rate.png"), help="the plot (default: %(default)s)"
    )
    arguments = parser.parse_intermixed_args()
    experiment = compose(arguments.overrides, configs=CONFIGS)
    from leyden.tuning.learning_rate import check_range, find_lr  # torch, only for a valid config
    from leyden.tuning.range_test_plot import draw

    settings = arguments.min_lr, arguments.max_lr, arguments.steps, arguments.trials
    check_range(*settings)
    check_plot_file(arguments.output)
    with progress_bar("range test", arguments.steps * arguments.trials) as advance:
        test = find_lr(experiment, *settings, advance=advance)
    draw(test, f"{experiment.name}: {experiment.config['optimizer']['_target_'].rpartition('.')[2]}", arguments.output)
    if test.suggestion is None:
        raise UserError(
            f"the loss does not fall between {test.rates[0]:g} and {test.rates[len(test.smoothed) - 1]:g}, so there is "
            f"no suggestion (curve: {arguments.output}); does the network learn one batch by heart? "
            + next_command(ROOT, "train.py", arguments.overrides, debug="overfit_batch")
        )
    print(f"suggested learning rate: {test.suggestion:g} (curve: {arguments.output})")
    if not test.has_edge:
        print(f"training is still stable at {test.rates[-1]:g}: a larger --max-lr may suggest a larger rate")
    print(next_command(ROOT, "train.py", arguments.overrides, optimizer__lr=f"{test.suggestion:g}"))


if __name__ == "__main__":
    run_script(main, CONFIGS)
