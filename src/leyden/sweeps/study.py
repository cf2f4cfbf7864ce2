"""Optuna study of a search: creates trials, draws their values and reports their results."""

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
from leyden.sweeps.param_values import Choices
from leyden.sweeps.search_space import SearchSpace
from leyden.system.atomic_files import write_text
from leyden.system.errors import UserError
from leyden.system.seeds import seed_for

_OWNER = ".owner"
_DIRECTIONS = {"min": StudyDirection.MINIMIZE, "max": StudyDirection.MAXIMIZE}


def owner_of(sweep_dir: Path) -> str:
    """Identity of a sweep directory in a study, independent of the machine; created the first time."""
    path = sweep_dir / _OWNER
    if not path.is_file():
        write_text(path, uuid4().hex)
    return path.read_text(encoding="utf-8")


def build_sampler(node: Mapping[str, Any], *purpose: int | str) -> BaseSampler:
    """Sampler of a config node, with a random state for one purpose.

    Raises:
        UserError: it cannot be instantiated.
    """
    sampler = build("sampler", {**node, "seed": seed_for(*purpose) % 2**32})
    if not isinstance(sampler, BaseSampler):
        raise UserError(f"sweep.sampler._target_={node['_target_']}: is not a sampler of Optuna")
    return sampler


class Study:
    """A study, created or loaded.

    A trial and its owner are created in one transaction, so that a running trial always has an owner. Each param of
    each trial is drawn with its own random state: if a process is killed between two params, the others still get the
    same values.
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
        self._create_or_load()

    def _create_or_load(self) -> None:
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
        """Store facts about the study, or compare them with the stored ones. A study without results is created anew.

        Args:
            is_ours: true for trials of this search, of which none runs yet.

        Raises:
            UserError: the facts differ.
        """
        if any(self._study.user_attrs.get(what, value) != value for what, value in facts.items()) and all(
            trial.state.name == "FAIL" or (trial.state.name == "RUNNING" and is_ours(trial)) for trial in self.trials()
        ):
            optuna.delete_study(study_name=self.name, storage=self.storage)
            self._create_or_load()
        is_new = not self.trials()  # read first: whoever creates the first trial has stored the facts before
        stored = self._study.user_attrs
        for what, value in facts.items():
            if what not in stored and is_new:
                self._study.set_user_attr(what, value)
            elif stored.get(what) != value:
                raise UserError(f"sweep.study={self.name}: has other {what} than this search; {remedy}")

    def trials(self) -> list[FrozenTrial]:
        """Trials of all owners, by number."""
        return self._study.get_trials(deepcopy=False)

    def create_trial(self, owner: str, again: FrozenTrial | None = None) -> int:
        """Create a trial, without values or with those of a failed one; returns its number."""
        attributes: dict[str, Any] = {"owner": owner, "host": socket.gethostname()}
        parts: dict[str, Any] = {}
        if again:
            attributes["again"] = again.number
            names = ("params", "distributions", "intermediate_values")
            parts = {name: getattr(again, name) for name in names}
        template = optuna.trial.create_trial(state=TrialState.RUNNING, user_attrs=attributes, **parts)
        return self.storage.get_trial_number_from_id(self.storage.create_new_trial(self._id, template))

    def draw(self, number: int, space: SearchSpace) -> dict[str, str]:
        """Values of a trial as they would be typed; those that it does not have yet are drawn."""
        is_genetic = isinstance(self._sampler(number), BaseGASampler)
        for _ in range(1 + is_genetic):  # it sorts its parents differently once they are stored: exact the second time
            trial = trial_of(self.storage, self.name, number, sampler=self._sampler(number), pruner=self._pruner)
            _params = trial.relative_params  # drawn jointly, before any single one
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
        """Report an intermediate value, unless there is one."""
        trial = trial_of(self.storage, self.name, number)
        if not self.trials()[number].intermediate_values:
            trial.report(value, step)

    def tell(self, number: int, state: str, values: list[float] | None = None, **attributes: Any) -> None:
        """Report the result of a trial: complete, pruned or fail."""
        trial_id = self.storage.get_trial_id_from_study_id_trial_number(self._id, number)
        for key, value in attributes.items():
            self.storage.set_trial_user_attr(trial_id, key, value)
        self._study.tell(number, values, TrialState[state.upper()])

    def _sampler(self, *purpose: int | str) -> BaseSampler:
        return build_sampler(self._node, self._seed, "search", *purpose)
