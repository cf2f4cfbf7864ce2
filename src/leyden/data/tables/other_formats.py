"""Files of another format under the name of a CSV file, by their first bytes; and the command that converts each."""

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
from functools import partial
from pathlib import Path

from leyden.data.tables.remedies import compression, converted, edited, extracted, filtered, quoted, use
from leyden.system.errors import UserError

HEAD = 4096  # bytes that identify a file
_NAMES = {"parquet": "Parquet", "ipc": "Feather (Arrow)", "json": "JSON", "ndjson": "JSON lines"}


def refuse_other_formats(path: Path, head: bytes) -> None:
    """Refuse a file that is no CSV file by its first bytes, decompressed."""
    for magic, remedy in _FORMATS:
        if re.match(magic, head, re.DOTALL | re.IGNORECASE):
            raise UserError(f"{path}: {remedy(path, head)}")


def utf8_remedy(path: Path, text: bytes) -> str:
    """The command that converts a file, in which this text is not UTF-8, to UTF-8."""
    encoding = "latin1"
    with suppress(UnicodeDecodeError):
        text.decode("cp1252")
        if re.search(rb"[\x80-\x9f]", text):  # control characters in Latin-1, letters in Windows
            encoding = "cp1252"
    return f"convert the file: {_as_utf8(path, encoding)}"


def _as_utf8(path: Path, encoding: str) -> str:
    return filtered(path, f"iconv -f {encoding} -t utf-8", "utf8")


def _in_python(path: Path, what: str, modules: str, code: Callable[[str], str], convert: str = "convert it") -> str:
    """The command of Python that converts a file.

    Args:
        what: it is.
        modules: to import.
        code: that makes a table of polars, from the expression of the path or, of a compressed file, of the open file.
        convert: what the command does.
    """
    new = converted(path)
    module = {"gzip": "gzip", "bzip2": "bz2", "xz": "lzma"}.get(compression(path))
    source = f"{module}.open({str(path)!r})" if module else repr(str(path))
    imports = f"{module}, {modules}" if module else modules
    command = f"import {imports}; {code(source)}.write_csv({str(new)!r})"
    return f"is a {what}; {convert}: python -c {shlex.quote(command)}{use(new)}"


def _by_polars(read: str, path: Path, head: bytes) -> str:
    kind = read.removeprefix("read_")
    return _in_python(path, f"file of {_NAMES[kind]}", "polars", lambda source: f"polars.{read}({source})")


def _json_of_columns(column: str, path: Path, head: bytes) -> str:
    """Of an object of columns, each a list or an object with a value for each row."""

    def code(source: str) -> str:
        opened = source if ".open(" in source else f"open({source})"
        table = f"polars.DataFrame({{name: {column} for name, column in columns.items()}})"
        return f"columns = json.load({opened}); {table}"

    return _in_python(path, "file of JSON", "json, polars", code)


def _json_object(path: Path, head: bytes) -> str:
    """Of JSON lines if the first line is complete, and of a single object otherwise."""
    line = head.strip().partition(b"\n")[0].strip()
    return _by_polars("read_ndjson" if line.endswith(b"}") else "read_json", path, head)


def _sqlite(path: Path, head: bytes) -> str:
    tables = list[str]()
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    query = 'SELECT * FROM "{}"'.format((tables[0] if tables else "TABLE").replace('"', '""'))
    others = f" (it has the tables {', '.join(tables)})" if len(tables) > 1 else ""

    def code(source: str) -> str:
        return f"polars.read_database({query!r}, sqlite3.connect({source}))"

    return _in_python(path, f"database of SQLite{others}", "polars, sqlite3", code, "convert a table")


def _zip(path: Path, head: bytes) -> str:
    """Of a workbook, or of an archive by the tables in it."""
    names, folder = list[str](), extracted(path)
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.startswith("xl/") for name in names):
        return _spreadsheet("Excel (xlsx)", path, head)
    if "content.xml" in names and "mimetype" in names:
        return _spreadsheet("LibreOffice (ods)", path, head)
    if names and all(name.endswith(".npy") for name in names):
        return "is an npz file of NumPy; save its arrays as a table with a header"
    extract = f"extract it: python -m zipfile -e {quoted(path)} {quoted(folder)}"
    return f"is a zip archive; {extract}{_use_table(folder, names)}"


def _tar(path: Path, head: bytes) -> str:
    folder, names = extracted(path), list[str]()
    with suppress(OSError, EOFError, tarfile.TarError, lzma.LZMAError, zlib.error), tarfile.open(path) as archive:
        names = archive.getnames()
    extract = f"mkdir {quoted(folder)} && tar -xf {quoted(path)} -C {quoted(folder)}"
    return f"is a tar archive; extract it: {extract}{_use_table(folder, names)}"


