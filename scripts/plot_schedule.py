"""Plot the learning rate over a run.

    python scripts/plot_schedule.py scheduler=onecycle optimizer.lr=0.1 trainer.max_epochs=20
    python scripts/plot_schedule.py --steps 400 --output schedules.png        # all of them, side by side

Nothing is trained: the scheduler is stepped as Lightning would step it, with a metric that never improves, which
shows the reaction of scheduler=plateau.
"""

import math
import sys
from pathlib import Path

try:
    import torch
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    sys.path.append(str(Path(__file__).parents[1]))
    from src.leyden.system.environment import restart

    restart(missing)
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from leyden.cli.entry_point import report_user_errors
from leyden.cli.script_options import ScriptParser, check_plot_file
from leyden.config.compose import compose
from leyden.config.experiment import Config
from leyden.plots.plot import plot_style
from leyden.plots.style import BLUE, new_figure, set_margins
from leyden.system.errors import UserError
from leyden.training.build import build_optimizer, build_scheduler

CONFIGS = Path(__file__).parents[1] / "configs"


def learning_rates(config: Config, steps_in_epoch: int) -> list[float]:
    """Learning rate of each step of a run."""
    epochs = config["trainer"]["max_epochs"]
    if epochs < 1:
        raise UserError(f"trainer.max_epochs={epochs}: give the number of epochs to plot")
    optimizer = build_optimizer(config)(nn.Linear(1, 1))
    make = build_scheduler(config)
    plan = make(optimizer, epochs * steps_in_epoch, epochs) if make else None
    rates = []
    for step in range(1, epochs * steps_in_epoch + 1):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step(lambda: torch.zeros(()))  # schedulers warn if it was never stepped
        every = make.frequency * (1 if make.interval == "step" else steps_in_epoch) if make else 0
        if plan and step % every == 0:
            scheduler = plan["scheduler"]
            scheduler.step(0.0) if isinstance(scheduler, ReduceLROnPlateau) else scheduler.step()
    return rates


def main() -> None:
    parser = ScriptParser(__doc__, overrides=True)
    parser.add_argument("--steps", type=int, default=100, help="steps in an epoch (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("schedule.png"), help="the plot (default: %(default)s)")
    arguments = parser.parse_intermixed_args()
    check_plot_file(arguments.output)
    overrides = arguments.overrides
    chosen = [o.partition("=")[2] for o in overrides if o.startswith("scheduler=")]
    names = chosen or sorted(path.stem for path in (CONFIGS / "scheduler").glob("*.yaml"))
    rows = math.ceil(len(names) / 4)
    columns = math.ceil(len(names) / rows)
    with plot_style():
        figure, all_axes = new_figure(3.3 * columns + 0.6, 2.5 * rows + 0.3, rows, columns)
        set_margins(figure, left=0.85)
        for axes, name in zip(all_axes, names, strict=False):
            config = compose([f"scheduler={name}", *overrides], configs=CONFIGS).config
            rates = learning_rates(config, arguments.steps)
            axes.plot([step / arguments.steps for step in range(len(rates))], rates, color=BLUE)
            axes.set(title=name, xlabel="epoch", ylim=(0, None))
        for axes in all_axes[::columns]:
            axes.set_ylabel("learning rate")
        for axes in all_axes[len(names) :]:
            axes.remove()
        figure.savefig(arguments.output)
    print(f"{arguments.output}: {', '.join(names)}", file=sys.stderr)


if __name__ == "__main__":
    with report_user_errors():
        main()
