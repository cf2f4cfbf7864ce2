"""Find a learning rate: short trainings in which it grows from step to step, and the rate that their loss suggests.

    python scripts/find_lr.py experiment=mnist_mlp
    python scripts/find_lr.py experiment=csv_mlp optimizer=sgd data.batch_size=16 --output sgd.png
    python scripts/find_lr.py experiment=mnist_cnn --min-lr 1e-5 --max-lr 1 --steps 200

The network is trained with the experiment's own data, optimizer, loss, device, precision, gradient clipping and
accumulation, for 100 steps from 1e-7 to 10, without its schedule; three times, with other seeds. A training ends early
where its loss diverges. The curve is drawn, and the command that trains with the suggested rate is printed. Nothing
else is written: no run directory, no checkpoint.

With a schedule the suggestion is its highest rate, as optimizer.lr is. A range test of Smith (2015), Cyclical learning
rates for training neural networks.
"""

import sys
from pathlib import Path

try:
    from leyden.cli.entry_point import report_user_errors
    from leyden.config.compose import compose
    from leyden.config.vocabulary import Vocabulary
    from leyden.system.console import set_up_logging
    from leyden.system.errors import UserError
    from leyden.tuning.command import Parser, command, progress_bar
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    sys.path.append(str(Path(__file__).parents[1]))
    from src.leyden.system.environment import restart

    restart(missing)

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs"


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--min-lr", type=float, default=1e-7, help="of the first step (default: %(default)s)")
    parser.add_argument("--max-lr", type=float, default=10.0, help="of the last step (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=100, help="of each training (default: %(default)s)")
    parser.add_argument("--trials", type=int, default=3, help="trainings (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("learning_rate.png"), help="default: %(default)s")
    arguments = parser.parse_intermixed_args()
    experiment = compose(arguments.overrides, configs=CONFIGS)
    from leyden.tuning.learning_rate import check_range, find_lr  # torch comes in only with a config that holds
    from leyden.tuning.plot import check_output, draw

    settings = arguments.min_lr, arguments.max_lr, arguments.steps, arguments.trials
    check_range(*settings)
    check_output(arguments.output)
    with progress_bar("range test", arguments.steps * arguments.trials) as advance:
        test = find_lr(experiment, *settings, advance=advance)
    draw(test, f"{experiment.name}: {experiment.config['optimizer']['_target_'].rpartition('.')[2]}", arguments.output)
    if test.suggestion is None:
        raise UserError(
            f"the loss does not fall between {test.rates[0]:g} and {test.rates[len(test.smoothed) - 1]:g}, so there is "
            f"no suggestion (curve: {arguments.output}); does the network learn one batch by heart? "
            + command(ROOT, "train.py", arguments.overrides, debug="overfit_batch")
        )
    print(f"suggested learning rate: {test.suggestion:g} (curve: {arguments.output})")
    if not test.has_edge:
        print(f"training is still stable at {test.rates[-1]:g}: a greater --max-lr may suggest a greater rate")
    print(command(ROOT, "train.py", arguments.overrides, optimizer__lr=f"{test.suggestion:g}"))


if __name__ == "__main__":
    with report_user_errors() as errors:
        errors.words = Vocabulary(CONFIGS / "train.yaml")
        set_up_logging()
        main()
