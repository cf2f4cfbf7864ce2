import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
import torch
from torch import Tensor

from leyden.data.csv import CSV
from leyden.data.spec import DataSpec
from leyden.data.tables.column_types import Encoding, encode, fit, input_names
from leyden.system.errors import UserError
from tests.leyden.data.inputs.opened_inputs import read_inputs
from tests.leyden.helpers.csv_files import rows, write

ANY = Path("a.csv")
TRAIN = torch.arange(4)
DAYS = [date(2020, 1, 1), date(2020, 1, 3), None, date(2020, 1, 5), date(2021, 1, 1), None]


def made() -> pl.DataFrame:
    """Four rows to train on and two others."""
    return pl.DataFrame(
        {
            "n": [1.0, 2, 3, 6, 100, None],
            "m": [1.0, None, 3, 8, 7, None],
            "c": ["v", "u", None, "u", "w", None],
            "d": DAYS,
        }
    )


def fitted(table: pl.DataFrame, train: Tensor = TRAIN, max_categories: int = 100) -> Sequence[Encoding]:
    return fit(table, train, ANY, max_categories)


def test_inputs_are_standardised_numbers_and_dates_one_of_each_category_and_flags() -> None:
    columns = fitted(made())
    assert input_names(columns) == ["n", "m", "m is missing", "c=u", "c=v", "c is missing", "d", "d is missing"]
    inputs = encode(made(), columns, ANY)
    assert inputs.dtype == torch.float32
    n, m, d = 3.5**0.5, (26 / 3) ** 0.5, (8 / 3) ** 0.5  # the deviations of 1 2 3 6, of 1 3 8, and of 0 2 4 days
    expected = [
        [-2 / n, -3 / m, 0, 0, 1, 0, -2 / d, 0],
        [-1 / n, 0, 1, 1, 0, 0, 0, 0],
        [0, -1 / m, 0, 0, 0, 1, 0, 1],
        [3 / n, 4 / m, 0, 1, 0, 0, 2 / d, 0],
        [97 / n, 3 / m, 0, 0, 0, 0, 364 / d, 0],
        [0, 0, 1, 0, 0, 1, 0, 1],
    ]
    assert torch.allclose(inputs, torch.tensor(expected), atol=1e-5)


def test_times_count_as_parts_of_days() -> None:
    table = pl.DataFrame({"t": [datetime(1970, 1, 2, 12), datetime(1970, 1, 3, 12, 0, 0, 1)]})
    (column,) = fitted(table, torch.arange(2))
    assert column["mean"] == pytest.approx(2)
    assert column["std"] == pytest.approx(0.5)


def test_nothing_is_taken_from_other_rows() -> None:
    other = pl.concat(
        [made().head(4), pl.DataFrame({"n": [-9.0, None], "m": [5.0, 5], "c": ["x", "y"], "d": [None, DAYS[0]]})]
    )
    assert fitted(other) == fitted(made())
    assert torch.equal(encode(other, fitted(made()), ANY)[:4], encode(made(), fitted(made()), ANY)[:4])


def test_values_do_not_depend_on_the_order_of_rows() -> None:
    order = torch.tensor([5, 3, 0, 4, 2, 1])
    shuffled = made()[order.tolist()]
    columns = fitted(shuffled, torch.isin(order, TRAIN).nonzero().flatten())
    assert columns == fitted(made())
    assert torch.equal(encode(shuffled, columns, ANY), encode(made(), columns, ANY)[order])


def test_an_unseen_category_is_none_of_the_known_and_said(caplog: pytest.LogCaptureFixture) -> None:
    columns = fitted(made().select("c"))
    table = pl.DataFrame({"c": ["w", "u", "x", "w"]})
    assert encode(table, columns, ANY).tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert "c: 3 rows hold values that training has not seen (w, x)" in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_missing_value_that_training_had_none_of_is_the_mean_and_said(caplog: pytest.LogCaptureFixture) -> None:
    columns = fitted(made().select("n"))
    assert encode(made().select("n"), columns, ANY)[5].tolist() == [0]
    assert "n: 1 values are missing, the mean stands for them" in caplog.text


