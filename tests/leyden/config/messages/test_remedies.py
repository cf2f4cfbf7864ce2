"""Hints of error messages, typed as they are printed: each one gets past the mistake that it is for."""

import re
import shlex
from itertools import product
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from leyden.config.compose import compose, compose_run
from leyden.config.overrides import allow_new_values
from leyden.system.errors import UserError
from tests.leyden.helpers.kept_runs import keep

ROOT = Path(__file__).parents[4]
CSV = "data=csv data.path=data/csv/cars.csv"
TABLE = f"{CSV} model=mlp data.target=mpg"

# Commands as they are typed in a shell; train.py unless another one is named.
TYPED = [
    # other frameworks' options
    "--lr 0.1",
    "--lr=0.1",
    "-lr 0.1",
    "--learning-rate 1e-3 --epochs 3 --batch-size 32 --seed 1 --gpus 1",
    "--batch_size=32 experiment=mnist_cnn",
    "-b 32 -e 3",
    "--max_epochs 3",
    "--trainer.max_epochs 3",
    "--trainer.max_epochs=3 seed=3",
    "--model cnn",
    "--data MNIST",
    "--optimizer SGD",
    "--config configs/experiment/mnist_mlp.yaml",
    "-c configs/experiment/mnist_mlp.yaml",
    "--hidden-sizes 10 20",
    "--no-test",
    "--fast_dev_run",
    "--no-cuda",
    "--amp",
    "--wd 0.1",
    "--momentum 0.9",
    "--precision fp16",
    "--output_dir 'my results'",
    # words without a key, or without =
    "mnist_mlp",
    "MNIST-MLP seed=3",
    "cnn",
    "adam",
    "kmnist model=cnn",
    "configs/experiment/mnist_mlp.yaml",
    "fit experiment=mnist_mlp",
    "experiment mnist_mlp",
    "experiment: mnist_mlp",
    "seed = 3",
    "optimizer.lr 0.1",
    "optimizer.lr:0.1",
    "optimizer.lr= 0.1",
    # names of settings
    "lr=0.1",
    "LR=0.1",
    "n_epochs=3",
    "bs=32",
    "batch-size=32",
    "wd=0.1",
    "arch=resnet50",
    "dataset=FashionMNIST",
    "device=cpu",
    "gpus=0",
    "trainer.gpus=1",
    "trainer.lr=0.1",
    "trainer.seed=3",
    "trainer.logger=false",
    "model.learning_rate=0.1",
    "model.hidden_size=64",
    "model.weights=DEFAULT",
    "model.num_classes=10",
    "model.optimizer.lr=0.1",
    "datamodule.batch_size=32",
    "hparams.lr=0.1",
    "optimizer.name=Adam",
    "optimizer.momentum=0.9",
    "optimizer_lr=0.1",
    "scheduler.gamma=0.5",
    "patience=3",
    "callbacks.early_stopping.patience=3",
    "callbacks.model_checkpoint.save_top_k=2",
    "callbacks.best.save_top=2",
    "logger.csv.save_dri=x",
    "early_stopping=true",
    "pretrained=true",
    "grad_clip=1",
    "accum=4",
    "paths.output_dir=x",
    "+seed=3",
    "++model=cnn",
    # files of groups
    "data=MNIST",
    "data=fashion-mnist",
    "model=CNN",
    "model=[cnn]",
    "model=ResNet18",
    "optimizer=torch.optim.AdamW",
    "scheduler=CosineAnnealingLR",
    "scheduler=null",
    "callbacks=null",
    "experiment=configs/experiment/mnist_mlp.yaml",
    "trainer=ddp_sim",
    "trainer=cuda",
    "debug=overfit",
    "model=[mlp,cnn]",
    # values
    "data.batch_size=32.0",
    "data.batch_size=[32]",
    "trainer.max_epochs=1e1",
    "trainer.max_steps=1e3",
    "trainer.max_epochs=None",
    "trainer.precision=fp16",
    "model.hidden_sizes=10",
    "model.hidden_sizes=10,20",
    "'model.hidden_sizes=(10,20)'",
    "'model.hidden_sizes=[10 20]'",
    "model.batch_norm=yes",
    "model.init=Kaiming",
    "model.activation=torch.nn.ReLU",
    "optimizer.lr=0,1",
    "optimizer.lr=[0.1,0.01]",
    "optimizer.lr=0.1,0.01",
    "seed=1.0",
    "test=no",
    "mode=minimize monitor=val/loss",
    "monitor=val_loss",
    "monitor=accuracy",
    "monitor=val/loss",
    "matmul_precision=HIGH",
    # tables
    f"{CSV} data.target=null",
    f'{CSV} "data.target=it\'s"',
    f"{CSV} 'data.target=Price ($)'",
    f"{CSV} data.target=a,b",
    f"{TABLE} data.ignore=name",
    "data=csv data.path=a,b.csv data.target=y",
    "data=houses.csv data.target=price",
    "data.path=houses.csv data.target=y",
    # runs
    "last",
    "ckpt_path=last",
    "resume_from_checkpoint=last",
    "--resume",
    "--resume-from-checkpoint last",
    "weights=LOGS/it/checkpoints/best.ckpt",
    "resume=LOGS/it/checkpoints/last.ckpt",
    "eval.py last",
    "eval.py run",
    "eval.py --run last",
    "eval.py resume=last",
    "eval.py checkpoint_path=last run=last",
    "eval.py run=LOGS/it/checkpoints/best.ckpt",
    "eval.py run=LOGS",
    "eval.py run=it",
    "eval.py LOGS/it",
    "predict.py data/csv/cars.csv run=last",
    "predict.py run=last --input data/csv/cars.csv",
    "predict.py run=last image=data/csv/cars.csv",
    "predict.py run=last topk=5",
    "predict.py run=last out='my predictions.csv'",
]
REMEDY = re.compile(r"(?:did you mean|write|without the plus:|brackets:|each:|point:|space:|such as|with -m:) (.+)")
END = re.compile(r"\?$|; there are: .*| for (?:a list|one text|one path)\b")


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs, of which one has checkpoints; with spaces, as some people have."""
    logs = tmp_path_factory.mktemp("my logs")
    run = keep(logs, f"paths.run_dir={logs}/it")
    (run / "checkpoints").mkdir()
    for name in ("best", "last"):
        (run / "checkpoints" / f"{name}.ckpt").touch()
    return logs


def run(command: str, words: list[str]) -> None:
    """Compose and check what a command would do; with -m, each job."""
    jobs = [words]
    if "-m" in words:
        arguments = [word for word in words if word != "-m"]
        parsed = OverridesParser.create().parse_overrides(allow_new_values(arguments))
        texts = [
            [f"{o.key_or_group}={text}" for text in o.sweep_string_iterator()] if o.is_sweep_override() else [word]
            for o, word in zip(parsed, arguments, strict=True)
        ]
        jobs = [list(job) for job in product(*texts)]
    for job in jobs:
        compose(job) if command == "train" else compose_run(job, command)


def refused(command: str, words: list[str]) -> str | None:
    """The message for a command; None for one that holds."""
    try:
        run(command, words)
    except UserError as error:
        return str(error)
    return None


def typed_again(words: list[str], message: str) -> list[list[str]]:
    """The command with each of the remedies that a message prints in place of what it names."""
    if message.endswith("leave it out"):
        named = message.partition(": ")[0]
        return [[word for word in words if word != named]]
    added = re.search(r"; add (\S+)(?: to run each)?$", message)
    if added:
        return [[*words, *shlex.split(added[1])]]
    match = REMEDY.search(message)
    assert match, f"no remedy in: {message}"
    remedy, named = END.sub("", match[1]), named_in(words, message)
    place = min(named)
    while "without a space" in message and max(named) + 1 < len(words) and "=" not in words[max(named) + 1]:
        named.append(max(named) + 1)
    rest = [word for number, word in enumerate(words) if number not in named]
    return [[*rest[:place], *shlex.split(one), *rest[place:]] for one in remedy.split(" or ")]


def named_in(words: list[str], message: str) -> list[int]:
    """The places of the words that a message begins with."""
    for first in range(len(words)):
        for behind in range(len(words), first, -1):
            typed = " ".join(words[first:behind])
            if message.startswith((f"{typed}: ", f"{typed}:", f"{typed.lstrip('+')}: ")):
                return list(range(first, behind))
    key = message.partition(":")[0].partition("=")[0]
    return [number for number, word in enumerate(words) if word.lstrip("+").partition("=")[0] == key]


@pytest.mark.sample(5)
@pytest.mark.parametrize("typed", TYPED)
def test_a_hint_that_is_typed_as_printed_works(typed: str, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    words = [word.replace("LOGS", str(logs)) for word in shlex.split(typed)]
    command = words.pop(0).removesuffix(".py") if words[0].endswith(".py") else "train"
    where = [f"paths.log_dir={logs}"]
    message = refused(command, words + where)
    assert message
    assert "\n" not in message
    for again in typed_again(words, message):
        assert again != words, message
        for _ in range(3):  # a command may have further mistakes, each with a hint of its own
            further = refused(command, again + where)
            if not further or ": no value given" in further:  # which a person has to fill in
                break
            assert further != message, again
            (again,) = typed_again(again, further)
        else:
            pytest.fail(f"{message}\ndoes not end in a command that works: {again}")


def test_there_are_enough_of_them() -> None:
    assert len(set(TYPED)) >= 60
