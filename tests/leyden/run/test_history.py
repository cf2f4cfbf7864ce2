"""What was logged at or after a step is taken back, and nothing else."""

import struct
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader, RawEventFileLoader
from torch.utils.tensorboard import SummaryWriter

from leyden.run.history import cut_history, event_files, restore_previous_checkpoint
from leyden.system.atomic_files import previous

HEADER = "epoch,step,train/loss,val/acc\r\n"
ROWS = ["0,9,0.10000000149011612,\r\n", "0,9,,0.5\r\n", '0,10,"0.2,1",\r\n', "1,19,1e-07,\r\n", "1,20,0.3,\r\n"]


def table(run: Path, text: str) -> Path:
    path = run / "metrics.csv"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(("step", "kept"), [(0, 0), (9, 0), (10, 2), (11, 3), (19, 3), (20, 4), (21, 5), (1000, 5)])
def test_rows_before_the_step_stay_byte_for_byte_and_the_rest_is_dropped(step: int, kept: int, tmp_path: Path) -> None:
    path = table(tmp_path, "".join([HEADER, *ROWS]))
    cut_history(tmp_path, step, event_files(tmp_path))
    assert path.read_bytes() == "".join([HEADER, *ROWS[:kept]]).encode()


@pytest.mark.parametrize("half", ["1", "1,2", "1,2,0.3", "1,2,0.3,0.75", "\x00" * 40, "�"])
def test_a_last_line_that_was_cut_off_is_dropped_though_its_step_may_look_small(half: str, tmp_path: Path) -> None:
    path = table(tmp_path, "".join([HEADER, *ROWS, half]))
    cut_history(tmp_path, 100, event_files(tmp_path))
    assert path.read_bytes() == "".join([HEADER, *ROWS]).encode()


@pytest.mark.parametrize("text", ["", "epoch,st", HEADER])
def test_a_table_without_a_row_is_begun_anew(text: str, tmp_path: Path) -> None:
    path = table(tmp_path, text)
    cut_history(tmp_path, 5, event_files(tmp_path))
    assert not path.exists()


def test_a_row_without_a_step_is_dropped(tmp_path: Path) -> None:
    path = table(tmp_path, "".join([HEADER, ROWS[0], "0,,0.5,\r\n", "0,x,0.5,\r\n"]))
    cut_history(tmp_path, 100, event_files(tmp_path))
    assert path.read_bytes() == "".join([HEADER, ROWS[0]]).encode()


def test_a_run_that_has_logged_nothing_has_nothing_to_cut(tmp_path: Path) -> None:
    cut_history(tmp_path, 5, event_files(tmp_path))
    assert list(tmp_path.iterdir()) == []


def events(run: Path, name: str = "tensorboard", **scalars: list[int]) -> Path:
    """An event file with a value at each step of each tag."""
    folder = run / name
    with SummaryWriter(str(folder), filename_suffix=f".{len(list(folder.glob('*')))}") as writer:
        for tag, steps in scalars.items():
            for step in steps:
                writer.add_scalar(tag, step / 10, step)
        path: str = writer.file_writer.event_writer._file_name
    return Path(path)


def seen(path: Path) -> list[tuple[str, int, float]]:
    return [
        (value.tag, event.step, round(value.tensor.float_val[0], 4))
        for event in EventFileLoader(str(path)).Load()
        for value in event.summary.value
    ]


def test_events_before_the_step_stay_as_they_are_and_the_rest_is_dropped(tmp_path: Path) -> None:
    path = events(tmp_path, loss=[0, 3, 4, 5], acc=[3, 9])
    before = list(RawEventFileLoader(str(path)).Load())
    cut_history(tmp_path, 4, event_files(tmp_path))
    assert seen(path) == [("loss", 0, 0.0), ("loss", 3, 0.3), ("acc", 3, 0.3)]
    after = list(RawEventFileLoader(str(path)).Load())
    assert after == [record for record in before if record in after], "other bytes, or another order"
    cut_history(tmp_path, 4, event_files(tmp_path))
    assert list(RawEventFileLoader(str(path)).Load()) == after


