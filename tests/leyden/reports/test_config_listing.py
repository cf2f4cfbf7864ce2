"""leyden.reports.config_listing and before: marks, former values, secrets."""

import re
from pathlib import Path
from typing import Any

import yaml

from leyden.config.compose import compose
from leyden.reports.before import NOT_SET, Before, values_before
from leyden.reports.config_listing import count_lines, marked_config, overrides_table
from tests.leyden.helpers.reported_runs import CONFIG, Page

CONFIGS = Path(__file__).parents[3] / "configs"


def marked(html: str) -> list[str]:
    return [re.sub("<[^>]*>", "", text) for text in re.findall("<mark>(.*?)</mark>", html, re.DOTALL)]


def test_the_listing_is_the_yaml_of_the_config() -> None:
    config = {**CONFIG, "text": "a: b\n- c", "empty": {}, "none": None, "list": [{"a": 1}, [2]], 7: "7", "on": "yes"}
    text = Page(marked_config(config, [])).texts
    assert yaml.safe_load("".join(text)) == config
    assert count_lines(config) == "".join(text).count("\n") + 1


def test_overridden_settings_and_chosen_sections_are_marked() -> None:
    before = Before({"optimizer.lr": 0.001, "model.dropout": NOT_SET}, {"model": "mlp"}, True)
    html = marked_config(CONFIG, ["experiment=some", "optimizer.lr=2e-3", "++model.dropout=0.5", "model=cnn"], before)
    assert marked(html) == ["model:", "dropout: 0.5", "lr: 0.002"]
    lines = Page(html).text
    assert "model: # model=cnn, was mlp" in lines
    assert "lr: 0.002 # was 0.001" in lines
    assert "dropout: 0.5 optimizer" in lines


def test_an_overridden_mapping_is_marked_as_a_whole() -> None:
    config = {"optimizer": {"lr_scale": {"output": 10, "hidden": 1}, "lr": 1}}
    assert marked(marked_config(config, ["optimizer.lr_scale={output: 10}"])) == [
        "lr_scale:",
        "output: 10",
        "hidden: 1",
    ]


def test_odd_keys_and_values_are_escaped() -> None:
    config: dict[str, Any] = {"<b>": "</code><script>", "url": "postgres://me:secret@host/db", "🚀": ["<i>", '"']}
    html = marked_config(config, ["url=x"])
    read = Page(html)
    assert set(read.names) == {"pre", "code", "mark", "span"}
    assert "secret" not in html
    assert "🚀: [<i>, '\"']" in read.text


def test_the_table_of_overrides() -> None:
    before = Before({"a.b": [1, 2], "c": NOT_SET}, {"model": "mlp"}, True)
    text = Page(overrides_table(["experiment=x", "a.b=3", "++c=4", "model=cnn"], before)).text
    assert text == "setting value before experiment x a.b 3 [1, 2] c 4 not set model cnn mlp"
    assert "before" not in overrides_table(["a.b=3"], Before())
    assert "None: the experiment as its YAML files have it." in overrides_table([], Before())


def test_values_before_overrides_are_those_of_the_yaml_files() -> None:
    typed = ["experiment=mnist_mlp", "model=cnn", "optimizer.lr=0.5", "model.dropout=0.1", "trainer.deterministic=true"]
    found = values_before(compose(typed, CONFIGS).config, typed, CONFIGS)
    assert found.is_known
    values = yaml.safe_load((CONFIGS / "model" / "cnn.yaml").read_text())
    assert found.values["model.dropout"] == values.get("dropout", found.values["model.dropout"])
    assert found.values["trainer.deterministic"] is NOT_SET
    assert found.values["optimizer.lr"] == compose(typed[:2], CONFIGS).config["optimizer"]["lr"]
    assert found.choices == {"model": "mlp"}


def test_values_before_are_unknown_if_the_files_have_changed_since() -> None:
    typed = ["experiment=mnist_mlp", "optimizer.lr=0.5"]
    config = compose(typed, CONFIGS).config
    assert values_before(config, typed, CONFIGS).is_known
    assert not values_before({**config, "seed": 12345}, typed, CONFIGS).is_known
    assert not values_before(config, ["experiment=gone"], CONFIGS).is_known
    assert not values_before(config, typed, CONFIGS / "gone").is_known


def test_jobs_of_sweeps_have_values_before_too() -> None:
    typed = ["experiment=mnist_mlp", "optimizer.lr=0.5"]
    config = compose(typed, CONFIGS).config
    found = values_before(config, [*typed, "hydra/launcher=parallel", "sweep.name=x"], CONFIGS)
    assert found.is_known
    assert set(found.values) == {"optimizer.lr"}
