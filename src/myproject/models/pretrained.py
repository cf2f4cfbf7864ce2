"""Transfer learning: any classification network of torchvision with a new head."""

import logging
from typing import Literal, Self

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from leyden import UserError, backbones, load_weights, torchvision_input_check, torchvision_weights_download

log = logging.getLogger(__name__)


class Pretrained(nn.Module):
    """torchvision network as a backbone, images to features, and a dense head, features to outputs.

    With torchvision's weights, inputs are prepared as in their training: the normalisation of the data is undone and
    theirs applied, images are resized to their size, grey images repeated to three channels. Otherwise images are used
    as they are.

    Frozen layers have no gradient and stay in evaluation mode: BatchNorm keeps its statistics, dropout is off.

    Args:
        input_shape: (channels, height, width).
        output_size: number of outputs.
        name: name in torchvision, such as resnet50 or vit_b_16.
        weights: name in torchvision (DEFAULT is the newest); or a file, whose head is not loaded; or null.
        freeze: none; backbone; or until:<layer>, all parameters of the backbone before that layer.
        stem: `cifar` starts a ResNet with a 3×3 convolution of stride 1 and without pooling, after He et al. (2016),
            section 4.2; `auto` does so up to 64 pixels a side, unless the weights are torchvision's.
        dropout: probability before the head.
        mean: mean of each channel that the data subtracted from values in [0, 1]; null for 0.
        std: standard deviation that the data divided by; null for 1.
        load: read the weights; false where a checkpoint with weights of its own is loaded afterwards.

    Raises:
        UserError: unknown name or layer, weights that cannot be downloaded or read, or an image that does not fit.
    """

    check_input = staticmethod(torchvision_input_check)
    needs_download = staticmethod(torchvision_weights_download)
    scale: Tensor | None
    shift: Tensor | None

    def __init__(
        self,
        input_shape: tuple[int, ...],
        output_size: int,
        name: str = "resnet18",
        weights: str | None = None,
        freeze: str = "none",
        stem: Literal["auto", "imagenet", "cifar"] = "auto",
        dropout: float = 0.0,
        mean: tuple[float, ...] | None = None,
        std: tuple[float, ...] | None = None,
        load: bool = True,
    ) -> None:
        super().__init__()
        if needs := torchvision_input_check(input_shape, name, weights):
            raise UserError(f"model Pretrained needs {needs}")
        published = backbones.find_weights(name, weights)
        self.backbone = backbones.make_backbone(name, published, input_shape, load)
        self._first, self._head = backbones.layers(self.backbone)
        last = self.backbone.get_submodule(self._head)
        features = last.in_features if isinstance(last, nn.Linear) else last.in_channels
        self.feature_size = int(features)  # type: ignore[arg-type]
        self.backbone.set_submodule(self._head, nn.Identity())
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(self.feature_size, output_size)

        is_resnet = isinstance(self.backbone, torchvision.models.ResNet)
        small = stem == "cifar" or (stem == "auto" and is_resnet and not published and max(input_shape[1:]) <= 64)
        if small and (published or not is_resnet):
            what = f"weights={weights}" if is_resnet else f"name={name}"
            raise UserError(f"model.stem=cifar: is for a ResNet without torchvision's weights, not {what}; set auto")
        if published is None:
            backbones.fit_first_layer(self.backbone, self._first, input_shape[0], small)

        self.input_size: tuple[int, int] | None = None  # any
        scale = shift = None
        if published is not None:
            preset = published.transforms()
            self.input_size = (preset.crop_size[0], preset.crop_size[0])
            theirs, undo = torch.tensor(preset.std), torch.tensor(std or [1.0])
            scale = (undo / theirs).view(-1, 1, 1)
            shift = ((torch.tensor(mean or [0.0]) - torch.tensor(preset.mean)) / theirs).view(-1, 1, 1)
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("shift", shift, persistent=False)

        self._name, self._whole = name, freeze == "backbone"
        self._frozen_modules, self._frozen_parameters = backbones.frozen_part(self.backbone, freeze)
        if freeze != "none" and weights is None and load:
            log.warning("model.freeze=%s: without model.weights it keeps random numbers", freeze)
        if weights and published is None and load:
            self._load(weights)
        self.freeze()
        self.to(memory_format=torch.channels_last)  # convolutions run up to twice as fast in this layout

    @property
    def frozen(self) -> bool:
        """True while the whole backbone is frozen, so that the features of an image do not change."""
        return self._whole and self._is_frozen

    def freeze(self) -> None:
        """Freeze the layers that `freeze` names."""
        self._hold(True)

    def unfreeze(self) -> None:
        """Train all layers."""
        self._hold(False)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self._is_frozen:
            for module in self._frozen_modules:
                module.training = False  # not .eval(), which would go down into layers that are trained
        return self

    def features(self, x: Tensor) -> Tensor:
        """(B, channels, height, width) -> (B, feature_size)."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            if self.scale is not None and self.shift is not None:
                x = x * self.scale + self.shift
            if self.input_size and x.shape[-2:] != self.input_size:
                x = F.interpolate(x, self.input_size, mode="bilinear", antialias=True)
            features: Tensor = self.backbone(x)
        return features

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, height, width), or cached features (B, feature_size) -> (B, output_size)."""
        features = x if x.ndim == 2 else self.features(x)
        logits: Tensor = self.output(self.dropout(features))
        return logits

    def translate(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename torchvision's head; sum colour filters for grey images, which equals three equal channels."""
        head, first = f"backbone.{self._head}.", f"backbone.{self._first}.weight"
        state = {"output." + k.removeprefix(head) if k.startswith(head) else k: v for k, v in state.items()}
        if first in state and self.get_parameter(first).shape[1] == 1 and state[first].shape[1] == 3:
            state[first] = state[first].sum(1, keepdim=True)
        return state

    def _load(self, weights: str) -> None:
        first = f"backbone.{self._first}.weight"
        report = load_weights(self, weights, setting="model.weights", leave_out="output.")
        if first in report.wrong_shape:
            shape = tuple(self.get_parameter(first).shape)
            remedy = (
                "; set model.stem=imagenet or cifar" if isinstance(self.backbone, torchvision.models.ResNet) else ""
            )
            raise UserError(f"model.weights={weights}: its first convolution is not {shape} like this one{remedy}")
        absent = {*report.missing, *report.wrong_shape}
        if any(f"backbone.{name}" in absent for name in self._frozen_names()):
            raise UserError(
                f"model.weights={weights}: lacks {len(absent)} of the tensors of model.name={self._name}, and "
                "model.freeze would keep them random; is it the file of another network?"
            )
        if absent:
            log.warning("%d tensors of the network are not in %s and stay random", len(absent), weights)

    def _frozen_names(self) -> set[str]:
        """Names of the backbone's frozen parameters, and of the buffers of frozen layers."""
        frozen = {id(tensor) for tensor in self._frozen_parameters}
        frozen |= {id(tensor) for module in self._frozen_modules for tensor in module.buffers()}
        return {name for name, tensor in self.backbone.state_dict(keep_vars=True).items() if id(tensor) in frozen}

    def _hold(self, frozen: bool) -> None:
        self._is_frozen = frozen
        for parameter in self._frozen_parameters:
            parameter.requires_grad_(not frozen)
            if frozen:
                parameter.grad = None  # or an optimizer would go on with the last one
        self.train(self.training)
