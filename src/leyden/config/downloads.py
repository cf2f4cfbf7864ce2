"""Files that an experiment would download, declared by the classes of its data and its network.

Such a class may declare a static method `needs_download(**settings) -> str | None`, which gets the settings of its
section and returns a name of what is to be downloaded, such as "CIFAR10", or None if the files are there. It is
assigned from a module that does not import torch, as `check_input` is (`leyden.config.input_checks`):

    needs_download = staticmethod(downloads.cifar10)

A class without one downloads nothing. Nothing here uses the network.
"""

from collections.abc import Mapping
from typing import Any

from leyden.config.declarations import declared_function


def needed_downloads(config: Mapping[str, Any]) -> list[str]:
    """Names of what the data and the network of a resolved config would download."""
    found = []
    for name in ("data", "model"):
        section = config.get(name)
        target = section.get("_target_") if isinstance(section, Mapping) else None
        if isinstance(section, Mapping) and isinstance(target, str):
            declared = declared_function(target, "needs_download")
            settings = {key: value for key, value in section.items() if not key.startswith("_")}
            if declared and (what := declared(**settings)):
                found.append(what)
    return found