@pytest.mark.parametrize("size", [1, 8, 13, 30])
def test_a_record_that_a_kill_has_cut_off_ends_the_file(size: int, tmp_path: Path) -> None:
    path = events(tmp_path, loss=[0, 1, 2])
    whole = path.read_bytes()
    path.write_bytes(whole[:-size])
    cut_history(tmp_path, 10, event_files(tmp_path))
    assert seen(path) == [("loss", 0, 0.0), ("loss", 1, 0.1)]


def test_a_file_that_goes_on_after_zeros_loses_what_comes_behind_them(tmp_path: Path) -> None:
    path = events(tmp_path, loss=[0, 1])
    path.write_bytes(path.read_bytes() + struct.pack("<Q", 0) * 5)
    cut_history(tmp_path, 10, event_files(tmp_path))
    assert seen(path) == [("loss", 0, 0.0), ("loss", 1, 0.1)]


def test_a_file_of_which_nothing_is_left_goes_and_others_stay(tmp_path: Path) -> None:
    first, second = events(tmp_path, loss=[0, 1]), events(tmp_path, loss=[8])
    elsewhere = events(tmp_path, "other", loss=[8])
    cut_history(tmp_path, 5, event_files(tmp_path))
    assert first.exists()
    assert not second.exists()
    assert seen(elsewhere) == [("loss", 8, 0.8)], "not a log of this run"


def test_settings_and_results_of_an_end_that_was_not_the_end_are_dropped(tmp_path: Path) -> None:
    folder = tmp_path / "tensorboard"
    events(tmp_path, **{"loss": [0], "result/test/acc": [0], "_hparams_/session_start_info": [0]})
    cut_history(tmp_path, 5, event_files(tmp_path))
    assert [of for path in folder.iterdir() for of in seen(path)] == [("loss", 0, 0.0)]


def kept(folder: Path, **steps: int) -> tuple[Path, Path]:
    """best.ckpt and the one before it, of these steps."""
    path = folder / "best.ckpt"
    for file, step in zip((path, previous(path)), steps.values(), strict=False):
        torch.save({"state_dict": {}, "global_step": step}, file)
    return path, previous(path)


def step_of(path: Path) -> int:
    return int(torch.load(path, weights_only=True)["global_step"])


@pytest.mark.parametrize(
    ("best", "before", "step", "left"),
    [(8, 4, 4, 4), (8, 4, 8, 8), (8, 2, 4, 8), (4, 2, 4, 4), (4, 2, 2, 2), (4, 4, 4, 4), (2, 4, 4, 2)],
)
def test_best_weights_of_a_later_step_make_way_for_those_that_there_were(
    best: int, before: int, step: int, left: int, tmp_path: Path
) -> None:
    path, older = kept(tmp_path, best=best, before=before)
    restore_previous_checkpoint(path, step)
    assert step_of(path) == left
    assert older.exists() == (left == best)


def test_best_weights_are_put_back_over_damaged_ones_and_never_by_damaged_ones(tmp_path: Path) -> None:
    path, older = kept(tmp_path, best=8, before=4)
    whole = older.read_bytes()
    older.write_bytes(whole[:-9])
    restore_previous_checkpoint(path, 4)
    assert step_of(path) == 8
    older.write_bytes(whole)
    path.write_bytes(path.read_bytes()[:-9])
    restore_previous_checkpoint(path, 4)
    assert path.read_bytes() == whole


def test_weights_of_which_there_is_one_generation_stay(tmp_path: Path) -> None:
    path, older = kept(tmp_path, best=8)
    restore_previous_checkpoint(path, 4)
    restore_previous_checkpoint(tmp_path, 4)
    assert step_of(path) == 8
    assert not older.exists()
