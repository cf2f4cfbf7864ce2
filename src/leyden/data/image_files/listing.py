"""Image files below a folder, and a summary of the other files there."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from leyden.data.image_files.formats import extensions, is_quiet, suffix_of

_NAMED = 5  # kinds of skipped files that a summary names


@dataclass
class Skipped:
    """Files that are not read, by kind.

    Attributes:
        kinds: for each kind, such as `.heic`, how many there are and the path of the first.
    """

    kinds: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, kind: str, path: str, number: int = 1) -> None:
        count, example = self.kinds.get(kind, (0, path))
        self.kinds[kind] = count + number, min(example, path)

    def extend(self, other: "Skipped", prefix: str) -> None:
        """Add the files of a folder, whose path is put before theirs."""
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
    """Image files below a folder.

    Attributes:
        names: paths relative to the folder, with `/` on every system, sorted.
        skipped: other files, without hidden ones and those of file managers.
    """

    names: list[str]
    skipped: Skipped


def list_images(root: Path, onerror: Callable[[OSError], None] | None = None) -> Listing:
    """The image files in a folder and those below it. Hidden files and folders are skipped.

    Links to folders are followed, once each: a folder that several links lead to, or a link to one that contains the
    link itself, is listed where it is met first, folders before links.

    Args:
        root: the folder.
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
                    if is_quiet(entry.name):
                        continue
                    if suffix in known and entry.is_file():
                        found.names.append(name)
                    elif entry.is_dir():
                        (links if entry.is_symlink() else folders).append(f"{name}/")
                    elif suffix in known and entry.is_symlink():
                        found.names.append(name)  # leads nowhere: reading it says so
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
