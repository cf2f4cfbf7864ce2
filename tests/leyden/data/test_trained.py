"""Data for a network that was trained on others: seen as it knows them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from leyden.config.compose import compose
from leyden.data.csv import CSV
from leyden.data.folder import ImageFolder
from leyden.data.module import DataModule
from leyden.data.spec import DataSpec
from leyden.system.errors import UserError
from leyden.training.build import build_data
from myproject.data.mnist import MNIST
from tests.helpers.image_files import write_folders
from tests.leyden.helpers.csv_files import rows, write


def ready(data: DataModule, trained: DataSpec | None = None) -> Any:
    data.reference_spec = trained
    data.prepare_data()
    data.setup()
    return data


def batch(data: DataModule, split: str = "test") -> tuple[Tensor, Tensor]:
    loader: Any = getattr(data, f"{split}_dataloader")()
    inputs, targets = next(iter(loader))
    return inputs, targets


def images(root: Path, cache: bool) -> ImageFolder:
    return ImageFolder(str(root), size=12, num_workers=0, cache=cache)


@pytest.mark.parametrize("cache", [True, False])
def test_images_are_normalised_as_in_training(cache: bool, tmp_path: Path) -> None:
    first = ready(images(write_folders(tmp_path / "first", train=6, val=2, test=2), cache))
    trained = replace(first.spec, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    again = ready(images(tmp_path / "first", cache), trained)
    assert again.spec == trained != first.spec
    raw = [
        inputs * torch.tensor(spec.std).view(-1, 1, 1) + torch.tensor(spec.mean).view(-1, 1, 1)
        for inputs, spec in ((batch(first)[0], first.spec), (batch(again)[0], trained))
    ]
    assert torch.allclose(*raw, atol=1e-6)
    assert not torch.allclose(batch(first)[0], batch(again)[0], atol=0.1)


def test_images_of_the_mnist_family_are_too(mnist_root: Path) -> None:
    sizes = {"train_size": 64, "val_size": 64}
    trained = replace(ready(MNIST(str(mnist_root), **sizes)).spec, mean=(0.25,), std=(0.125,))
    assert ready(MNIST(str(mnist_root), **sizes), trained).spec == trained


def table(folder: Path, content: str, **settings: Any) -> CSV:
    return CSV(str(write(folder / "table.csv", content)), **{"target": "y", "val_size": 0.0, **settings})


def test_tables_are_encoded_and_scaled_as_in_training(tmp_path: Path) -> None:
    first = ready(table(tmp_path, rows(60)))
    longer = "x,c,y\n" + "".join(f"{100 + i}.5,{'uvwz'[i % 4]},{i + 50}\n" for i in range(40))
    again = ready(table(tmp_path, longer), first.spec)
    assert again.spec == first.spec
    alone = ready(table(tmp_path, longer))
    assert alone.spec != first.spec
    inputs, targets = (torch.cat([again.splits[split][place] for split in ("train", "test")]) for place in (0, 1))
    column = first.spec.columns["features"][0]
    assert inputs[:, 0].min() > 5, "x is far from what it was in training"
    assert inputs.shape[1] == 1 + 3 + ("missing" in column), "z, which training has not seen, has no column"
    numbers = targets * first.spec.target_std[0] + first.spec.target_mean[0]
    assert sorted(numbers.flatten().round().int().tolist()) == list(range(50, 90))


def test_columns_may_come_in_another_order_and_more_of_them(tmp_path: Path) -> None:
    first = ready(table(tmp_path, rows(40)))
    lines = [line.split(",") for line in rows(40).split()]
    swapped = "\n".join(",".join([y, "7", c, x] if x != "x" else ["y", "other", "c", "x"]) for x, c, y in lines)
    again = ready(table(tmp_path, swapped + "\n"), first.spec)
    assert again.spec == first.spec
    for split in ("train", "test"):
        assert torch.equal(first.splits[split][0], again.splits[split][0])


def test_a_table_without_one_of_the_columns_is_refused(tmp_path: Path) -> None:
    first = ready(table(tmp_path, rows(40)))
    fewer = "\n".join(",".join(line.split(",")[1:]) for line in rows(40).split())
    with pytest.raises(UserError, match="has no column x"):
        ready(table(tmp_path, fewer + "\n"), first.spec)


@pytest.mark.parametrize(
    ("settings", "typed"),
    [
        ({"ignore": ["c"]}, r"data\.ignore=\[c\]"),
        ({"ignore": ["c", "x"]}, r"data\.ignore=\[c,x\]"),
        ({"features": ["c"]}, r"data\.features=\[c\]"),
        ({"split_column": "c"}, r"data\.split_column=c"),
    ],
)
def test_a_setting_that_leaves_out_one_of_the_columns_is_named(
    settings: dict[str, Any], typed: str, tmp_path: Path
) -> None:
    first = ready(table(tmp_path, rows(40)))
    with pytest.raises(UserError, match=rf"^{typed}: the network was trained on [xc]; leave this setting out$"):
        ready(table(tmp_path, rows(40), **settings), first.spec)
    more = rows(40).replace("\n", ",7\n").replace("y,7", "y,z")
    assert ready(table(tmp_path, more, ignore=["z"]), first.spec).spec == first.spec
    assert ready(table(tmp_path, more, features=["x", "c"]), first.spec).spec == first.spec


def test_classes_are_counted_as_in_training_though_some_do_not_occur(tmp_path: Path) -> None:
    first = ready(table(tmp_path, rows(40), target="c"))
    assert first.spec.class_names == ("u", "v", "w")
    fewer = "x,c,y\n" + "".join(f"{i},{'vw'[i % 2]},{i % 5}\n" for i in range(40))
    again = ready(table(tmp_path, fewer, target="c"), first.spec)
    assert again.spec == first.spec
    assert set(torch.cat([again.splits[split][1] for split in ("train", "test")]).tolist()) == {1, 2}


def other_classes(folder: Path) -> tuple[list[str], list[str]]:
    write(folder / "a.csv", rows(40))
    write(folder / "b.csv", "x,c,y\n" + "".join(f"{i},{'vz'[i % 2]},{i % 5}\n" for i in range(40)))
    typed = ["data=csv", "data.target=c", "model=mlp", "task=classification"]
    return [*typed, f"data.path={folder}/a.csv"], [*typed, f"data.path={folder}/b.csv"]


def other_numbers(folder: Path) -> tuple[list[str], list[str]]:
    write(folder / "a.csv", rows(40))
    write(folder / "b.csv", rows(40, header="x,c,z"))
    typed = ["data=csv", "model=mlp"]
    return [*typed, "data.target=y", f"data.path={folder}/a.csv"], [
        *typed,
        "data.target=z",
        f"data.path={folder}/b.csv",
    ]


def other_folders(folder: Path) -> tuple[list[str], list[str]]:
    write_folders(folder / "a", train=6, val=2, test=2)
    write_folders(folder / "b", train=6, val=2, test=2)
    for part in ("train", "val", "test"):
        (folder / "b" / part / "emu").rename(folder / "b" / part / "fox")
    typed = ["data=image_folder", "data.size=16", "model=cnn"]
    return [*typed, f"data.root={folder}/a"], [*typed, f"data.root={folder}/b"]


def other_sizes(folder: Path) -> tuple[list[str], list[str]]:
    typed, _ = other_folders(folder)
    return typed, [*typed, "data.size=20"]


def other_kind(folder: Path) -> tuple[list[str], list[str]]:
    of_classes, _ = other_classes(folder)
    return of_classes, ["data=csv", "model=mlp", "data.target=y", of_classes[-1]]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("others", "named"),
    [
        (other_classes, "class_names is ('v', 'z'), and the network was trained on ('u', 'v', 'w')"),
        (other_numbers, "target_names is ('z',), and the network was trained on ('y',)"),
        (other_folders, "class_names is ('cat', 'dog', 'fox'), and the network was trained on ('cat', 'dog', 'emu')"),
        (other_sizes, "input_shape is (3, 20, 20), and the network was trained on (3, 16, 16)"),
        (other_kind, "data.target=y: the network was trained on y; leave this setting out"),
    ],
)
def test_data_of_another_kind_are_refused(
    others: Callable[[Path], tuple[list[str], list[str]]], named: str, tmp_path: Path
) -> None:
    first, second = (compose(typed).config for typed in others(tmp_path))
    trained = build_data(first).spec
    assert build_data(first, trained).spec == trained
    with pytest.raises(UserError) as refusal:
        build_data(second, trained)
    assert named in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_data_for_a_network_that_is_trained_need_nothing_to_validate_on(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", rows(40))
    config = compose(["data=csv", "model=mlp", f"data.path={tmp_path}/a.csv", "data.target=y"]).config
    trained = build_data(config).spec
    config["data"]["val_size"] = 0
    assert build_data(config, trained).spec == trained
    with pytest.raises(UserError, match="there is no validation set"):
        build_data(config)
