"""README.md and the pages of docs/, with the blocks and commands in them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in PAGES}
# Paths of files that a reader makes from blocks.
MADE = {path for text in TEXTS.values() for path in re.findall(r"^# ((?:src|configs)/\S+\.\w+)$", text, re.M)}
# Names of config files that a reader makes: those of blocks with their path, and others.
FILES = {name for text in TEXTS.values() for name in re.findall(r"^# configs/\S+/(\w+)\.yaml$", text, re.M)}
OWN = re.compile(rf"\b({'|'.join(sorted(FILES | {'mycluster', 'local'}))})\b")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [
        block for kind, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE) if kind == language
    ]


def commands_of(text: str) -> list[str]:
    """The lines of bash blocks, and the commands at the head of a table's rows; scripts are not split into lines."""
    shell = "".join(block for block in blocks(text, "bash") if not block.startswith("#!")).replace("\\\n", "")
    lines = [line.split("  #")[0].strip() for line in shell.splitlines()]
    return [line for line in lines if line] + re.findall(r"^\| `(python [^`]+)` \|", text, re.MULTILINE)
