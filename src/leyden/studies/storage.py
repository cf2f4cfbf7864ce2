"""Database of a study, for a search and its jobs. Imports Optuna, which is optional."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from optuna.pruners import BasePruner, NopPruner
from optuna.storages import RDBStorage
from optuna.trial import Trial
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from leyden.config.experiment import STORAGE
from leyden.config.overrides import without_password
from leyden.system.errors import UserError

_PATIENCE = 120  # seconds to wait for other processes that write to the same file


def url_of_file(path: Path) -> str:
    """URL of a database file, with any characters in its path."""
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def recordable_url(url: str) -> str:
    """URL as a job may record it: empty if it may contain a password.

    In that case the URL is passed in the environment, which processes inherit.
    """
    where = _parsed(url)
    if where.get_backend_name() == "sqlite" and not (where.username or where.password or where.query):
        return url
    os.environ[STORAGE] = url
    return ""


def resolve_url(storage: str) -> str:
    """URL from what a job recorded, or from the environment.

    Raises:
        UserError: it is in neither.
    """
    if not storage and STORAGE not in os.environ:
        raise UserError(f"{STORAGE}, the URL of the study's database, is not in the environment of this process")
    return storage or os.environ[STORAGE]


def open_storage(url: str) -> RDBStorage:
    """Open a database; its tables are created if needed.

    Raises:
        UserError: it cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    where = _parsed(url)
    if where.get_backend_name() == "sqlite":
        settings: dict[str, Any] = {"connect_args": {"timeout": _PATIENCE}}
    else:
        settings = {"pool_pre_ping": True}  # a connection may be closed between two long epochs
    try:
        return _connect(url, settings)
    except ImportError as error:
        why = f"needs a package that is not installed ({error.__cause__ or error})"
    except ArgumentError:
        why = "is not the URL of a database"
    except (SQLAlchemyError, RuntimeError) as error:  # the latter for tables of another version of Optuna
        text = str(error).partition("\n")[0].replace(url, "it")
        for secret in (where.password, *where.query.values()):
            text = text.replace(str(secret), "***") if secret else text
        why = f"cannot be opened ({without_password(text)})"
    raise UserError(f"sweep.storage={where.set(query={}).render_as_string()}: {why}") from None


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):  # the latter: of a port
        raise UserError("sweep.storage: is not the URL of a database") from None


def _connect(url: str, settings: dict[str, Any], tries: int = 5) -> RDBStorage:
    """Open a database; retry if another process creates the same tables at this moment."""
    while True:
        try:
            return RDBStorage(url.replace("{", "{{").replace("}", "}}"), engine_kwargs=settings)  # Optuna formats it
        except SQLAlchemyError as error:
            tries -= 1
            if not tries or not (isinstance(error, IntegrityError) or "already exists" in str(error)):
                raise
        time.sleep(0.2)


def trial_of(storage: RDBStorage, study_name: str, number: int, **parts: Any) -> Trial:
    """Existing trial, to draw or report values; `parts` are the study's sampler and pruner."""
    study = optuna.load_study(study_name=study_name, storage=storage, **parts)
    study.get_trials(deepcopy=False)  # otherwise Optuna's cache lacks trials of other processes
    study_id = storage.get_study_id_from_name(study_name)
    return Trial(study, storage.get_trial_id_from_study_id_trial_number(study_id, number))


def build_pruner(node: Mapping[str, Any]) -> BasePruner:
    """Pruner of a config node; one that never prunes if it is empty.

    Raises:
        UserError: it cannot be instantiated.
    """
    pruner = build("pruner", node) if node else NopPruner()
    if not isinstance(pruner, BasePruner):
        raise UserError(f"sweep.pruner._target_={node['_target_']}: is not a pruner of Optuna")
    return pruner


def build(part: str, node: Mapping[str, Any]) -> Any:
    """Instantiate the sampler or pruner of a config node.

    Raises:
        UserError: it cannot be instantiated.
    """
    make: Callable[..., Any] = instantiate
    try:
        return make(dict(node), _convert_="all")
    except InstantiationException as error:
        why = " ".join(str(error.__cause__ or error).split())
        raise UserError(f"sweep.{part}: {why}") from error
