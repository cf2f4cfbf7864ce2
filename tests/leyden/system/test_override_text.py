"""Settings as they are typed: Hydra and a shell read the same value again."""

import shlex
import subprocess
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from leyden.config.messages.remedies import fitting
from leyden.config.sections import settable
from leyden.config.signature import signature_of
from leyden.system.override_text import continued, in_shell, setting

VALUES: list[Any] = [
    *(None, True, False, 0, -3, 2.5, 1e-9, "", " ", "a", "a b", "2010", "1e5", "true", "null", "1_000", "2020-01-31"),
    *(
        "it's",
        'say "no"',
        'it\'s "both"',
        "a,b",
        "a=b",
        "a:b",
        "(x)",
        "[x]",
        "{x}",
        "$HOME",
        "`id`",
        "!x",
        "\\",
        "a\\'b",
    ),
    *("x\\", "a#b", "*", "~/x", "%", "é 日本", "a;b&c|d>e", "-1", "+x", "=", "?"),
    *([], ["a", "2010", "it's"], [1, 2.5, None], [[1], ["a,b"]], {"a": 1}, {"a": "it's", "b": [1]}),
]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_comes_back_through_hydra_and_a_shell(value: Any) -> None:
    typed = setting("data.target", value)
    (word,) = shlex.split(typed)
    (override,) = OverridesParser.create().parse_overrides([word])
    assert override.key_or_group == "data.target"
    assert override.value() == value


def test_bash_reads_a_word_as_it_was() -> None:
    words = [f"data.target={value}" for value in VALUES if isinstance(value, str)]
    printed = subprocess.run(
        ["bash", "-c", "printf '%s\\n' " + " ".join(map(in_shell, words))], capture_output=True, text=True, check=True
    )
    assert printed.stdout.split("\n")[:-1] == words


@pytest.mark.parametrize("width", [20, 40, 80, 1000])
def test_a_shell_joins_the_lines_of_a_long_command(width: int) -> None:
    words = ["python", "train.py", "-m", *(f"data.target={value}" for value in VALUES if isinstance(value, str))]
    command = " ".join(map(in_shell, words))
    lines = continued(command, width).split("\n")
    assert all(line.endswith(" \\") for line in lines[:-1])
    assert all(len(line) <= width or len(shlex.split(line.removesuffix(" \\"))) == 1 for line in lines)
    script = "printf '%s\n' " + "\n".join(lines)
    printed = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert printed.stdout.split("\n")[:-1] == words
    assert (width == 1000) or len(lines) > 1


@pytest.mark.parametrize(
    ("target", "name", "value", "text", "meant"),
    [
        ("leyden.data.csv.CSV", "path", 2010, "2010", "2010"),
        ("leyden.data.csv.CSV", "path", 1e5, "1e5", "1e5"),
        ("leyden.data.csv.CSV", "path", True, "TRUE", "TRUE"),
        ("leyden.data.csv.CSV", "path", None, "null", "null"),
        ("leyden.callbacks.hooks.Hooks", "layers", [2010, "a"], "[2010,a]", ["2010", "a"]),
        ("leyden.data.csv.CSV", "ignore", 2010, "2010", [2010]),
        ("leyden.data.csv.CSV", "ignore", "id", "id", ["id"]),
        ("myproject.models.mlp.MLP", "hidden_sizes", 10, "10", [10]),
        ("myproject.models.mlp.MLP", "hidden_sizes", "10x20", "10x20", [10, 20]),
        ("myproject.models.mlp.MLP", "hidden_sizes", [10.0], "[10.0]", [10]),
        ("myproject.models.mlp.MLP", "batch_norm", "off", "off", False),
        ("myproject.models.pretrained.Pretrained", "stem", "CIFAR", "CIFAR", "cifar"),
        ("lightning.pytorch.Trainer", "max_epochs", 1e3, "1e3", 1000),
        ("lightning.pytorch.Trainer", "max_epochs", "None", "None", None),
    ],
)
def test_a_value_of_another_type_is_written_in_the_type_that_is_needed(
    target: str, name: str, value: Any, text: str, meant: Any
) -> None:
    signature = signature_of(target)
    assert signature
    assert not signature.parameters[name].accepts(value)
    assert fitting(signature.parameters[name], value, text) == meant


def test_nothing_is_made_of_what_has_no_meaning() -> None:
    signature = signature_of("torch.optim.Adam")
    assert signature
    for name, value in {"lr": "fast", "betas": 0.9, "fused": "maybe"}.items():
        with pytest.raises(LookupError):
            fitting(signature.parameters[name], value)


def test_all_arguments_of_what_is_built_may_be_set() -> None:
    names = settable({"optimizer": {"_target_": "torch.optim.SGD", "lr": 0.1}, "seed": 1})
    assert {"optimizer.lr", "optimizer.momentum", "optimizer.lr_scale", "seed"} <= set(names)
    assert "optimizer.params" not in names
