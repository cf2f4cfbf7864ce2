"""Columns of yes and no: what they may hold, and what is refused with a remedy that works."""

import re
import shlex
from pathlib import Path

import pytest
import torch

from leyden.config.compose import compose
from leyden.data.module import DataModule
from leyden.system.errors import UserError
from leyden.training.build import build_data
from tests.leyden.helpers.csv_files import write

TEXT = "x,p,q,r,s\n" + "".join(
    f"{i},{['No', 'YES'][i % 2]},{i % 3 // 2},{['false', 'True'][i % 5 // 4]},{i % 4}\n" for i in range(60)
)


def built(path: Path, *typed: str) -> DataModule:
    return build_data(compose(["data=csv", "model=linear", f"data.path={path}", *typed]).config)


def test_words_and_numbers_are_labels(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", TEXT)
    data = built(path, "task=multilabel", "data.target=[p,q,r]", "data.val_size=0", "monitor=train/loss", "mode=min")
    spec = data.spec
    assert (spec.task, spec.output_size, spec.target_names) == ("multilabel", 3, ("p", "q", "r"))
    assert (spec.class_names, spec.target_std) == ((), ())
    found = torch.cat([targets for loader in (data.loader("train"), data.loader("test")) for _, targets in loader])
    assert found.dtype == torch.float32
    expected = [
        sum(i % 2 == 1 for i in range(60)),
        sum(i % 3 == 2 for i in range(60)),
        sum(i % 5 == 4 for i in range(60)),
    ]
    assert found.sum(0).tolist() == expected


def test_lines_of_the_rows_are_known(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", TEXT.replace("YES", "", 1))  # a row without a target is left out
    data = built(path, "task=multilabel", "data.target=[p,q]")
    names = data.item_names("test")
    assert names is not None
    assert len(names) == len(set(names)) == 12
    assert "3" not in names


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["data.target=[p,q,s]"], "s holds 2, and task=multilabel predicts yes and no"),
        (["data.target=[p,s]"], "s holds 2"),
        (["data.target=p"], "for one add task=binary"),
    ],
)
def test_others_are_refused_with_a_remedy(typed: list[str], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", TEXT)
    with pytest.raises(UserError, match=message) as error:
        built(path, "task=multilabel", *typed)
    remedies = re.findall(r"as ((?:'data\.target=[^']*'|data\.target=\w+)(?: task=\w+)?)", str(error.value))
    assert remedies or "s holds" not in message
    for remedy in remedies:
        data = built(path, "task=multilabel", *typed, *shlex.split(remedy))
        assert data.spec.task in ("classification", "multilabel")