def test_a_missing_category_that_training_had_none_of_is_said(caplog: pytest.LogCaptureFixture) -> None:
    columns = fitted(pl.DataFrame({"c": ["u", "v", "u", "v"]}))
    assert encode(pl.DataFrame({"c": ["u", None]}), columns, ANY).tolist() == [[1, 0], [0, 0]]
    assert "c: 1 values are missing, they count as none of the known" in caplog.text


def test_a_number_that_has_no_32_bits_is_refused() -> None:
    columns = fitted(made().select("n"))
    assert encode(pl.DataFrame({"n": [3e38]}), columns, ANY).isfinite().all()
    with pytest.raises(UserError, match=r"^a\.csv: n=-1e\+39: is too large .*'data\.ignore=\[n\]'$"):
        encode(pl.DataFrame({"n": [1.0, None, -1e39]}), columns, ANY)


def test_numbers_whose_squares_are_nothing_are_the_same() -> None:
    table = pl.DataFrame({"n": [1e-200, 2e-200]})
    assert encode(table, fitted(table, torch.arange(2)), ANY).flatten().tolist() == pytest.approx([0, 0])


def test_columns_that_are_the_same_in_training_are_left_out_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    constant = {f"k{i}": [0.1] * 7 + [i] for i in range(120)}
    table = pl.DataFrame({**constant, "word": ["a"] * 7 + ["b"], "x": range(8), "none": [None] * 7 + [1.0]})
    assert input_names(fitted(table, torch.arange(7))) == ["x"]
    first, second = [record.getMessage() for record in caplog.records]
    assert "no value in the training rows: none" in first
    assert "the same value in every training row: 121 columns, k0, k1, k2" in second
    assert "113 more" in second


def test_a_column_of_one_value_that_is_missing_at_times_is_kept() -> None:
    table = pl.DataFrame({"n": [5.0, None, 5, 5]})
    assert encode(table, fitted(table), ANY).tolist() == [[0, 0], [0, 1], [0, 0], [0, 0]]


def test_text_of_which_each_row_has_its_own_is_left_out_unless_it_is_wanted(caplog: pytest.LogCaptureFixture) -> None:
    table = pl.DataFrame({"id": [f"n{i}" for i in range(86)], "x": range(86)})
    train = torch.arange(86)
    assert input_names(fitted(table, train)) == ["x"]
    assert "nearly every training row has its own value ('data.categorical=[id]' keeps it" in caplog.text
    assert len(input_names(fit(table, train, ANY, 100, wanted=["id"]))) == 87


def test_text_of_many_values_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    table = pl.DataFrame({"id": [f"n{i % 60}" for i in range(86)], "c": ["Male", "male"] * 43})
    assert len(input_names(fitted(table, torch.arange(86)))) == 62
    assert "id: text, and more than half of the training rows" in caplog.text
    assert "'data.ignore=[id]'" in caplog.text
    assert "differ only in upper and lower case: c (Male, male)" in caplog.text


@pytest.mark.parametrize(("value", "said"), [(-999.0, True), (9999.0, True), (99.0, False), (-5.0, False)])
def test_numbers_that_may_stand_for_missing_values_are_warned_of(
    value: float, said: bool, caplog: pytest.LogCaptureFixture
) -> None:
    table = pl.DataFrame({"age": [*map(float, range(100)), value, value]})
    fitted(table, torch.arange(102))
    assert (f"age={value:g}: stands far from all other values" in caplog.text) == said
    assert (f"""'data.missing=["{value:g}"]'""" in caplog.text) == said


