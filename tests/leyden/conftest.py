"""The engine's tests: for the template itself."""

from pathlib import Path

# They build networks of src/myproject; in a renamed fork the engine is as upstream tested it.
if not (Path(__file__).parents[2] / "src" / "myproject").is_dir():
    collect_ignore_glob = ["*"]
