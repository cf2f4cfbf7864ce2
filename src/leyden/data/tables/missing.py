"""Words that stand for a missing value, and how a setting spells them."""

from collections.abc import Sequence

Word = str | float | bool | None

BEFORE = ("", "NA", "N/A", "NaN", "nan", "-nan", "null", "None", "?")  # known to checkpoints that do not list theirs
PANDAS = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null"),
)  # what pandas.read_csv takes for a missing value by default
MISSING = (*PANDAS, "?")
_YAML = {None: ("null", "NULL", "Null", "~"), True: ("true", "True", "TRUE"), False: ("false", "False", "FALSE")}


def spelled(setting: Sequence[Word] | Word) -> list[str]:
    """The words of `data.missing` as a file spells them.

    YAML reads some words as values: `NULL` as null, `true` as a boolean, `-999.0` and `nan` as numbers. Each stands for
    all its spellings.

    Args:
        setting: a list or a single word.
    """
    words = [] if setting is None else [setting] if isinstance(setting, str | float | int) else setting
    return list(dict.fromkeys(spelling for word in words for spelling in _spellings(word)))


def _spellings(word: Word) -> Sequence[str]:
    if word is None or isinstance(word, bool):
        return _YAML[word]
    if isinstance(word, str):
        return [word.strip()]
    text = str(word)  # of a float, inf and nan too
    if text.strip("-").isalpha():
        return [text, text.upper(), text.replace("inf", "Inf").replace("nan", "NaN")]
    return [text, str(int(word)), f"{int(word)}.0"] if float(word).is_integer() else [text]
