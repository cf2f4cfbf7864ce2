"""Suggestions for wrong names, and none that is unrelated."""

from pathlib import Path

import pytest

from leyden.config.compose import compose
from leyden.config.messages.aliases import ALIASES, OF_A_RUN, SECTIONS, SWITCHES
from leyden.config.vocabulary import Vocabulary

CONFIGS = Path(__file__).parents[3] / "configs"
TRAIN, PREDICT = Vocabulary(CONFIGS / "train.yaml"), Vocabulary(CONFIGS / "predict.yaml")


@pytest.mark.parametrize(
    "key",
    [
        "data.in_order",
        "data.pin_memory_device",
        "trainer.auto_lr_find",
        "shuffling",
        "nodal",
        "name",
        "verbose",
        "sched_x",
    ],
)
def test_a_list_is_better_than_an_unrelated_name(key: str) -> None:
    hint = TRAIN.hint(key, "1")
    assert hint.startswith("; there are: ")
    assert "did you mean" not in hint


def test_data_are_not_changed_for_a_setting() -> None:
    hint = TRAIN.hint("resize", "256")
    assert hint.startswith("; data.resize is for data=image_folder and data=torchvision")
    assert TRAIN.instead("resize", "256", ["data=image_folder"]) == ["data.resize=256"]


def test_files_that_the_command_chooses_are_not_chosen_again() -> None:
    assert TRAIN.instead("momentum", "0.9") == ["optimizer=sgd optimizer.momentum=0.9"]
    assert TRAIN.instead("momentum", "0.9", ["optimizer=sgd"]) == ["optimizer.momentum=0.9"]
    assert TRAIN.instead("momentum", "0.9", ["optimizer=adam"]) == []
    assert "optimizer.momentum is for optimizer=sgd" in TRAIN.hint("momentum", "0.9", ["optimizer=adam"])


def test_every_alias_leads_to_something_that_there_is() -> None:
    settings = {name for file in TRAIN.all_files for name in file.settings} | set(TRAIN.settings())
    assert {meant for meant in ALIASES.values() if meant not in settings} == set()
    assert {meant for meant in OF_A_RUN.values() if meant not in PREDICT.keys} == {"split"}
    assert {meant for meant in SECTIONS.values() if not any(name.startswith(f"{meant}.") for name in settings)} == set()
    for meant in SWITCHES.values():
        for one in meant.split():
            key, _, value = one.partition("=")
            assert key in settings
            assert not TRAIN.is_group(key) or value in TRAIN.files(key)


def test_a_correct_command_is_composed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names that there are cost as much time as the config; they are composed for a mistake only."""

    again: list[object] = []
    monkeypatch.setattr("leyden.config.names.Names._composed", lambda _, choices: again.append(choices) or {})
    assert compose(["experiment=mnist_mlp", "optimizer.lr=0.1", "paths.log_dir=elsewhere"], configs=CONFIGS).config
    assert again == []
