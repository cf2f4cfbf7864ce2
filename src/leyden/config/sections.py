"""Arguments that may be set in the sections of a config, by the class that each section builds."""

from collections.abc import Mapping
from typing import Any

from leyden.config.signature import Parameter, Signature, signature_of

# Arguments that the program itself passes when it builds a section.
INJECTED_ARGS = {
    "model": {"input_shape", "output_size", "mean", "std"},
    "task": {"network", "optimizer", "scheduler", "spec"},
    "optimizer": {"params", "make"},
    "scheduler": {"optimizer", "make"},
    "trainer": {"callbacks", "logger", "default_root_dir"},
}
# Sections that may have several objects by name.
HAVE_PARTS = ("optimizer", "scheduler")
# Our own settings in a section beside the arguments of torch's class.
EXTRA_ARGS = {
    "optimizer": "leyden.tasks.optimizers.OptimizerFactory",
    "scheduler": "leyden.tasks.schedulers.SchedulerFactory",
    "data": "leyden.data.plain.SpecSettings",
}


def has_parts(section: Any) -> bool:
    """True if a section has several optimizers or schedulers by name, in place of one."""
    return isinstance(section, Mapping) and "_target_" not in section and bool(section)


def injected_into(path: str) -> set[str]:
    """Arguments that the program passes when it builds the object at a path, such as `optimizer.generator`."""
    return INJECTED_ARGS.get(_section_of(path), set())


def arguments_of(path: str, signature: Signature) -> dict[str, Parameter]:
    """The arguments that may be set in a section, by name."""
    parameters = dict(signature.parameters)
    beside = signature_of(EXTRA_ARGS[_section_of(path)]) if _section_of(path) in EXTRA_ARGS else None
    if beside and not (path == "data" and signature.constants.get("PUBLISHES_SPEC")):
        parameters |= beside.parameters
    return {name: parameter for name, parameter in parameters.items() if name not in injected_into(path)}


def _section_of(path: str) -> str:
    """Section of an object: `optimizer` also of `optimizer.generator`; otherwise the path itself."""
    first = path.partition(".")[0]
    return first if first in HAVE_PARTS and path.count(".") == 1 else path


def settable(config: Mapping[str, Any], path: str = "") -> dict[str, Parameter | None]:
    """The dotted names of all settings of a config, stated in it or not, with their parameter if it is known."""
    names: dict[str, Parameter | None] = {}
    signature = signature_of(str(config["_target_"])) if "_target_" in config else None
    if signature:
        names |= {f"{path}.{name}": parameter for name, parameter in arguments_of(path, signature).items()}
    for key, value in config.items():
        if str(key).startswith("_"):
            continue
        name = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping):
            names |= settable(value, name)
        else:
            names.setdefault(name, None)
    return names
