"""Metrics of torchmetrics by name: the tasks that they fit, and refusals of `task.metrics`, without importing torch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from leyden.config.signature import signature_of
from leyden.system.errors import UserError
from leyden.system.override_text import as_text
from leyden.system.suggestions import did_you_mean, nearest, there_are

PREFIXES = {"binary": "Binary", "multiclass": "Multiclass", "multilabel": "Multilabel"}
_KIND_OF = {"classification": "multiclass", "multilabel": "multilabel", "regression": "regression"}
_IN_WORDS = {"binary": "classes", "multiclass": "classes", "multilabel": "labels", "regression": "numbers"}
_ALL, _CLASSES, _NUMBERS = ("binary", "multiclass", "multilabel"), ("binary", "multiclass"), ("regression",)
_FACTS = {"num_classes", "num_labels", "num_outputs"}  # come from the data, and may be set


@dataclass(frozen=True)
class Metric:
    """Class of a metric in torchmetrics without `Binary` and the like, kinds of tasks, further names, and arguments."""

    stem: str
    kinds: tuple[str, ...]
    others: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def target(self, kind: str) -> str:
        """Dotted name of the class for a kind of task."""
        if kind == "regression":
            return f"torchmetrics.regression.{self.stem}"
        return f"torchmetrics.classification.{PREFIXES[kind]}{self.stem}"


_MICRO = {"average": "micro"}
METRICS = {
    "accuracy": Metric("Accuracy", _ALL, ("acc",), _MICRO),
    "balanced_accuracy": Metric("Accuracy", ("multiclass",)),
    "f1": Metric("F1Score", _ALL, ("f1_score",)),
    "fbeta": Metric("FBetaScore", _ALL, ("fbeta_score", "f_beta")),
    "precision": Metric("Precision", _ALL),
    "recall": Metric("Recall", _ALL, ("sensitivity",)),
    "specificity": Metric("Specificity", _ALL),
    "npv": Metric("NegativePredictiveValue", _ALL, ("negative_predictive_value",)),
    "auroc": Metric("AUROC", _ALL, ("auc", "roc_auc")),
    "average_precision": Metric("AveragePrecision", _ALL, ("ap",)),
    "eer": Metric("EER", ("binary",), ("equal_error_rate",)),
    "calibration_error": Metric("CalibrationError", _CLASSES, ("ece",)),
    "cohen_kappa": Metric("CohenKappa", _CLASSES, ("kappa",)),
    "matthews": Metric("MatthewsCorrCoef", _ALL, ("mcc", "matthews_corrcoef")),
    "jaccard": Metric("JaccardIndex", _ALL, ("iou", "jaccard_index")),
    "hamming": Metric("HammingDistance", _ALL, ("hamming_distance",)),
    "exact_match": Metric("ExactMatch", ("multilabel",)),
    "coverage_error": Metric("CoverageError", ("multilabel",)),
    "ranking_average_precision": Metric("RankingAveragePrecision", ("multilabel",), ("lrap",)),
    "ranking_loss": Metric("RankingLoss", ("multilabel",)),
    "mae": Metric("MeanAbsoluteError", _NUMBERS),
    "mse": Metric("MeanSquaredError", _NUMBERS),
    "rmse": Metric("MeanSquaredError", _NUMBERS, (), {"squared": False}),
    "nrmse": Metric("NormalizedRootMeanSquaredError", _NUMBERS),
    "r2": Metric("R2Score", _NUMBERS, ("r2_score",)),
    "mape": Metric("MeanAbsolutePercentageError", _NUMBERS),
    "smape": Metric("SymmetricMeanAbsolutePercentageError", _NUMBERS),
    "wmape": Metric("WeightedMeanAbsolutePercentageError", _NUMBERS),
    "msle": Metric("MeanSquaredLogError", _NUMBERS),
    "log_cosh": Metric("LogCoshError", _NUMBERS),
    "minkowski": Metric("MinkowskiDistance", _NUMBERS),
    "tweedie": Metric("TweedieDevianceScore", _NUMBERS, ("tweedie_deviance",)),
    "explained_variance": Metric("ExplainedVariance", _NUMBERS),
    "pearson": Metric("PearsonCorrCoef", _NUMBERS),
    "spearman": Metric("SpearmanCorrCoef", _NUMBERS),
    "kendall": Metric("KendallRankCorrCoef", _NUMBERS),
    "concordance": Metric("ConcordanceCorrCoef", _NUMBERS),
}


def kind_of(constants: Mapping[str, Any]) -> str | None:
    """Kind of a task by the constants of its class; None if it has no kind of which there are metrics by name."""
    kind = constants.get("KIND") or _KIND_OF.get(str(constants.get("TARGETS")))
    return kind if kind in _IN_WORDS else None


def canonical(name: str) -> str | None:
    """Name in the table of a metric by any of its names, such as `f1` of `torchmetrics.F1Score`; None if unknown."""
    if name in METRICS:
        return name
    package, _, last = name.rpartition(".")
    if package and not f"{package}.".startswith("torchmetrics."):
        return None
    for own, metric in METRICS.items():
        classes = (metric.stem, *(f"{prefix}{metric.stem}" for prefix in PREFIXES.values()))
        if last in classes or (not package and name in metric.others):
            return own
    return None


def entries(metrics: Any) -> Iterator[tuple[str, Any]]:
    """Metrics of a config, each with the name under which it is logged.

    Yields:
        Name, and either `(name in the table, arguments)`, or what is not in the table: settings or an object.

    Raises:
        UserError: an entry is neither.
    """
    for entry in [metrics] if isinstance(metrics, str) else metrics if isinstance(metrics, list | tuple) else [metrics]:
        name, settings = entry, None
        if isinstance(entry, Mapping) and len(entry) == 1 and "_target_" not in entry:
            [(name, settings)] = entry.items()
        if isinstance(name, str) and isinstance(settings, Mapping | None) and "_target_" not in (settings or {}):
            yield _logged(name), (name, dict(settings or {}))
        elif isinstance(name, str):
            yield name, settings
        elif isinstance(entry, Mapping) and "_target_" in entry:
            yield _logged(str(entry["_target_"])), entry
        elif isinstance(entry, int | float | list | Mapping | None):
            raise UserError(f"task.metrics: {as_text(entry)} is no metric; write task.metrics=[f1,{{auroc: {{…}}}}]")
        else:
            yield _logged(type(entry).__name__), entry


def check_metrics(metrics: Any, kind: str | None) -> None:
    """Check the metrics of a config by their names.

    Raises:
        UserError: one is unknown, is for other tasks, has an unknown argument, or is named twice.
    """
    seen = set[str]()
    for logged, entry in entries(metrics):
        if logged in seen:
            raise UserError(f"task.metrics: {logged} is named twice; give one a name of its own, as {{second: {{…}}}}")
        seen.add(logged)
        if isinstance(entry, tuple):
            name, arguments = entry
            resolved(name, arguments, kind)


def resolved(name: str, arguments: Mapping[str, Any], kind: str | None) -> tuple[str, dict[str, Any]]:
    """Dotted name of the class and the arguments of a metric by name.

    Raises:
        UserError: it is unknown, is for other tasks, or has no such argument.
    """
    fitting = [own for own, metric in METRICS.items() if kind in metric.kinds]
    own = canonical(name)
    if own is None:
        every = {*METRICS, *(other for metric in METRICS.values() for other in (*metric.others, metric.stem))}
        near = nearest(name.rpartition(".")[2], every)
        hint = did_you_mean(near[0], near) if near else there_are(fitting or METRICS)
        raise UserError(f"task.metrics: there is no metric {name}{hint}")
    metric = METRICS[own]
    if kind is None:
        raise UserError(
            f"task.metrics: {name} needs a task whose class says what it predicts, by KIND; or name a class of "
            f"torchmetrics with its arguments, as '{{{name}: {{_target_: torchmetrics.…}}}}'"
        )
    if kind not in metric.kinds:
        of = " or ".join(dict.fromkeys(_IN_WORDS[other] for other in metric.kinds))
        raise UserError(
            f"task.metrics: {name} is a metric of {of}, and this task predicts {_IN_WORDS[kind]}{there_are(fitting)}"
        )
    target = metric.target(kind)
    signature = signature_of(target)
    hidden = ("multidim_average", "beta" if own == "f1" else "")  # an average of each item; of the base class
    known = {key: of for key, of in signature.parameters.items() if key not in hidden} if signature else {}
    defaults = {key: value for key, value in metric.arguments.items() if key in known}
    for key, value in arguments.items():
        parameter = known.get(key)
        if parameter is None:
            shown = [other for other in known if other not in _FACTS]
            raise UserError(f"task.metrics: {name} has no argument {key}{did_you_mean(key, shown)}")
        if not parameter.accepts(value):
            raise UserError(f"task.metrics: {name}.{key}={as_text(value)} must be {parameter.meaning}")
    for parameter in known.values():
        if parameter.required and parameter.name not in {*arguments, *_FACTS}:
            remedy = f"{{{name}: {{{parameter.name}: …}}}}"
            raise UserError(f"task.metrics: {name} needs the argument {parameter.name}; write '{remedy}'")
    return target, {**defaults, **arguments}


def _logged(name: str) -> str:
    """Name under which a metric is logged: as it is typed, or of a class in lower case with underscores."""
    last = name.rpartition(".")[2]
    if "." in name or last[:1].isupper():
        last = canonical(name) or "".join(
            f"_{letter.lower()}" if letter.isupper() and place and not last[place - 1].isupper() else letter.lower()
            for place, letter in enumerate(last)
        )
    return last
