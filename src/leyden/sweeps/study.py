"""Optuna's side of a search: the study in its database, trials that are drawn in it, and what became of them."""

from collections.abc import Callable, Mapping
from typing import Any

import optuna
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from optuna.pruners import BasePruner, NopPruner
from optuna.samplers import BaseGASampler, BaseSampler
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from leyden.config.overrides import without_password
from leyden.errors import UserError
from leyden.seeds import seed_for
from leyden.sweeps.params import Space
from leyden.sweeps.space import Choices

_PATIENCE = 120  # seconds that a process waits for others that write into the same file
_DIRECTIONS = {"min": StudyDirection.MINIMIZE, "max": StudyDirection.MAXIMIZE}


def open_storage(url: str) -> RDBStorage:
    """The database that keeps a study; its tables are made if need be.

    Raises:
        UserError: it cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if url.startswith("sqlite"):
        settings: dict[str, Any] = {"connect_args": {"timeout": _PATIENCE}}
    else:
        settings = {"pool_pre_ping": True}  # a connection may have been closed in the hours between two epochs
    try:
        return RDBStorage(url, engine_kwargs=settings)
    except ImportError as error:
        why = f"needs a package that is not installed ({error.__cause__ or error})"
    except ArgumentError:
        why = "is no URL of a database"
    except (SQLAlchemyError, RuntimeError) as error:  # the latter: tables of another version of Optuna
        why = f"cannot be opened ({without_password(str(error).partition(chr(10))[0])})"
    raise UserError(f"sweep.storage={without_password(url)}: {why}") from None


def build_sampler(node: Mapping[str, Any], *purpose: int | str) -> BaseSampler:
    """The sampler that a section describes, with random numbers for one purpose.

    Raises:
        UserError: it cannot be built.
    """
    sampler = _build("sampler", {**node, "seed": seed_for(*purpose) % 2**32})
    if not isinstance(sampler, BaseSampler):
        raise UserError(f"sweep.sampler._target_={node['_target_']}: is no sampler of Optuna")
    return sampler


def build_pruner(node: Mapping[str, Any]) -> BasePruner:
    """The pruner that a section describes, likewise."""
    pruner = _build("pruner", node) if node else NopPruner()
    if not isinstance(pruner, BasePruner):
        raise UserError(f"sweep.pruner._target_={node['_target_']}: is no pruner of Optuna")
    return pruner


def trial_of(storage: RDBStorage, study_name: str, number: int, **parts: Any) -> Trial:
    """A trial that there is, to be drawn or reported to; `parts` are the study's sampler and pruner."""
    study = optuna.load_study(study_name=study_name, storage=storage, **parts)
    study.get_trials(deepcopy=False)  # or Optuna's cache does not know the trial, which others may have made
    study_id = storage.get_study_id_from_name(study_name)
    return Trial(study, storage.get_trial_id_from_study_id_trial_number(study_id, number))


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
        pruner: see `build_pruner`.
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
        self.storage = open_storage(url)
        self._study = optuna.create_study(
            study_name=name,
            storage=self.storage,
            sampler=self._sampler("tell"),
            pruner=pruner,
            directions=[_DIRECTIONS[goal] for goal in objectives.values()],
            load_if_exists=True,
        )
        self._id = self.storage.get_study_id_from_name(name)

    def agree(self, facts: Mapping[str, Any], remedy: str) -> None:
        """Keep what a study is about; or compare it, if it is kept.

        Raises:
            UserError: it is about something else.
        """
        kept = self._study.user_attrs
        for what, value in facts.items():
            if what not in kept and not self.trials():
                self._study.set_user_attr(what, value)
            elif kept.get(what) != value:
                raise UserError(f"sweep.study={self.name}: has other {what} than this search; {remedy}")

    def trials(self) -> list[FrozenTrial]:
        """All there are, of whoever, by number."""
        return self._study.get_trials(deepcopy=False)

    def begin(self, owner: str, again: FrozenTrial | None = None) -> int:
        """Make a trial; with the values of one that failed, or none yet. Returns its number."""
        attributes: dict[str, Any] = {"owner": owner}
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


def _build(part: str, node: Mapping[str, Any]) -> Any:
    make: Callable[..., Any] = instantiate
    try:
        return make(dict(node), _convert_="all")
    except InstantiationException as error:
        why = " ".join(str(error.__cause__ or error).split())
        raise UserError(f"sweep.{part}: {why}") from error
