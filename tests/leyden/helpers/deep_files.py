"""Image files with more than 8 bits in each channel, of kinds that Pillow reads but does not write."""

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.uint16]


def write_png(path: Path, samples: Samples, clear: tuple[int, ...] = (), turned: int = 1) -> Path:
    """A PNG of 16 bits: (H, W, C) of grey, grey and alpha, colour, or colour and alpha; `clear` is its tRNS."""
    height, width, channels = samples.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = samples.astype(">u2").tobytes()
    size = width * channels * 2
    lines = [rows[start : start + size] for start in range(0, len(rows), size)]
    body = b"".join(b"\x01" + _differences(line, 2 * channels) for line in lines)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))]
    if clear:
        chunks.append((b"tRNS", struct.pack(f">{len(clear)}H", *clear)))
    if turned != 1:
        chunks.append((b"eXIf", b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, turned, 0, 0)))
    chunks += [(b"IDAT", zlib.compress(body)), (b"IEND", b"")]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks))
    return path


def write_tiff(path: Path, samples: Samples, order: str = "<", packed: bool = False, inverted: bool = False) -> Path:
    """A TIFF of 16 bits, (H, W, C) in either order of bytes, plain or compressed with deflate."""
    height, width, channels = samples.shape
    body = samples.astype(f"{order}u2").tobytes()
    body = zlib.compress(body) if packed else body
    start = 8 + 8  # the bits of up to four channels after the header
    entries = [(256, width), (257, height), (258, 16), (259, 8 if packed else 1)]
    entries += [(262, 2 if channels > 2 else 0 if inverted else 1), (273, start), (277, channels), (278, height)]
    entries += [(279, len(body)), (284, 1)]
    entries += [(338, 2)] if channels == 4 else []
    table = struct.pack(f"{order}H", len(entries))
    for tag, value in entries:
        is_list = tag == 258 and channels > 2
        shown = struct.pack(f"{order}I", 8 if is_list else value)
        if not is_list and tag not in (273, 279):
            shown = struct.pack(f"{order}HH", value, 0)
        kind, count = (4 if tag in (273, 279) else 3), (channels if is_list else 1)
        table += struct.pack(f"{order}HHI", tag, kind, count) + shown
    body += b"\0" * (len(body) % 2)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start + len(body))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + struct.pack(f"{order}4H", *[16] * 4) + body + table + b"\0" * 4)
    return path


def write_pnm(path: Path, samples: Samples, white: int = 65535, plain: bool = False) -> Path:
    """A PGM or PPM with a white above 255."""
    height, width, channels = samples.shape
    kind = {(1, False): "P5", (3, False): "P6", (1, True): "P2", (3, True): "P3"}[channels, plain]
    head = f"{kind}\n# a comment\n{width} {height}\n{white}\n".encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    values = samples.astype(">u2")
    path.write_bytes(head + (" ".join(map(str, values.ravel())).encode() if plain else values.tobytes()))
    return path


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _differences(line: bytes, step: int) -> bytes:
    """The filter Sub of PNG, which depends on the bytes of a pixel."""
    return bytes((byte - (line[place - step] if place >= step else 0)) % 256 for place, byte in enumerate(line))
