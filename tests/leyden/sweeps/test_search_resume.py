import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from leyden.sweeps.job import Outcome, read_outcome
from leyden.sweeps.param_values import Numbers
from tests.leyden.sweeps.made_search import MEDIAN, SAMPLERS, end, go_on, loss, made_search, place, states, trials_of


def history(folder: Path) -> list[tuple[Any, ...]]:
    return [(trial.number, trial.state.name, trial.values, trial.params) for trial in trials_of(folder)]


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_search_that_is_killed_again_and_again_makes_the_same_trials(
    name: str, tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, killed = (place(tmp_path / part / "sweep", empty) for part in ("whole", "killed"))
    go_on(made_search(whole, n_trials=8, sampler=SAMPLERS[name]))
    drawn = Numbers.text
    for turn in range(8):
        search = made_search(killed, n_trials=8, sampler=SAMPLERS[name])
        search.open()
        if turn % 4 == 1:  # killed while it was drawn, with some of its values
            with monkeypatch.context() as patched:
                patched.setattr(Numbers, "text", lambda self, value: drawn(self, value) if self.whole else 1 / 0)
                with pytest.raises(ZeroDivisionError):
                    search.ask()
        elif turn % 4 == 2:  # killed after it was drawn, before it was begun
            assert search.ask()
        elif turn % 4 == 3:  # killed after it has ended, before that was told
            job = search.ask()
            assert job
            end(job, loss(job.settings))
        else:
            go_on(search, most=2, opens=False)
    go_on(made_search(killed, n_trials=8, sampler=SAMPLERS[name]))
    assert history(killed) == history(whole)
    assert states(killed) == ["COMPLETE"] * 8


def test_the_seed_decides(tmp_path: Path, empty: Path) -> None:
    folders = [place(tmp_path / str(number) / "sweep", empty) for number in range(3)]
    for number, seed in enumerate((1, 1, 2)):
        go_on(made_search(folders[number], n_trials=2, seed=seed))
    assert history(folders[0]) == history(folders[1])
    assert history(folders[0]) != history(folders[2])


def test_a_killed_trial_is_handed_out_again_under_its_number(folder: Path) -> None:
    search = made_search(folder, pruner=MEDIAN)
    search.open()
    job = search.ask()
    again = made_search(folder, pruner=MEDIAN)
    assert list(again.open()) == []
    same = again.ask()
    assert job
    assert same
    assert (job.dir, job.settings) == (same.dir, same.settings)
    trials = [one.experiment.trial for one in (job, same)]
    assert trials[0] == trials[1]
    assert trials[0]
    assert (trials[0].number, trials[0].monitor, trials[0].pruner) == (0, "val/loss", MEDIAN)
    again.tell(Outcome(same, "interrupted"))
    assert states(folder) == ["RUNNING"]


def test_a_search_goes_on_under_another_name_of_the_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search = made_search(folder, n_trials=2)
    search.open()
    job = search.ask()
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    again = go_on(made_search(folder, n_trials=2))
    assert job
    assert again[0].settings == job.settings
    assert states(folder) == ["COMPLETE"] * 2


def test_raising_n_trials_goes_on(folder: Path) -> None:
    go_on(made_search(folder, n_trials=3))
    search = made_search(folder, n_trials=5)
    done = search.open()
    assert [found.status for found in done] == ["finished"] * 3
    assert [found.metric("val/loss") for found in done] == [trial.value for trial in trials_of(folder)]
    assert len(go_on(search, opens=False)) == 2
    assert go_on(made_search(folder, n_trials=5)) == []
    assert states(folder) == ["COMPLETE"] * 5


def test_a_search_in_which_all_fail_ends_and_is_made_up_for(folder: Path) -> None:
    def fail(search: Any) -> list[Mapping[str, Any]]:
        search.open()
        tried = []
        while job := search.ask():
            end(job, status="failed", error="out of memory")
            search.tell(read_outcome(job))
            tried.append(job.settings)
        return tried

    first = fail(made_search(folder, n_trials=3))
    assert states(folder) == ["FAIL"] * 3
    assert trials_of(folder)[0].user_attrs["error"] == "out of memory"
    second = fail(made_search(folder, n_trials=3))
    assert second == first  # the same values first
    third = [job.settings for job in go_on(made_search(folder, n_trials=4))]
    assert third[:3] == first
    assert states(folder) == ["FAIL"] * 6 + ["COMPLETE"] * 4
    assert go_on(made_search(folder, n_trials=4)) == []


def test_one_that_failed_counts_while_the_process_lives(folder: Path) -> None:
    search = made_search(folder, n_trials=4)
    search.open()
    job = search.ask()
    assert job
    end(job, status="failed", error="no")
    search.tell(read_outcome(job))
    assert len(go_on(search, opens=False)) == 3
    assert [job.settings for job in go_on(made_search(folder, n_trials=4))] == [job.settings]


def test_less_trials_than_before_leave_none_running(folder: Path) -> None:
    search = made_search(folder, n_trials=4)
    search.open()
    jobs = [job for job in (search.ask() for _ in range(3)) if job]
    executed = go_on(made_search(folder, n_trials=2))
    assert [job.settings for job in executed] == [job.settings for job in jobs[:2]]
    assert states(folder) == ["COMPLETE", "COMPLETE", "FAIL"]
    assert len(go_on(made_search(folder, n_trials=3))) == 1
    assert states(folder) == ["COMPLETE", "COMPLETE", "FAIL", "COMPLETE"]
