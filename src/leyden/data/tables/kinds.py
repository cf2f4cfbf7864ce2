"""Files that are no CSV file though they were named as one, by their first bytes; and how to convert each."""

import re
import shlex
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from leyden.errors import UserError

HEAD = 4096  # bytes that identify a file
UNPACK = {".gz": "gzip -dc", ".bz2": "bzip2 -dc", ".xz": "xz -dc"}  # commands for what is decompressed while it is read


def refuse_other_kinds(path: Path, head: bytes) -> None:
    """Refuse what is known by its first bytes to be no CSV file.

    Args:
        path: of the file, to name it and the commands that convert it.
        head: the first bytes, decompressed.

    Raises:
        UserError: with a command that makes a CSV file of it, where there is one.
    """
    for magic, remedy in _MAGIC:
        if re.match(magic, head, re.DOTALL | re.IGNORECASE):
            raise UserError(f"{path}: {remedy(path, head)}")


def utf8_remedy(path: Path, text: bytes) -> str:
    """The command that converts a file, in which there is text that is not UTF-8."""
    return f"convert the file: {_as_utf8(path, _encoding_of(text))}{_use(renamed(path, '-utf8.csv'))}"


def _encoding_of(text: bytes) -> str:
    """The probable encoding, as iconv names it: Latin-1, or what Windows has in place of its control characters."""
    try:
        text.decode("cp1252")
    except UnicodeDecodeError:
        return "latin1"
    return "cp1252" if re.search(rb"[\x80-\x9f]", text) else "latin1"


def _as_utf8(path: Path, encoding: str) -> str:
    new = shlex.quote(str(renamed(path, "-utf8.csv")))
    unpack = UNPACK.get(path.suffix.lower())
    if unpack:
        return f"{unpack} {_quoted(path)} | iconv -f {encoding} -t utf-8 > {new}"
    return f"iconv -f {encoding} -t utf-8 {_quoted(path)} > {new}"


def renamed(path: Path, ending: str) -> Path:
    """A path beside a file: its name without `.csv` and the suffix of a compression, and another ending."""
    name = path.name
    for suffix in (*UNPACK, ".csv", ".tsv", ".txt", ".tab", ".dat"):
        name = name[: -len(suffix)] if name.lower().endswith(suffix) and len(name) > len(suffix) else name
    return path.with_name(name + ending)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _use(path: Path) -> str:
    return f", and use {path}"


def _by_polars(read: str) -> Callable[[Path, bytes], str]:
    """A remedy that reads the file with polars."""
    kind = read.removeprefix("read_")

    def remedy(path: Path, head: bytes) -> str:
        new = path.with_suffix(".csv")
        code = f"import polars; polars.{read}({str(path)!r}).write_csv({str(new)!r})"
        return f"is a file of {_NAMES.get(kind, kind)}; convert it: python -c {shlex.quote(code)}{_use(new)}"

    return remedy


_NAMES = {"parquet": "Parquet", "ipc": "Feather (Arrow)", "json": "JSON", "ndjson": "JSON lines"}


def _json(shape: str) -> Callable[[Path, bytes], str]:
    """A remedy for an object of columns, each a list or an object with a value for each row."""

    def remedy(path: Path, head: bytes) -> str:
        new = path.with_suffix(".csv")
        code = (
            f"import json, polars; columns = json.load(open({str(path)!r})); "
            f"polars.DataFrame({{name: {shape} for name, column in columns.items()}}).write_csv({str(new)!r})"
        )
        return f"is a file of JSON; convert it: python -c {shlex.quote(code)}{_use(new)}"

    return remedy


def _json_object(path: Path, head: bytes) -> str:
    """JSON lines if the first line is complete, and a single object otherwise."""
    line = head.strip().partition(b"\n")[0].strip()
    return _by_polars("read_ndjson" if line.endswith(b"}") else "read_json")(path, head)


def _zip(path: Path, head: bytes) -> str:
    """A workbook, or an archive that names its tables."""
    names = list[str]()
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.startswith("xl/") for name in names):
        return _spreadsheet("Excel (xlsx)")(path, head)
    if "content.xml" in names and "mimetype" in names:
        return _spreadsheet("LibreOffice (ods)")(path, head)
    if names and all(name.endswith(".npy") for name in names):
        return "is an npz file of NumPy; save its arrays as a table with a header"
    tables = [name for name in names if name.lower().endswith((".csv", ".tsv", ".txt", *UNPACK))]
    table = next(iter([name for name in tables if "__MACOSX" not in name]), None)
    extract = f"extract it: python -m zipfile -e {_quoted(path)} {_quoted(path.parent)}"
    return f"is a zip archive; {extract}{_use(path.parent / table) if table else ''}"


