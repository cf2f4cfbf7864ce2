"""Optuna's side of a search: the study in its database, trials that are drawn in it, and what became of them."""

import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseGASampler, BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from leyden.studies.storage import build, open_storage, trial_of
from leyden.sweeps.params import Space
from leyden.sweeps.space import Choices
from leyden.system.atomic_files import write_text
from leyden.system.errors import UserError
from leyden.system.seeds import seed_for

_OWNER = ".owner"
_DIRECTIONS = {"min": StudyDirection.MINIMIZE, "max": StudyDirection.MAXIMIZE}


def owner_of(sweep_dir: Path) -> str:
    """Who the sweep of a directory is in a study, on whatever machine it goes on; made the first time."""
    path = sweep_dir / _OWNER
    if not path.is_file():
        write_text(path, uuid4().hex)
    return path.read_text(encoding="utf-8")


def build_sampler(node: Mapping[str, Any], *purpose: int | str) -> BaseSampler:
    """The sampler that a section describes, with random numbers for one purpose.

    Raises:
        UserError: it cannot be built.
    """
    sampler = build("sampler", {**node, "seed": seed_for(*purpose) % 2**32})
    if not isinstance(sampler, BaseSampler):
        raise UserError(f"sweep.sampler._target_={node['_target_']}: is no sampler of Optuna")
    return sampler


class Study:
    """A study, made or taken up again.

    Trials are made with the name of their owner in one step, so that one that is found running is always somebody's.
    Each is drawn with random numbers of its own, those of its number, and each param with its own: whatever was drawn
    when a process was killed, the rest comes out as it would have.

    Args:
        url: of the database.
        name: of the study.
        objectives: `min` or `max` for each metric.
        sampler: see `build_sampler`.
        pruner: see `leyden.studies.storage.build_pruner`.
        seed: of all random numbers.
    """

    def __init__(
        self,
        url: str,
        name: str,
        objectives: Mapping[str, str],
        sampler: Mapping[str, Any],
        pruner: BasePruner,
        seed: int,
    ) -> None:
        self.name, self._seed, self._node, self._pruner = name, seed, sampler, pruner
        self._directions = [_DIRECTIONS[goal] for goal in objectives.values()]
        self.storage = open_storage(url)
        self._open()

    def _open(self) -> None:
        self._study = optuna.create_study(
            study_name=self.name,
            storage=self.storage,
            sampler=self._sampler("tell"),
            pruner=self._pruner,
            directions=self._directions,
            load_if_exists=True,
        )
        self._id = self.storage.get_study_id_from_name(self.name)

    def agree(self, facts: Mapping[str, Any], remedy: str, is_ours: Callable[[FrozenTrial], bool]) -> None:
        """Keep what a study is about; or compare it, if it is kept. One without a result is made anew.

        Args:
            facts: what it is about.
            remedy: what to do with a study about something else.
            is_ours: whether a trial that is said to run is of this search, which runs nothing yet.

        Raises:
            UserError: it is about something else.
        """
        if any(self._study.user_attrs.get(what, value) != value for what, value in facts.items()) and all(
            trial.state.name == "FAIL" or (trial.state.name == "RUNNING" and is_ours(trial)) for trial in self.trials()
        ):
            optuna.delete_study(study_name=self.name, storage=self.storage)
            self._open()
        is_new = not self.trials()  # asked first: who makes the first trial has kept these before
        kept = self._study.user_attrs
        for what, value in facts.items():
            if what not in kept and is_new:
                self._study.set_user_attr(what, value)
            elif kept.get(what) != value:
                raise UserError(f"sweep.study={self.name}: has other {what} than this search; {remedy}")

    def trials(self) -> list[FrozenTrial]:
        """All there are, of whoever, by number."""
        return self._study.get_trials(deepcopy=False)

    def begin(self, owner: str, again: FrozenTrial | None = None) -> int:
        """Make a trial; with the values of one that failed, or none yet. Returns its number."""
        attributes: dict[str, Any] = {"owner": owner, "host": socket.gethostname()}
        parts: dict[str, Any] = {}
        if again:
            attributes["again"] = again.number
            names = ("params", "distributions", "intermediate_values")
            parts = {name: getattr(again, name) for name in names}
        template = optuna.trial.create_trial(state=TrialState.RUNNING, user_attrs=attributes, **parts)
        return self.storage.get_trial_number_from_id(self.storage.create_new_trial(self._id, template))

    def draw(self, number: int, space: Space) -> dict[str, str]:
        """The values of a trial as they would be typed: those that it has, and those that it has not been given yet."""
        is_genetic = isinstance(self._sampler(number), BaseGASampler)
        for _ in range(1 + is_genetic):  # it takes parents in another order once they are noted: only then is it exact
            trial = trial_of(self.storage, self.name, number, sampler=self._sampler(number), pruner=self._pruner)
            _params = trial.relative_params  # drawn together, before any of them
        texts: dict[str, str] = {}
        for param in space:
            if space.is_active(param, texts):
                trial.study.sampler = self._sampler(number, param.name)
                values = param.values
                if isinstance(values, Choices):
                    drawn: Any = trial.suggest_categorical(param.name, values.texts)
                elif values.whole:
                    low, high, step = int(values.low), int(values.high), int(values.step or 1)
                    drawn = trial.suggest_int(param.name, low, high, step=step, log=values.log)
                else:
                    drawn = trial.suggest_float(param.name, values.low, values.high, step=values.step, log=values.log)
                texts[param.name] = values.text(drawn)
        return texts

    def report(self, number: int, value: float, step: int) -> None:
        """A value on the way, unless there is one."""
        trial = trial_of(self.storage, self.name, number)
        if not self.trials()[number].intermediate_values:
            trial.report(value, step)

    def tell(self, number: int, state: str, values: list[float] | None = None, **attributes: Any) -> None:
        """What became of a trial: complete, pruned or fail."""
        trial_id = self.storage.get_trial_id_from_study_id_trial_number(self._id, number)
        for key, value in attributes.items():
            self.storage.set_trial_user_attr(trial_id, key, value)
        self._study.tell(number, values, TrialState[state.upper()])

    def _sampler(self, *purpose: int | str) -> BaseSampler:
        return build_sampler(self._node, self._seed, "search", *purpose)
