"""Plot one training batch as the network sees it: augmented, with its labels.

    python scripts/show_batch.py experiment=mnist_cnn data.augment.rotation=20
    python scripts/show_batch.py data=image_folder data.root=images data.batch_size=32 --output batch.png

The normalisation is undone, so that colours are those of the images.
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
from torch import Tensor

from leyden.cli.entry_point import report_user_errors
from leyden.cli.script_options import ScriptParser, check_plot_file
from leyden.config.compose import compose
from leyden.data.spec import DataSpec
from leyden.system.errors import UserError
from leyden.training.build import build_data

CONFIGS = Path(__file__).parents[1] / "configs"


def to_images(inputs: Tensor, spec: DataSpec) -> Tensor:
    """(B, H, W, 3) colours or (B, H, W) greys in [0, 1], from normalised inputs (B, C, H, W)."""
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (spec.mean, spec.std))
    images = (inputs.cpu() * std + mean).clamp(0, 1).permute(0, 2, 3, 1)
    return images.squeeze(3) if images.shape[3] == 1 else images


def main() -> None:
    parser = ScriptParser(__doc__, overrides=True)
    parser.add_argument("--output", type=Path, default=Path("batch.png"), help="the plot (default: %(default)s)")
    arguments = parser.parse_intermixed_args()
    check_plot_file(arguments.output)
    from matplotlib.figure import Figure

    config = compose(arguments.overrides, configs=CONFIGS).config
    datamodule = build_data(config)
    spec = datamodule.spec
    if len(spec.input_shape) != 3:
        shape = "×".join(map(str, spec.input_shape))
        raise UserError(f"data: an input of shape {shape} is no image; choose image data, such as data=mnist")
    inputs, targets = next(iter(datamodule.train_dataloader()))
    datamodule.teardown("fit")

    columns = math.ceil(math.sqrt(len(inputs)))
    rows = math.ceil(len(inputs) / columns)
    figure = Figure(figsize=(1.3 * columns, 1.5 * rows), layout="constrained")
    for place, (image, target) in enumerate(zip(to_images(inputs, spec), targets.tolist(), strict=True), start=1):
        axes = figure.add_subplot(rows, columns, place)
        axes.imshow(image.numpy(), cmap="gray", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel(spec.class_names[target] if spec.class_names else target, fontsize=8)
    figure.savefig(arguments.output, dpi=120)
    print(f"{arguments.output}: {len(inputs)} of {datamodule.describe()}", file=sys.stderr)


if __name__ == "__main__":
    with report_user_errors():
        main()