def _spreadsheet(kind: str) -> Callable[[Path, bytes], str]:
    def remedy(path: Path, head: bytes) -> str:
        convert = f"libreoffice --headless --convert-to csv --outdir {_quoted(path.parent)} {_quoted(path)}"
        return f"is a spreadsheet of {kind}; save it as CSV from the spreadsheet program, or with {convert}"

    return remedy


def _sqlite(path: Path, head: bytes) -> str:
    tables = list[str]()
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    table, new = tables[0] if tables else "TABLE", path.with_suffix(".csv")
    query = 'SELECT * FROM "{}"'.format(table.replace('"', '""'))
    code = (
        f"import polars, sqlite3; "
        f"polars.read_database({query!r}, sqlite3.connect({str(path)!r})).write_csv({str(new)!r})"
    )
    others = f" (it has the tables {', '.join(tables)})" if len(tables) > 1 else ""
    return f"is a database of SQLite{others}; convert a table: python -c {shlex.quote(code)}{_use(new)}"


def _tar(path: Path, head: bytes) -> str:
    return f"is a tar archive; extract it: tar -xf {_quoted(path)} -C {_quoted(path.parent)}"


def _zstd(path: Path, head: bytes) -> str:
    new = path.with_suffix("") if path.suffix == ".zst" else path.with_suffix(".csv")
    return f"is compressed by zstd; decompress it: zstd -d {_quoted(path)} -o {shlex.quote(str(new))}{_use(new)}"


def _utf16(encoding: str) -> Callable[[Path, bytes], str]:
    def remedy(path: Path, head: bytes) -> str:
        return f"is UTF-16, not UTF-8; convert it: {_as_utf8(path, encoding)}{_use(renamed(path, '-utf8.csv'))}"

    return remedy


def _plain(what: str, remedy: str = "save it as CSV from the program that wrote it") -> Callable[[Path, bytes], str]:
    return lambda path, head: f"is {what}, not a CSV file; {remedy}"


def _lfs(path: Path, head: bytes) -> str:
    return f"is a pointer of Git LFS, not the file itself; fetch it: git lfs pull --include={_quoted(path)}"


_MAGIC: list[tuple[bytes, Callable[[Path, bytes], str]]] = [
    (rb"PK\x03\x04|PK\x05\x06", _zip),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _spreadsheet("Excel (xls)")),
    (rb"PAR1", _by_polars("read_parquet")),
    (rb"ARROW1", _by_polars("read_ipc")),
    (rb"SQLite format 3\x00", _sqlite),
    (rb"\x28\xb5\x2f\xfd", _zstd),
    (rb".{257}ustar", _tar),
    (rb"\x89HDF\r\n\x1a\n", _plain("a file of HDF5")),
    (rb"\x93NUMPY", _plain("an npy file of NumPy", "save its rows as a table with a header")),
    (rb"RD[AX][23]\n|X\n\x00\x00\x00", _plain("a file of R", "save it from R with write.csv(x, 'x.csv')")),
    (rb"<stata_dta>", _plain("a file of Stata", "save it from Stata with: export delimited using x.csv")),
    (rb"\$FL[23]@\(#\)", _plain("a file of SPSS")),
    (rb"\x80[\x02-\x05]", _plain("a pickle of Python", "save it with to_csv")),
    (rb"%PDF-", _plain("a PDF document")),
    (rb"\x89PNG|\xff\xd8\xff|GIF8", _plain("an image")),
    (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07", _plain("an archive", "extract it, and use the file in it")),
    (rb"\{\\rtf", _plain("a text document (RTF)", "save it as plain text")),
    (rb"version https://git-lfs", _lfs),
    (rb"\xff\xfe\x00\x00|\x00\x00\xfe\xff", _utf16("utf-32")),
    (rb"\xff\xfe|\xfe\xff", _utf16("utf-16")),
    (rb"[\x20-\x7e]\x00[\x20-\x7e]\x00", _utf16("utf-16le")),
    (rb"\x00[\x20-\x7e]\x00[\x20-\x7e]", _utf16("utf-16be")),
    (
        rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|body|table|\?xml)\b",
        _plain("a page of HTML or XML", "was it downloaded in place of the file? download the file itself"),
    ),
    (rb"\s*\[\s*\{", _by_polars("read_json")),
    (rb'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\[', _json("column")),
    (rb'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\{\s*"', _json("list(column.values())")),
    (rb'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:', _json_object),
]
