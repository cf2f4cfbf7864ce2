from typing import Any

import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from leyden.data.transforms import apply, build_steps
from leyden.system.errors import UserError
from tests.helpers.image_files import write_folders
from tests.leyden.helpers import noise_images

HELPERS = "tests.leyden.helpers.noise_images"
SETTING = "data.train_transform"


@pytest.fixture(autouse=True)
def _helpers_are_data_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {"data": (HELPERS,)}
    monkeypatch.setattr("leyden.records.project_functions.modules_of_functions", lambda section: modules[section])


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("RandomHorizontalFlip", v2.RandomHorizontalFlip()),
        ({"RandomHorizontalFlip": None}, v2.RandomHorizontalFlip()),
        ({"RandomRotation": 10}, v2.RandomRotation(10)),
        ({"RandomCrop": {"size": 28, "padding": 2}}, v2.RandomCrop(28, padding=2)),
        ({"RandomCrop": [28, 2]}, v2.RandomCrop(28, 2)),
        ({"RandomResizedCrop": [20, [0.5, 1.0]]}, v2.RandomResizedCrop(20, [0.5, 1.0])),
        ({"RandomRotation": [-10, 10]}, v2.RandomRotation([-10, 10])),
        ({"CenterCrop": [8, 9]}, v2.CenterCrop([8, 9])),
        ({"Resize": [8, 9]}, v2.Resize([8, 9])),
        ({"RandomResizedCrop": [8, 8]}, v2.RandomResizedCrop([8, 8])),
        ({"ColorJitter": [0.1, 0.2, 0.3, 0.1]}, v2.ColorJitter(0.1, 0.2, 0.3, 0.1)),
        ({"Normalize": [0.1, 0.3]}, v2.Normalize([0.1], [0.3])),
        ({"Normalize": [0.5, 0.5]}, v2.Normalize([0.5], [0.5])),
        ({"Normalize": {"mean": [0.1, 0.2], "std": 0.3}}, v2.Normalize([0.1, 0.2], [0.3])),
        ({"Resize": {"size": [8, 9], "interpolation": "nearest"}}, v2.Resize([8, 9], v2.InterpolationMode.NEAREST)),
        ({"AutoAugment": "cifar10"}, v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10)),
        ({"RandomChoice": ["RGB", {"Pad": 2}]}, v2.RandomChoice([v2.RGB(), v2.Pad(2)])),
        ({"RandomOrder": {"transforms": ["RGB", {"Pad": 2}]}}, v2.RandomOrder([v2.RGB(), v2.Pad(2)])),
        ({"RandomApply": {"transforms": [{"Pad": 2}], "p": 0.3}}, v2.RandomApply([v2.Pad(2)], 0.3)),
        (
            {"ToDtype": {"dtype": "torch.float32", "scale": True}},
            v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, True)]),
        ),
        ("ToTensor", v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])),
        ({"Lambda": f"{HELPERS}.invert"}, v2.Lambda(noise_images.invert)),
        ({"Lambda": {"lambd": f"{HELPERS}.invert"}}, v2.Lambda(noise_images.invert)),
    ],
)
def test_an_entry_is_a_class_of_torchvision_by_its_name(entry: Any, expected: v2.Transform) -> None:
    [step] = build_steps([entry], SETTING)
    assert repr(step) == repr(expected)
    assert type(step) is type(expected)


