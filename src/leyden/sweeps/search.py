"""A search: values that Optuna draws, from what came of those before."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from leyden.config.experiment import Trial
from leyden.config.messages.hydra_errors import explain
from leyden.config.overrides import is_secret
from leyden.sweeps.compose import Composer
from leyden.sweeps.job import Job, Outcome
from leyden.sweeps.params import Space
from leyden.sweeps.settings import check_objectives, check_pruner, check_settings
from leyden.sweeps.verdict import past, verdict
from leyden.system.errors import UserError

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)


class Search:
    """The jobs of a search, which goes on where it was.

    A trial that is found running, and is ours, was left by a process that was killed: it is handed out again, under its
    number and in its directory. `n_trials` are to end complete or pruned. One that failed counts as long as this
    process lives, so that a search in which all fail has an end; the next one tries the same values again first.

    Args:
        composer: makes jobs.
        settings: the section `sweep`, as plain values.
        swept: for each key, as Hydra takes it, the space that was typed.
        monitor: the metric that the runs monitor.
        mode: whether it is to be small (`min`) or large (`max`).
        seed: of all that is drawn.

    Raises:
        UserError: the settings do not hold, or a job at one of the ends of the space does not.
    """

    kind = "search"

    def __init__(
        self,
        composer: Composer,
        settings: Mapping[str, Any],
        swept: Mapping[str, Override],
        monitor: str,
        mode: str,
        seed: int,
    ) -> None:
        self._settings = check_settings(settings, monitor, mode)
        from leyden.studies.storage import build_pruner  # Optuna, which only searches need
        from leyden.sweeps.study import build_sampler

        build_sampler(self._settings.sampler, seed)
        self._pruner = build_pruner(self._settings.pruner)
        self._composer, self._seed = composer, seed
        constants = {text.partition("=")[0].lstrip("+") for text in composer.constants}
        loader = composer.context.config_loader
        self._space = Space(self._settings.params, swept, constants, self._constant, loader)
        self._keys = {param.name: param.key for param in self._space}
        self.swept = list(self._keys)
        self.objectives, self.total = self._settings.objectives, self._settings.n_trials
        self._trial = Trial("", "", -1, next(iter(self.objectives)), self._settings.pruner)
        self._examples = self._space.try_out(lambda texts: self._job(texts, self._trial))
        configs = [job.experiment.config for job in self._examples]
        check_pruner(composer.config, configs)
        check_objectives(self.objectives, configs)
        self._left: list[Job] = []
        self._again: list[FrozenTrial] = []
        self._numbers: dict[str, list[int]] = {}  # of trials, for each job that was handed out
        self._failed: set[int] = set()

    def open(self) -> Sequence[Outcome]:
        from leyden.studies.storage import hand_over, url_of_file
        from leyden.sweeps.study import Study, owner_of

        settings, folder = self._settings, self._composer.sweep_dir
        url = settings.storage or url_of_file(folder.resolve() / "study.db")
        self._owner = owner_of(folder)
        name = settings.study or f"{self._examples[0].experiment.name}/{folder.name}"
        self._trial = replace(self._trial, storage=hand_over(url), study=name)
        self._study = Study(url, name, self.objectives, settings.sampler, self._pruner, self._seed)
        facts = {"objectives": [list(item) for item in self.objectives.items()], "params": self._space.describe()}
        self._study.agree(facts, "give it a name of its own, sweep.name=…", self._is_ours)
        trials = self._study.trials()
        done = [trial for trial in trials if _is_done(trial)]
        running = [trial for trial in trials if trial.state.name == "RUNNING"]
        ours = [trial for trial in running if self._is_ours(trial)]
        places = max(0, self.total - len(done) - (len(running) - len(ours)))
        self._left = [job for trial in ours[:places] if (job := self._hand_out(trial.number))]
        for trial in ours[places:]:  # as n_trials is less than before
            self._study.tell(trial.number, "fail", surplus=True)
        counted = [trial for trial in trials if not trial.user_attrs.get("surplus")]
        tried = {trial.user_attrs.get("again") for trial in counted}
        failed = [trial for trial in counted if trial.state.name == "FAIL" and self._is_ours(trial)]
        self._again = [trial for trial in failed if trial.number not in tried]
        if done:
            self._job(self._texts(done[-1]), self._trial)  # is refused if it was run with other settings
        example = self._examples[0].experiment
        return [past(trial, self._texts(trial), self._composer, example, list(self.objectives)) for trial in done]

    def examples(self) -> Sequence[Job]:
        return self._examples

    def next(self) -> Job | None:
        if self._left:
            return self._left.pop(0)
        while self._taken() < self.total:
            number = self._study.begin(self._owner, self._again.pop(0) if self._again else None)
            if self._taken(before=number) >= self.total:  # another machine was faster
                self._study.tell(number, "fail", surplus=True)
                return None
            if job := self._hand_out(number):
                return job
        return None

    def tell(self, outcome: Outcome) -> None:
        found = verdict(outcome, list(self.objectives))
        numbers = self._numbers.pop(outcome.job.name, [])
        if found.state is None:
            return  # one that was interrupted is gone on with, by the next process
        for number in numbers:
            if found.state == "fail":
                self._failed.add(number)
                self._study.tell(number, "fail", error=found.error)
                continue
            if found.last:
                self._study.report(number, *found.last)
            self._study.tell(number, found.state, found.values)
        if found.state == "pruned" and outcome.status == "finished":
            log.warning("%s: its result is no number; it counts as given up", outcome.job.name)
        if found.missing:
            raise UserError(found.missing)

    def left(self) -> int:
        trials = self._study.trials()
        elsewhere = sum(trial.state.name == "RUNNING" and not self._is_ours(trial) for trial in trials)
        return max(0, self.total - elsewhere - sum(map(_is_done, trials)))

    def close(self) -> None:
        others = [t for t in self._study.trials() if t.state.name == "RUNNING" and not self._is_ours(t)]
        if others:
            names = sorted({str(trial.user_attrs.get("host")) for trial in others})
            log.warning("%d trials of this study are run elsewhere: %s", len(others), ", ".join(names))

    def _hand_out(self, number: int) -> Job | None:
        """The job of a trial; None where another that has been handed out has the same values, or they do not hold."""
        texts = self._study.draw(number, self._space)
        try:
            job = self._job(texts, replace(self._trial, number=number))
        except (UserError, HydraException, OmegaConfBaseException) as error:
            log.error("trial %d cannot be run: %s", number, explain(error))
            self._study.tell(number, "fail", error=explain(error))
            self._failed.add(number)
            return None
        numbers = self._numbers.setdefault(job.name, [])
        numbers.append(number)
        return job if len(numbers) == 1 else None

    def _taken(self, before: int | None = None) -> int:
        """How many of all trials are done or on the way; those of this process that failed count too."""
        trials = self._study.trials()[:before]
        return sum(_is_done(trial) or trial.state.name == "RUNNING" or trial.number in self._failed for trial in trials)

    def _is_ours(self, trial: "FrozenTrial") -> bool:
        return bool(trial.user_attrs.get("owner") == self._owner)

    def _texts(self, trial: "FrozenTrial") -> dict[str, str]:
        return {p.name: p.values.text(trial.params[p.name]) for p in self._space if p.name in trial.params}

    def _job(self, texts: Mapping[str, str], trial: Trial) -> Job:
        """A job without what nobody is to read: it may be written to a disk."""
        swept = {self._keys[name]: text for name, text in texts.items()}
        job = self._composer.job(swept, trial if self._settings.pruner else None)
        experiment = replace(job.experiment, objectives=tuple(self.objectives))
        overrides = [text for text in job.overrides if not is_secret(text)]
        return replace(job, experiment=experiment, overrides=overrides, trial=trial.number)

    def _constant(self, name: str) -> Any:
        """What a name is in all jobs: the file of a group, or a value."""
        config = self._composer.config
        choices = config.hydra.runtime.choices
        if name in choices:
            return choices[name]
        missing = object()
        value = OmegaConf.select(config, name, default=missing)
        if value is missing:
            raise KeyError(name)
        return value


def _is_done(trial: "FrozenTrial") -> bool:
    return trial.state.name in ("COMPLETE", "PRUNED")
