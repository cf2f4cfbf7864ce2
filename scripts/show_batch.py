"""Plot one training batch as the network sees it: augmented, with its labels.

    python scripts/show_batch.py experiment=mnist_cnn data.augment.rotation=20
    python scripts/show_batch.py data=image_folder data.root=images data.batch_size=32 --output batch.png

The normalisation is undone, so that colours are those of the images.
"""

import sys
from pathlib import Path

try:
    import torch  # noqa: F401  # missing outside the environment
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    sys.path.append(str(Path(__file__).parents[1]))
    from src.leyden.system.environment import restart

    restart(missing)

from leyden.cli.entry_point import report_user_errors
from leyden.cli.script_options import ScriptParser, check_plot_file
from leyden.config.compose import compose
from leyden.plots.images import class_captions, image_grid, is_image, to_pixels
from leyden.plots.plot import plot_style
from leyden.system.errors import UserError
from leyden.training.build import build_data

CONFIGS = Path(__file__).parents[1] / "configs"


def main() -> None:
    parser = ScriptParser(__doc__, overrides=True)
    parser.add_argument("--output", type=Path, default=Path("batch.png"), help="the plot (default: %(default)s)")
    arguments = parser.parse_intermixed_args()
    check_plot_file(arguments.output)

    config = compose(arguments.overrides, configs=CONFIGS).config
    datamodule = build_data(config)
    spec = datamodule.spec
    if not is_image(spec):
        shape = "×".join(map(str, spec.input_shape))
        raise UserError(f"data: an input of shape {shape} is no image; choose image data, such as data=mnist")
    inputs, targets = next(iter(datamodule.loader("train", **datamodule.order("train"))))
    datamodule.teardown("fit")

    captions = class_captions(targets, spec) if spec.task == "classification" else list(map(str, targets.tolist()))
    with plot_style():
        title, lines = "A training batch, as the network receives it", 1 + any("\n" in text for text in captions)
        figure = image_grid(to_pixels(inputs, spec), captions, title, lines=lines)
        figure.savefig(arguments.output)
    print(f"{arguments.output}: {len(inputs)} of {datamodule.describe()}", file=sys.stderr)


if __name__ == "__main__":
    with report_user_errors():
        main()
