"""Files that are no CSV file though they were named as one, by their first bytes; and how to convert each."""

import json
import lzma
import re
import shlex
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path

from leyden.data.tables.new_files import compression, converted, edited, extracted, quoted, unpack, use
from leyden.system.errors import UserError

HEAD = 4096  # bytes that identify a file


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
    return f"convert the file: {_as_utf8(path, _encoding_of(text))}"


def _encoding_of(text: bytes) -> str:
    """The probable encoding, as iconv names it: Latin-1, or what Windows has in place of its control characters."""
    try:
        text.decode("cp1252")
    except UnicodeDecodeError:
        return "latin1"
    return "cp1252" if re.search(rb"[\x80-\x9f]", text) else "latin1"


def _as_utf8(path: Path, encoding: str) -> str:
    """The command that converts a file to UTF-8, and the setting that uses the new one."""
    new = edited(path, "utf8")
    convert = f"iconv -f {encoding} -t utf-8"
    command = f"{unpack(path)} | {convert}" if compression(path) else f"{convert} {quoted(path)}"
    return f"{command} > {quoted(new)}{use(new)}"


def _by_polars(read: str) -> Callable[[Path, bytes], str]:
    """A remedy that reads the file with polars."""
    kind = read.removeprefix("read_")

    def remedy(path: Path, head: bytes) -> str:
        new = converted(path)
        module, source = _source(path)
        code = f"import {module}polars; polars.{read}({source or repr(str(path))}).write_csv({str(new)!r})"
        return f"is a file of {_NAMES.get(kind, kind)}; convert it: python -c {shlex.quote(code)}{use(new)}"

    return remedy


def _source(path: Path) -> tuple[str, str]:
    """A module to import, and the expression that opens a compressed file; empty for one that is not compressed."""
    module = {"gzip": "gzip", "bzip2": "bz2", "xz": "lzma"}.get(compression(path), "")
    return (f"{module}, ", f"{module}.open({str(path)!r})") if module else ("", "")


_NAMES = {"parquet": "Parquet", "ipc": "Feather (Arrow)", "json": "JSON", "ndjson": "JSON lines"}


def _json(shape: str) -> Callable[[Path, bytes], str]:
    """A remedy for an object of columns, each a list or an object with a value for each row."""

    def remedy(path: Path, head: bytes) -> str:
        new = converted(path)
        module, source = _source(path)
        code = (
            f"import {module}json, polars; columns = json.load({source or f'open({str(path)!r})'}); "
            f"polars.DataFrame({{name: {shape} for name, column in columns.items()}}).write_csv({str(new)!r})"
        )
        return f"is a file of JSON; convert it: python -c {shlex.quote(code)}{use(new)}"

    return remedy


def _json_object(path: Path, head: bytes) -> str:
    """JSON lines if the first line is complete, and a single object otherwise."""
    line = head.strip().partition(b"\n")[0].strip()
    return _by_polars("read_ndjson" if line.endswith(b"}") else "read_json")(path, head)


def _zip(path: Path, head: bytes) -> str:
    """A workbook, or an archive that names its tables."""
    names, folder = list[str](), extracted(path)
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.startswith("xl/") for name in names):
        return _spreadsheet("Excel (xlsx)")(path, head)
    if "content.xml" in names and "mimetype" in names:
        return _spreadsheet("LibreOffice (ods)")(path, head)
    if names and all(name.endswith(".npy") for name in names):
        return "is an npz file of NumPy; save its arrays as a table with a header"
    extract = f"extract it: python -m zipfile -e {quoted(path)} {quoted(folder)}"
    return f"is a zip archive; {extract}{_use_table(folder, names)}"


def _use_table(folder: Path, names: Iterable[str]) -> str:
    """The setting that uses the first table of an archive that is extracted into a folder; empty if it has none."""
    tables = (name for name in names if name.lower().endswith((".csv", ".tsv", ".txt", ".gz", ".bz2", ".xz")))
    table = next((name for name in tables if "__MACOSX" not in name), None)
    return use(folder / table) if table else ""


def _spreadsheet(kind: str) -> Callable[[Path, bytes], str]:
    def remedy(path: Path, head: bytes) -> str:
        folder = converted(path, "")  # the converter names the file itself, and overwrites
        convert = f"libreoffice --headless --convert-to csv --outdir {quoted(folder)} {quoted(path)}"
        return (
            f"is a spreadsheet of {kind}; save it as CSV from the spreadsheet program, or with: "
            f"mkdir {quoted(folder)} && {convert}{use(folder / f'{path.stem}.csv')}"
        )

    return remedy


def _sqlite(path: Path, head: bytes) -> str:
    tables = list[str]()
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    table, new = tables[0] if tables else "TABLE", converted(path)
    query = 'SELECT * FROM "{}"'.format(table.replace('"', '""'))
    code = (
        f"import polars, sqlite3; "
        f"polars.read_database({query!r}, sqlite3.connect({str(path)!r})).write_csv({str(new)!r})"
    )
    others = f" (it has the tables {', '.join(tables)})" if len(tables) > 1 else ""
    return f"is a database of SQLite{others}; convert a table: python -c {shlex.quote(code)}{use(new)}"


def _tar(path: Path, head: bytes) -> str:
    folder, names = extracted(path), list[str]()
    with suppress(OSError, EOFError, tarfile.TarError, lzma.LZMAError, zlib.error), tarfile.open(path) as archive:
        names = archive.getnames()
    extract = f"mkdir {quoted(folder)} && tar -xf {quoted(path)} -C {quoted(folder)}"
    return f"is a tar archive; extract it: {extract}{_use_table(folder, names)}"


def _zstd(path: Path, head: bytes) -> str:
    new = edited(path, "decompressed")
    return f"is compressed by zstd; decompress it: zstd -d {quoted(path)} -o {quoted(new)}{use(new)}"


def _utf16(encoding: str) -> Callable[[Path, bytes], str]:
    def remedy(path: Path, head: bytes) -> str:
        return f"is UTF-16, not UTF-8; convert it: {_as_utf8(path, encoding)}"

    return remedy


def _plain(what: str, remedy: str = "save it as CSV from the program that wrote it") -> Callable[[Path, bytes], str]:
    return lambda path, head: f"is {what}, not a CSV file; {remedy}"


def _from(program: str, command: str) -> Callable[[Path, bytes], str]:
    """A remedy that is typed in another program, with the new file in place of braces."""

    def remedy(path: Path, head: bytes) -> str:
        new = converted(path)
        save = command.replace("{}", json.dumps(str(new), ensure_ascii=False))
        return f"is a file of {program}, not a CSV file; save it from {program} with: {save}{use(new)}"

    return remedy


def _lfs(path: Path, head: bytes) -> str:
    return f"is a pointer of Git LFS, not the file itself; fetch it: git lfs pull --include={quoted(path)}"


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
    (rb"RD[AX][23]\n|X\n\x00\x00\x00", _from("R", "write.csv(x, {}, row.names = FALSE)")),
    (rb"<stata_dta>", _from("Stata", "export delimited using {}")),
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