def _use_table(folder: Path, names: Iterable[str]) -> str:
    """The setting that uses the first table of an archive that is extracted into a folder; empty if it has none."""
    tables = (name for name in names if name.lower().endswith((".csv", ".tsv", ".txt", ".gz", ".bz2", ".xz")))
    table = next((name for name in tables if "__MACOSX" not in name), None)
    return use(folder / table) if table else ""


def _spreadsheet(kind: str, path: Path, head: bytes) -> str:
    folder = converted(path, "")  # the converter names the file itself, and overwrites
    convert = f"libreoffice --headless --convert-to csv --outdir {quoted(folder)} {quoted(path)}"
    return (
        f"is a spreadsheet of {kind}; save it as CSV from the spreadsheet program, or with: "
        f"mkdir {quoted(folder)} && {convert}{use(folder / f'{path.stem}.csv')}"
    )


def _zstd(path: Path, head: bytes) -> str:
    new = edited(path, "decompressed")
    return f"is compressed by zstd; decompress it: zstd -d {quoted(path)} -o {quoted(new)}{use(new)}"


def _utf16(encoding: str, path: Path, head: bytes) -> str:
    return f"is UTF-16, not UTF-8; convert it: {_as_utf8(path, encoding)}"


def _plain(what: str, path: Path, head: bytes, remedy: str = "save it as CSV from the program that wrote it") -> str:
    return f"is {what}, not a CSV file; {remedy}"


def _from(program: str, command: str, path: Path, head: bytes) -> str:
    """A command that is typed in another program, with the new file in place of braces."""
    new = converted(path)
    save = command.replace("{}", json.dumps(str(new), ensure_ascii=False))
    return f"is a file of {program}, not a CSV file; save it from {program} with: {save}{use(new)}"


def _lfs(path: Path, head: bytes) -> str:
    return f"is a pointer of Git LFS, not the file itself; fetch it: git lfs pull --include={quoted(path)}"


_FORMATS: list[tuple[bytes, Callable[[Path, bytes], str]]] = [
    (rb"PK\x03\x04|PK\x05\x06", _zip),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", partial(_spreadsheet, "Excel (xls)")),
    (rb"PAR1", partial(_by_polars, "read_parquet")),
    (rb"ARROW1", partial(_by_polars, "read_ipc")),
    (rb"SQLite format 3\x00", _sqlite),
    (rb"\x28\xb5\x2f\xfd", _zstd),
    (rb".{257}ustar", _tar),
    (rb"\x89HDF\r\n\x1a\n", partial(_plain, "a file of HDF5")),
    (rb"\x93NUMPY", partial(_plain, "an npy file of NumPy", remedy="save its rows as a table with a header")),
    (rb"RD[AX][23]\n|X\n\x00\x00\x00", partial(_from, "R", "write.csv(x, {}, row.names = FALSE)")),
    (rb"<stata_dta>", partial(_from, "Stata", "export delimited using {}")),
    (rb"\$FL[23]@\(#\)", partial(_plain, "a file of SPSS")),
    (rb"\x80[\x02-\x05]", partial(_plain, "a pickle of Python", remedy="save it with to_csv")),
    (rb"%PDF-", partial(_plain, "a PDF document")),
    (rb"\x89PNG|\xff\xd8\xff|GIF8", partial(_plain, "an image")),
    (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07", partial(_plain, "an archive", remedy="extract it, and use the file in it")),
    (rb"\{\\rtf", partial(_plain, "a text document (RTF)", remedy="save it as plain text")),
    (rb"version https://git-lfs", _lfs),
    (rb"\xff\xfe\x00\x00|\x00\x00\xfe\xff", partial(_utf16, "utf-32")),
    (rb"\xff\xfe|\xfe\xff", partial(_utf16, "utf-16")),
    (rb"[\x20-\x7e]\x00[\x20-\x7e]\x00", partial(_utf16, "utf-16le")),
    (rb"\x00[\x20-\x7e]\x00[\x20-\x7e]", partial(_utf16, "utf-16be")),
    (
        rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|body|table|\?xml)\b",
        partial(
            _plain, "a page of HTML or XML", remedy="was it downloaded in place of the file? download the file itself"
        ),
    ),
    (rb"\s*\[\s*\{", partial(_by_polars, "read_json")),
    (rb'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\[', partial(_json_of_columns, "column")),
    (rb'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\{\s*"', partial(_json_of_columns, "list(column.values())")),
    (rb'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:', _json_object),
]
