"""Search: trials whose values Optuna draws, based on earlier results."""

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
from leyden.sweeps.job import Job, Outcome
from leyden.sweeps.job_composer import JobComposer
from leyden.sweeps.search_settings import check_objectives, check_pruner, check_settings, common_monitor
from leyden.sweeps.search_space import SearchSpace
from leyden.sweeps.trial_result import finished_outcome, trial_result
from leyden.system.errors import UserError

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)


class Search:
    """Source of the jobs of a search, which resumes a study.

    A trial of ours that the study has as running was left by a killed process: it runs again, with its number and in
    its directory. `n_trials` have to end complete or pruned. A failed trial counts too in the process in which it
    failed, so that a search in which all fail ends; the next process first tries its values again.

    Args:
        swept: for each key in Hydra's form, the range or choices that were typed.

    Raises:
        UserError: the settings are wrong, or a job at a bound of the search space is.
    """

    kind = "search"
    _trial: Trial
    _examples: list[Job]

    def __init__(
        self,
        composer: JobComposer,
        settings: Mapping[str, Any],
        swept: Mapping[str, Override],
        monitor: str,
        mode: str,
        seed: int,
    ) -> None:
        self._settings = check_settings(settings, monitor, mode)
        self._composer, self._seed = composer, seed
        from leyden.studies.storage import build_pruner  # Optuna is optional
        from leyden.sweeps.study import build_sampler

        build_sampler(self._settings.sampler, seed)
        self._pruner = build_pruner(self._settings.pruner)
        constants = {text.partition("=")[0].lstrip("+") for text in composer.constants}
        loader = composer.context.config_loader
        self._space = SearchSpace(self._settings.params, swept, constants, self._constant, loader)
        self._keys = {param.name: param.key for param in self._space}
        self.swept = list(self._keys)
        configs = self._try_out()
        if settings.get("objectives") is None and (found := common_monitor(configs)) != (monitor, mode):
            self._settings = check_settings(settings, *found)  # another experiment's than that of the sweep as a whole
            configs = self._try_out()
        check_pruner(composer.config, configs)
        check_objectives(self.objectives, configs)
        self._to_resume: list[Job] = []
        self._to_retry: list[FrozenTrial] = []
        self._numbers: dict[str, list[int]] = {}  # of trials, by name of a job that is running
        self._failed: set[int] = set()

    def open(self) -> Sequence[Outcome]:
        from leyden.studies.storage import recordable_url, url_of_file
        from leyden.sweeps.study import Study, owner_of

        settings, folder = self._settings, self._composer.sweep_dir
        url = settings.storage or url_of_file(folder.resolve() / "study.db")
        self._owner = owner_of(folder)
        name = settings.study or f"{self._examples[0].experiment.name}/{folder.name}"
        self._trial = replace(self._trial, storage=recordable_url(url), study=name)
        self._study = Study(url, name, self.objectives, settings.sampler, self._pruner, self._seed)
        facts = {"objectives": [list(item) for item in self.objectives.items()], "params": self._space.describe()}
        self._study.agree(facts, "give this sweep another name, sweep.name=…", self._is_ours)
        trials = self._study.trials()
        done = [trial for trial in trials if _is_done(trial)]
        running = [trial for trial in trials if trial.state.name == "RUNNING"]
        ours = [trial for trial in running if self._is_ours(trial)]
        places = max(0, self.total - len(done) - (len(running) - len(ours)))
        self._to_resume = [job for trial in ours[:places] if (job := self._start(trial.number))]
        for trial in ours[places:]:  # n_trials has been reduced
            self._study.tell(trial.number, "fail", surplus=True)
        counted = [trial for trial in trials if not trial.user_attrs.get("surplus")]
        tried = {trial.user_attrs.get("again") for trial in counted}
        failed = [trial for trial in counted if trial.state.name == "FAIL" and self._is_ours(trial)]
        self._to_retry = [trial for trial in failed if trial.number not in tried]
        if done:
            self._job(self._texts(done[-1]), self._trial)  # refused if it ran with other settings
        example = self._examples[0].experiment
        return [
            finished_outcome(trial, self._texts(trial), self._composer, example, list(self.objectives))
            for trial in done
        ]

    def examples(self) -> Sequence[Job]:
        return self._examples

    def ask(self) -> Job | None:
        if self._to_resume:
            return self._to_resume.pop(0)
        while self._taken() < self.total:
            number = self._study.create_trial(self._owner, self._to_retry.pop(0) if self._to_retry else None)
            if self._taken(before=number) >= self.total:  # another machine was faster
                self._study.tell(number, "fail", surplus=True)
                return None
            if job := self._start(number):
                return job
        return None

    def tell(self, outcome: Outcome) -> None:
        found = trial_result(outcome, list(self.objectives))
        numbers = self._numbers.pop(outcome.job.name, [])
        if found.state is None:
            return  # interrupted: the next process resumes it
        for number in numbers:
            if found.state == "fail":
                self._failed.add(number)
                self._study.tell(number, "fail", error=found.error)
                continue
            if found.last:
                self._study.report(number, *found.last)
            self._study.tell(number, found.state, found.values)
        if found.state == "pruned" and outcome.status == "finished":
            log.warning("%s: its result is NaN; it counts as pruned", outcome.job.name)
        if found.missing:
            raise UserError(found.missing)

    def remaining(self) -> int:
        trials = self._study.trials()
        elsewhere = sum(trial.state.name == "RUNNING" and not self._is_ours(trial) for trial in trials)
        return max(0, self.total - elsewhere - sum(map(_is_done, trials)))

    def close(self) -> None:
        others = [t for t in self._study.trials() if t.state.name == "RUNNING" and not self._is_ours(t)]
        if others:
            names = sorted({str(trial.user_attrs.get("host")) for trial in others})
            log.warning("%d trials of this study are running elsewhere: %s", len(others), ", ".join(names))

    def _try_out(self) -> list[Mapping[str, Any]]:
        """Compose jobs with both bounds or every choice of each param; returns their configs."""
        self.objectives, self.total = self._settings.objectives, self._settings.n_trials
        self._trial = Trial("", "", -1, next(iter(self.objectives)), self._settings.pruner)
        self._examples = self._space.try_out(lambda texts: self._job(texts, self._trial))
        return [job.experiment.config for job in self._examples]

    def _start(self, number: int) -> Job | None:
        """Job of a trial; None if its values are wrong, or a running job has the same ones."""
        texts = self._study.draw(number, self._space)
        try:
            job = self._job(texts, replace(self._trial, number=number))
        except (UserError, HydraException, OmegaConfBaseException) as error:
            log.error("trial %d cannot run: %s", number, explain(error))
            self._study.tell(number, "fail", error=explain(error))
            self._failed.add(number)
            return None
        numbers = self._numbers.setdefault(job.name, [])
        numbers.append(number)
        return job if len(numbers) == 1 else None

    def _taken(self, before: int | None = None) -> int:
        """Number of trials that are done or running, or have failed in this process."""
        trials = self._study.trials()[:before]
        return sum(_is_done(trial) or trial.state.name == "RUNNING" or trial.number in self._failed for trial in trials)

    def _is_ours(self, trial: "FrozenTrial") -> bool:
        return bool(trial.user_attrs.get("owner") == self._owner)

    def _texts(self, trial: "FrozenTrial") -> dict[str, str]:
        return {p.name: p.values.text(trial.params[p.name]) for p in self._space if p.name in trial.params}

    def _job(self, texts: Mapping[str, str], trial: Trial) -> Job:
        """Job without secrets, as it may be written to disk."""
        swept = {self._keys[name]: text for name, text in texts.items()}
        job = self._composer.job(swept, trial if self._settings.pruner else None)
        experiment = replace(job.experiment, objectives=tuple(self.objectives))
        overrides = [text for text in job.overrides if not is_secret(text)]
        return replace(job, experiment=experiment, overrides=overrides, trial=trial.number)

    def _constant(self, name: str) -> Any:
        """Constant value of a name: the file of a group, or a setting."""
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