def test_an_object_is_taken_as_it_is() -> None:
    flip = v2.RandomHorizontalFlip(1.0)
    assert build_steps([flip, noise_images.invert], SETTING) == [flip, noise_images.invert]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("RandomRotatoin", r"torchvision\.transforms\.v2 has no RandomRotatoin; did you mean RandomRotation\?"),
        ({"Rotation": 10}, r"torchvision\.transforms\.v2 has no Rotation; did you mean RandomRotation\?"),
        ("Transform", r"torchvision\.transforms\.v2 has no Transform; there are: AugMix, .*"),
        ("CutMix", r"CutMix mixes the images of a batch; write data\.cutmix=1\.0 in place of it"),
        ({"RandomCrop": {"size": 28, "pading": 2}}, r"RandomCrop has no argument pading; did you mean padding\?"),
        ("RandomCrop", r"RandomCrop: missing a required argument: 'size'"),
        ({"RandomHorizontalFlip": 3}, r"RandomHorizontalFlip: `p` should be a floating point value .*"),
        ({"ColorJitter": {"brightness": "much"}}, r"ColorJitter: .*"),
        ({"CenterCrop": [24, 24, 1]}, r"CenterCrop: too many positional arguments"),
        (
            {"RandomCrop": [28, 28]},
            r"\{RandomCrop: \[28,28\]\} is ambiguous; write \{RandomCrop: \{size: .* or .*",
        ),
        (
            {"Resize": {"size": 8, "interpolation": "nearst"}},
            r"Resize: interpolation=nearst is not known; did you mean nearest\?",
        ),
        ({"ToDtype": "float31"}, r"ToDtype: dtype=float31 is no type of torch; write float32 or uint8"),
        (
            {"RandomApply": {"transforms": ["RandomFlop"]}},
            r"torchvision\.transforms\.v2 has no RandomFlop; .*",
        ),
        ({"RandomChoice": [{"Normalize": [0.1, 0.2]}]}, r"Normalize cannot be part of another transform; .*"),
        (
            {"RandomRotation": 5, "Pad": 2},
            r"\{RandomRotation: 5,Pad: 2\} must name one transform; write each as an entry, \[\{RandomRotation: 5\},.*",
        ),
        (7, r"7 must be a name, as RandomHorizontalFlip, or \{RandomRotation: 10\}"),
        (f"{HELPERS}.invert", r".*invert is no transform; for a function of the project write \{Lambda: .*invert\}"),
        ({"Lambda": f"{HELPERS}.inverse"}, r"Lambda=.*\.inverse: there is no such function"),
        ({"Lambda": f"{HELPERS}.no.invert"}, r"Lambda=.*: there is no such function"),
        *(
            ({"Lambda": name}, rf"Lambda=.*: must be a function in {HELPERS}")
            for name in ("os.system", "invert", f"{HELPERS}._private", "lambda x: 1 - x", 3, None)
        ),
        ({"Lambda": "tests.leyden.helpers.logged.invert"}, rf"Lambda=.*: must be a function in {HELPERS}"),
        ({"Lambda": f"{HELPERS}.torch"}, rf"Lambda=.*\.torch: must be a function that {HELPERS} defines itself"),
    ],
)
def test_a_wrong_entry_is_one_line(entry: Any, message: str) -> None:
    with pytest.raises(UserError, match=rf"^data\.train_transform: {message}$") as caught:
        build_steps(["RandomHorizontalFlip", entry], SETTING)
    assert "\n" not in str(caught.value)


def test_a_function_that_a_module_of_the_project_imports_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise_images, "write_folders", write_folders, raising=False)
    with pytest.raises(
        UserError, match=rf"^data\.train_transform: Lambda=.*: must be a function that {HELPERS} defines"
    ):
        build_steps([{"Lambda": f"{HELPERS}.write_folders"}], SETTING)


def test_a_transform_that_cannot_be_applied_is_one_line_and_a_bug_of_the_project_keeps_its_type() -> None:
    image = Image.new("L", (8, 8))
    for entry in ({"RandomCrop": 9}, {"RandomApply": {"transforms": [{"RandomCrop": 9}], "p": 1.0}}):
        [step] = build_steps([entry], SETTING)
        with pytest.raises(UserError, match=r"^data\.train_transform: Random\w+ cannot be applied: .*larger than"):
            apply(step, image, SETTING)
    [bug] = build_steps([{"Compose": [{"Lambda": f"{HELPERS}.fail"}]}], SETTING)
    with pytest.raises(ZeroDivisionError):
        apply(bug, image, SETTING)