def test_categories_are_counted_in_training_only() -> None:
    table = pl.DataFrame({"c": ["a", "b", "c", "a", "d"]})
    assert fitted(table, max_categories=3)[0]["values"] == ["a", "b", "c"]
    with pytest.raises(UserError, match=r"a\.csv: column c \(3 different values, such as a\): too many categories"):
        fitted(table, max_categories=2)


@pytest.mark.parametrize(("name", "values"), [("n", ["one"]), ("d", [1.0]), ("c", [1.0])])
def test_a_column_of_another_kind_is_refused(name: str, values: list[object]) -> None:
    columns = [column for column in fitted(made()) if column["name"] == name]
    with pytest.raises(UserError, match=rf"a\.csv: {name}={values[0]}: must be a .*, as in training"):
        encode(pl.DataFrame({name: values}), columns, ANY)


def saved(spec: DataSpec, path: Path) -> DataSpec:
    torch.save(asdict(spec), path)
    return DataSpec(**torch.load(path, weights_only=True))


def test_a_spec_in_a_checkpoint_is_enough_to_read_inputs(tmp_path: Path) -> None:
    content = rows(other={3: ",u,1", 7: "1.5,-,2"})
    path = write(tmp_path / "a.csv", content.replace(",", ";"))
    data = CSV(str(path), "y", separator=";", missing=["-"], val_size=0, test_size=0)
    data.setup()
    spec = saved(data.spec, tmp_path / "a.ckpt")
    assert spec == data.spec
    assert torch.equal(read_inputs(path, spec), data.splits["train"][0])

    parts = [line.split(",") for line in content.splitlines()]  # in another order, without the target, with another one
    other = [f"{c};{'id' if i == 0 else '1' if i < 40 else 'one'};{x}" for i, (x, c, _) in enumerate(parts)]
    assert torch.equal(read_inputs(write(tmp_path / "b.csv", "\n".join(other)), spec), data.splits["train"][0])


def test_numbers_that_are_names_are_so_for_further_files(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "zip,x,y\n" + "".join(f"0{i % 3},{i},{i % 5}\n" for i in range(30)))
    data = CSV(str(path), "y", categorical=["zip"], val_size=0, test_size=0)
    data.setup()
    inputs = read_inputs(write(tmp_path / "b.csv", "zip,x\n02,14.5\n2,14.5\n"), saved(data.spec, tmp_path / "a.ckpt"))
    assert inputs.tolist() == [[0, 0, 1, 0], [0, 0, 0, 0]]


def test_predictions_line_up_with_the_rows_of_a_file(tmp_path: Path) -> None:
    lines = "".join(f"{i},2020-01-{i:02d},{'uv'[i % 2]},{i % 5}\n" for i in range(10, 30))
    data = CSV(str(write(tmp_path / "a.csv", f"x,d,c,y\n{lines}")), "y")
    data.setup()
    inputs = read_inputs(write(tmp_path / "b.csv", "x,d,c\n,,\n15,2020-01-15,u\n\n,,\n"), data.spec)
    assert inputs.shape == (3, 4)
    assert inputs[1].count_nonzero() == 3
    assert not inputs[[0, 2]].any()


def test_a_further_file_may_have_columns_without_a_value(tmp_path: Path) -> None:
    lines = "".join(f"{i},2020-01-{i:02d},{'uv'[i % 2]},{i % 5}\n" for i in range(10, 30))
    data = CSV(str(write(tmp_path / "a.csv", f"x,d,c,y\n{lines}")), "y")
    data.setup()
    assert not read_inputs(write(tmp_path / "b.csv", "x,d,c\n,NA,\n,,\n"), data.spec).any()


def test_a_further_file_must_have_the_columns(tmp_path: Path) -> None:
    data = CSV(str(write(tmp_path / "a.csv", rows())), "y")
    data.setup()
    with pytest.raises(UserError, match=r"b\.csv: has no column x; .*xs"):
        read_inputs(write(tmp_path / "b.csv", rows(header="xs,c,y")), data.spec)
