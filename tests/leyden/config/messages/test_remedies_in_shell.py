"""Hints of error messages, put into the text of a command that bash reads."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.leyden.config.messages.test_remedies import CSV, END, REMEDY, ROOT, named_in


@pytest.mark.slow
@pytest.mark.parametrize(
    "typed",
    [
        "--lr 0.1",
        "mnist_mlp",
        f"{CSV} model=mlp data.target=null",
        f'{CSV} model=mlp "data.target=it\'s"',
        "data=csv model=mlp data.path=a,b.csv data.target=y",
        "model.hidden_sizes=10,20",
    ],
)
def test_a_hint_works_in_a_real_shell(typed: str, tmp_path: Path) -> None:
    """Quotes, too: the config that the corrected command composes is printed."""

    def bash(words: str, options: str = "") -> subprocess.CompletedProcess[str]:
        command = f"{shlex.quote(sys.executable)} train.py {words} paths.log_dir={shlex.quote(str(tmp_path))} {options}"
        return subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)

    first = bash(typed)
    assert first.returncode == 2
    message = first.stderr.removeprefix("error: ").strip()
    match = REMEDY.search(message)
    assert match, message
    words = shlex.split(typed)
    rest = [shlex.quote(word) for number, word in enumerate(words) if number not in named_in(words, message)]
    remedy = END.sub("", match[1])
    again = bash(" ".join([*rest, remedy]), "--cfg job")
    assert again.returncode == 0, again.stderr
    key, _, value = shlex.split(remedy)[-1].partition("=")
    if value.startswith('"'):
        assert f"{key.rpartition('.')[2]}: " in again.stdout
        assert value.strip('"') in again.stdout.replace("''", "'")
