"""scripts/rename.py, run as a user runs it, on copies."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.leyden.scripts.renaming import ENVIRONMENT, ROOT, contents, listing, mentions, rename, repository

PACKAGE = next(ROOT.glob("src/*/__init__.py")).parent.name  # so that this holds in a renamed repository too


def test_every_spelling_is_replaced_in_texts_and_paths(tree: Path) -> None:
    done = rename(tree, "zeppelin_works")
    assert done.returncode == 0, done.stderr
    assert "uv sync" in done.stdout
    assert "uv run pytest" in done.stdout

    assert mentions(tree, "oldname") == []
    files = contents(tree)
    assert not any("oldname" in path for path in files)
    assert files["README.md"] == (
        b"# ZeppelinWorks\n\n"
        b"ZeppelinWorks's package is `zeppelin_works`; see configs/zeppelin_works.yaml, not golden oldnames.\r\n"
    )
    assert files["train.py"] == b'from zeppelin_works.train import main\n\nprint("\\nzeppelin_works")\n'
    assert b"ZEPPELIN_WORKS_SHORT" in files["src/zeppelin_works/train.py"]
    assert b"class ZeppelinWorksError" in files["src/zeppelin_works/train.py"]
    assert files["src/zeppelin_works/zeppelin_works_jar.py"] == b"import zeppelin_works.train as _zeppelin_works\n"
    assert b'["import zeppelin_works\\n", "zeppelin_works.train\\n"]' in files["notebooks/a.ipynb"]
    assert files["latin.txt"] == b"caf\xe9 zeppelin_works"


def test_what_is_not_ours_to_change_stays(tree: Path) -> None:
    before = contents(tree)
    rename(tree, "zeppelin_works")
    after = contents(tree)
    for path in ("LICENSE", "data/notes.txt", "ignored/notes.txt", "logo.png", ".gitignore", "scripts/rename.py"):
        assert after[path] == before[path]


def test_metadata_of_an_old_install_goes(tree: Path) -> None:
    rename(tree, "zeppelin_works")
    assert not list(tree.glob("src/*.egg-info"))


def test_twice(tree: Path) -> None:
    assert rename(tree, "zeppelin_works").returncode == 0
    first = contents(tree)
    done = rename(tree, "other", "--force")
    assert done.returncode == 0, done.stderr
    assert mentions(tree, "zeppelin_works") == []
    assert rename(tree, "zeppelin_works", "--force").returncode == 0
    assert contents(tree) == first  # the way back is exact


def test_a_file_that_git_does_not_know_yet_is_renamed_too(tree: Path) -> None:
    (tree / "new.py").write_text("import oldname\n")
    assert rename(tree, "zeppelin_works").returncode == 0
    assert (tree / "new.py").read_text() == "import zeppelin_works\n"


def test_a_file_that_was_deleted_is_passed_over(tree: Path) -> None:
    (tree / "src/oldname/oldname_jar.py").unlink()
    done = rename(tree, "zeppelin_works", "--force")
    assert done.returncode == 0, done.stderr


def test_this_repository(tmp_path: Path) -> None:
    """Renamed, it mentions the old name nowhere, and a config holds with every class found under the new one."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    copy = tmp_path / "copy"
    for name in listing(ROOT):
        if not name.startswith("data/"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    repository(copy)

    done = rename(copy, "zeppelin_works")
    assert done.returncode == 0, done.stderr
    assert mentions(copy, PACKAGE) == []
    code = (
        "import sys; from zeppelin_works.config import compose; "
        "config = compose(['experiment=mnist_mlp']).config; assert 'torch' not in sys.modules; "
        "print(config['data']['_target_'])"
    )
    environment = {**ENVIRONMENT, "PYTHONPATH": "src"}
    imported = subprocess.run([sys.executable, "-c", code], cwd=copy, env=environment, capture_output=True, text=True)
    assert imported.returncode == 0, imported.stderr
    assert imported.stdout == "zeppelin_works.data.mnist.MNIST\n"
