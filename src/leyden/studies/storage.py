"""The database that keeps a study: what a search and its jobs both do with it. Optuna is imported, which few need."""

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

_PATIENCE = 120  # seconds that a process waits for others that write into the same file


def url_of_file(path: Path) -> str:
    """The URL of a database that is a file, whatever the names of its folders are made of."""
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def hand_over(url: str) -> str:
    """What a job may be told of a URL, which may come to be written down: all, or nothing if there may be a password.

    Then the URL is in the environment, which processes get from the one that starts them.
    """
    where = _parsed(url)
    if where.get_backend_name() == "sqlite" and not (where.username or where.password or where.query):
        return url
    os.environ[STORAGE] = url
    return ""


def handed_over(storage: str) -> str:
    """The URL again, from what a job was told.

    Raises:
        UserError: it is not in the environment.
    """
    if not storage and STORAGE not in os.environ:
        raise UserError(f"{STORAGE}, the URL of the study's database, is not in the environment of this process")
    return storage or os.environ[STORAGE]


def open_storage(url: str) -> RDBStorage:
    """The database that keeps a study; its tables are made if need be.

    Raises:
        UserError: it cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    where = _parsed(url)
    if where.get_backend_name() == "sqlite":
        settings: dict[str, Any] = {"connect_args": {"timeout": _PATIENCE}}
    else:
        settings = {"pool_pre_ping": True}  # a connection may have been closed in the hours between two epochs
    try:
        return _connect(url, settings)
    except ImportError as error:
        why = f"needs a package that is not installed ({error.__cause__ or error})"
    except ArgumentError:
        why = "is no URL of a database"
    except (SQLAlchemyError, RuntimeError) as error:  # the latter: tables of another version of Optuna
        text = str(error).partition("\n")[0].replace(url, "it")
        for secret in (where.password, *where.query.values()):
            text = text.replace(str(secret), "***") if secret else text
        why = f"cannot be opened ({without_password(text)})"
    raise UserError(f"sweep.storage={where.set(query={}).render_as_string()}: {why}") from None


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):  # the latter: of a port
        raise UserError("sweep.storage: is no URL of a database") from None


def _connect(url: str, settings: dict[str, Any], tries: int = 5) -> RDBStorage:
    """Opens a database; once more where another process makes the same tables just now."""
    while True:
        try:
            return RDBStorage(url.replace("{", "{{").replace("}", "}}"), engine_kwargs=settings)  # it formats them
        except SQLAlchemyError as error:
            tries -= 1
            if not tries or not (isinstance(error, IntegrityError) or "already exists" in str(error)):
                raise
        time.sleep(0.2)


def trial_of(storage: RDBStorage, study_name: str, number: int, **parts: Any) -> Trial:
    """A trial that there is, to be drawn or reported to; `parts` are the study's sampler and pruner."""
    study = optuna.load_study(study_name=study_name, storage=storage, **parts)
    study.get_trials(deepcopy=False)  # or Optuna's cache does not know the trial, which others may have made
    study_id = storage.get_study_id_from_name(study_name)
    return Trial(study, storage.get_trial_id_from_study_id_trial_number(study_id, number))


def build_pruner(node: Mapping[str, Any]) -> BasePruner:
    """The pruner that a section describes; one that gives nothing up where there is none.

    Raises:
        UserError: it cannot be built.
    """
    pruner = build("pruner", node) if node else NopPruner()
    if not isinstance(pruner, BasePruner):
        raise UserError(f"sweep.pruner._target_={node['_target_']}: is no pruner of Optuna")
    return pruner


def build(part: str, node: Mapping[str, Any]) -> Any:
    """What a section of `sweep` describes; likewise."""
    make: Callable[..., Any] = instantiate
    try:
        return make(dict(node), _convert_="all")
    except InstantiationException as error:
        why = " ".join(str(error.__cause__ or error).split())
        raise UserError(f"sweep.{part}: {why}") from error
