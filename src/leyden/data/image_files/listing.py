"""Image files in a folder and its subfolders, and a summary of the other files there."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from leyden.data.image_files.formats import extensions, is_hidden, suffix_of

_NAMED = 5  # kinds of skipped files that a summary names


@dataclass
class Skipped:
    """Skipped files, counted by kind.

    Attributes:
        kinds: count and first path of each kind, such as `.heic`.
    """

    kinds: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, kind: str, path: str, number: int = 1) -> None:
        count, example = self.kinds.get(kind, (0, path))
        self.kinds[kind] = count + number, min(example, path)

    def extend(self, other: "Skipped", prefix: str) -> None:
        """Add the files of a folder, with its path as the prefix of theirs."""
        for kind, (count, example) in other.kinds.items():
            self.add(kind, f"{prefix}/{example}", count)

    def __len__(self) -> int:
        return sum(count for count, _ in self.kinds.values())

    def __str__(self) -> str:
        """The most frequent kinds with an example of each: `30 .heic (cat/a.heic), 1 .txt (dog/b.txt)`."""
        kinds = sorted(self.kinds.items(), key=lambda item: -item[1][0])
        named = ", ".join(f"{count:,} {kind} ({example})" for kind, (count, example) in kinds[:_NAMED])
        rest = sum(count for _, (count, _) in kinds[_NAMED:])
        return named + (f", {rest:,} of other kinds" if rest else "")


@dataclass
class Listing:
    """Image files in a folder and its subfolders.

    Attributes:
        names: sorted paths relative to the folder, with `/` on every system.
        skipped: other files, without hidden ones and those of file managers.
    """

    names: list[str]
    skipped: Skipped


def list_images(root: Path, onerror: Callable[[OSError], None] | None = None) -> Listing:
    """Image files in a folder and its subfolders. Hidden files and folders are skipped.

    Links to folders are followed. Each folder is listed once, even if several links lead to it or a link leads to a
    folder that contains it; real folders come before links.

    Args:
        onerror: called with the error of a folder that cannot be listed; by default it is raised.

    Raises:
        OSError: a folder cannot be listed.
    """
    known, found = extensions(), Listing([], Skipped())
    folders, links, seen = [""], list[str](), set[tuple[int, int]]()
    while folders or links:
        place = folders.pop() if folders else links.pop(0)
        path = root / place
        try:
            stat = path.stat()
            if (stat.st_dev, stat.st_ino) in seen:
                continue
            seen.add((stat.st_dev, stat.st_ino))
            with os.scandir(path) as entries:
                for entry in entries:
                    suffix, name = suffix_of(entry.name), place + entry.name
                    if is_hidden(entry.name):
                        continue
                    if suffix in known and entry.is_file():
                        found.names.append(name)
                    elif entry.is_dir():
                        (links if entry.is_symlink() else folders).append(f"{name}/")
                    elif suffix in known and entry.is_symlink():
                        found.names.append(name)  # a broken link: reading it reports that
                    else:
                        found.skipped.add(_kind(entry, suffix), name)
        except OSError as error:
            if onerror is None:
                raise
            onerror(error)
        links.sort()
    found.names.sort()
    return found


def _kind(entry: os.DirEntry[str], suffix: str) -> str:
    if entry.is_symlink() and not entry.is_file():
        return "broken link"
    if not entry.is_file():
        return "no regular file"
    return suffix or "without a suffix"
