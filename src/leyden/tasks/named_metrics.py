"""Metrics that a config chooses by name, `task.metrics=[f1,{auroc: {average: macro}}]`, beside those of the task."""

import inspect
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar

from torch import Tensor
from torchmetrics import Metric
from torchmetrics.regression import LogCoshError, MeanAbsoluteError, MeanSquaredError

from leyden.config.metric_names import check_metrics, entries, kind_of, resolved
from leyden.data.spec import DataSpec
from leyden.system.errors import UserError
from leyden.tasks.metric_suffixes import metric_suffixes

MetricsSetting = str | list[Any] | dict[str, Any] | Metric | None  # as a config or a caller gives it

_IN_UNITS = (LogCoshError, MeanAbsoluteError, MeanSquaredError)  # in the units of the targets, for each target


@dataclass
class NamedMetrics:
    """Metrics by the names under which they are logged.

    Attributes:
        metrics: of (B, ...) scores and (B, ...) targets.
        ends: of the names of the parts of a metric: one for each class, label or target.
        scores: arguments of a metric, from outputs and targets, and whether it counts decisions of the task.
        own_thresholds: names of the metrics whose threshold is set, and is of the probabilities themselves.
    """

    metrics: Mapping[str, Metric] = field(default_factory=dict)
    ends: Sequence[str] = ()
    scores: Callable[[Any, Any, bool], tuple[Any, ...]] | None = None
    own_thresholds: Collection[str] = ()

    def inputs(self, outputs: Any, targets: Any) -> dict[str, tuple[Any, ...]]:
        """Arguments of each metric."""
        assert self.scores
        decided = {
            name: hasattr(metric, "threshold") and name not in self.own_thresholds
            for name, metric in self.metrics.items()
        }
        found = {decides: self.scores(outputs, targets, decides) for decides in set(decided.values())}
        return {name: found[decides] for name, decides in decided.items()}

    def names(self) -> list[str]:
        """Names of all that `by_name` returns."""
        ends = {name: self.ends if _has_parts(metric) else () for name, metric in self.metrics.items()}
        means = [name for name, metric in self.metrics.items() if not _mixes_units(metric)]
        return [*means, *(f"{name}_{end}" for name, of_metric in ends.items() for end in of_metric)]

    def by_name(self, computed: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Numbers by name: of a metric with several parts their mean, and each by name.

        An error of several targets in their own units has no mean.

        Raises:
            UserError: a metric is more than a number for each class or target, such as a curve.
        """
        found = dict(computed)
        for name, metric in self.metrics.items():
            value = found[name]
            if not isinstance(value, Tensor) or value.numel() not in (1, len(self.ends)):
                raise UserError(f"task.metrics: {name} is no number, and cannot be logged; leave it out")
            if value.numel() > 1 or _has_parts(metric):
                each = {f"{name}_{end}": part for end, part in zip(self.ends, value.reshape(-1).unbind(), strict=True)}
                found |= {name: value.float().mean(), **each}
            if _mixes_units(metric):
                del found[name]
        return found


class Scored:
    """Part of a task that has metrics by name: of the probabilities of its classes or labels, or of its numbers."""

    KIND: ClassVar[str | None] = None  # multiclass, binary, multilabel or regression; by default that of `TARGETS`
    TARGETS: ClassVar[str | None] = None  # kind of targets, as in `DataSpec.task`; None for any
    spec: DataSpec

    def scores(self, outputs: Any, targets: Any, decided: bool = False) -> tuple[Any, ...]:
        """Arguments of metrics by name: probabilities of logits, or numbers as `metric_inputs` returns them.

        Args:
            outputs: (B, ...) of the network.
            targets: (B, ...) of the loss.
            decided: for a metric that counts the decisions of the task: yes from a value of 0.5.
        """
        kind = self._kind()
        if kind == "multiclass":
            return outputs.float().softmax(dim=1), targets
        if kind in ("binary", "multilabel"):
            probabilities, targets = outputs.float().sigmoid(), targets.long()
        else:
            probabilities, targets = self.metric_inputs(outputs, targets)  # type: ignore[attr-defined]
        if kind != "multilabel" and probabilities.dim() == 2 and probabilities.shape[1] == 1:
            return probabilities[:, 0], targets.reshape(-1)
        return probabilities, targets

    @property
    def scored(self) -> Sequence[str]:
        """Names of the classes, labels or numbers of which `scores` are, in order."""
        return self.spec.class_names or self.spec.target_names or [str(place) for place in range(self.spec.output_size)]

    def checked_metrics(self, metrics: MetricsSetting) -> Sequence[tuple[str, Any]]:
        """Metrics of a setting: the name under which each is logged, and what it is.

        Raises:
            UserError: one is unknown or does not fit the task.
        """
        if metrics is None:
            return ()
        check_metrics(metrics, self._kind())
        return tuple(entries(metrics))

    def named_metrics(self, chosen: Sequence[tuple[str, Any]], beside: Mapping[str, Any]) -> NamedMetrics:
        """New metrics of a setting.

        Args:
            chosen: as `checked_metrics` returns them.
            beside: metrics of the task. One of the same name and with arguments replaces it.

        Raises:
            UserError: a metric refuses its arguments.
        """
        new = [
            (name, entry) for name, entry in chosen if name not in beside or not isinstance(entry, tuple) or entry[1]
        ]
        found = {name: _built(name, entry, self._kind(), self.scored) for name, entry in new}
        own = [name for name, entry in new if _sets_threshold(entry)]
        return NamedMetrics(found, metric_suffixes(self.scored), self.scores, own)

    @classmethod
    def _kind(cls) -> str | None:
        return kind_of({"KIND": cls.KIND, "TARGETS": cls.TARGETS})


def _built(name: str, entry: Any, kind: str | None, scored: Sequence[str]) -> Metric:
    if isinstance(entry, Metric):
        return entry.clone()
    if not isinstance(entry, tuple):
        raise UserError(f"task.metrics: {name} is no metric of torchmetrics; let its class extend torchmetrics.Metric")
    target, arguments = resolved(entry[0], entry[1], kind)
    module, _, class_name = target.rpartition(".")
    make = getattr(import_module(module), class_name)
    known = inspect.signature(make).parameters
    facts = {fact: len(scored) for fact in ("num_classes", "num_labels", "num_outputs") if fact in known}
    try:
        with warnings.catch_warnings(action="ignore"):  # about the memory that it may take
            metric: Metric = make(**{**facts, **arguments})
    except (ValueError, TypeError) as error:
        raise UserError(f"task.metrics: {name} refuses its arguments ({' '.join(str(error).split())})") from error
    return metric


def _sets_threshold(entry: Any) -> bool:
    """True if a metric has a threshold of its own; of an object one that is not torchmetrics' default."""
    return "threshold" in entry[1] if isinstance(entry, tuple) else getattr(entry, "threshold", 0.5) != 0.5


def _has_parts(metric: Metric) -> bool:
    """True if a metric has a value for each class, label or target."""
    averages = not hasattr(metric, "average") or metric.average not in (None, "none")
    of_each = getattr(metric, "multioutput", None) == "raw_values"
    return not averages or of_each or getattr(metric, "num_outputs", 1) > 1


def _mixes_units(metric: Metric) -> bool:
    """True if a mean over the values of a metric would add numbers of different units."""
    return isinstance(metric, _IN_UNITS) and getattr(metric, "num_outputs", 1) > 1
