"""Compilation of a network by torch.compile, in place: the keys of its weights stay the same."""

import logging
import os
import shutil
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import lightning as L
import torch
from torch import nn

from leyden.system.errors import UserError

log = logging.getLogger(__name__)
BACKEND = "inductor"


class Compile(L.Callback):
    """Compiles the network when training begins: what is called before, with examples of other sizes, is not compiled.

    A checkpoint is the same with and without it, so that a run may be resumed either way. Batches of another size, such
    as the last of an epoch, compile the network once more, for any size.
    """

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        network = pl_module.network
        assert isinstance(network, nn.Module)
        torch.compiler.reset()  # torch compiles a function a few times in a process only, for all networks together
        network.compile(backend=BACKEND)
        log.info("network: is compiled in the first steps, which take longer")


def check_compiler(device: torch.device) -> None:
    """Refuse, with a UserError, to compile on a machine where torch.compile has not what it needs for a device."""
    if why := _lacking(device):
        raise UserError(f"compile=true: {why}; add compile=false")


def _lacking(device: torch.device) -> str | None:
    if device.type == "cuda":
        return None if find_spec("triton") else "torch.compile needs triton on a GPU, and it is not installed"
    usual = {"win32": ("cl",), "darwin": ("clang++",)}.get(sys.platform, ("g++", "clang++"))
    known = [os.environ["CXX"]] if os.environ.get("CXX") else list(usual)
    if not any(shutil.which(name) for name in known):
        return f"torch.compile needs a C++ compiler on a CPU, and there is no {' or '.join(known)}"
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        return "torch.compile needs the header Python.h on a CPU (of the package python3-dev, or of Python from uv)"
    try:
        torch.compile(nn.Identity(), backend="eager")
    except RuntimeError as error:  # of this version of Python
        return " ".join(str(error).split())
    return None
