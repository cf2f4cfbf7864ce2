"""CSV files with a mistake each, and what the one line about it must name."""

from tests.leyden.helpers.csv_files import Mistake, rows

DATES = [f"2020-01-{i % 28 + 1:02d}" for i in range(12_000)]


def pairs(header: str, lines: list[str]) -> str:
    return "\n".join([header, *lines]) + "\n"


def dates(wrong: int, number: int) -> str:
    lines = [f"{date},{i % 9}" for i, date in enumerate(DATES[:number])]
    lines[wrong] = "2020-02-31,1"
    return pairs("d,y", lines)


MISTAKES: dict[str, Mistake] = {
    "no file": (rows(), {"path": "nowhere.csv"}, ["nowhere.csv: there is no such file"]),
    "a folder": (rows(), {"path": "."}, ["is a folder, not a CSV file"]),
    "a path through a file": (rows(), {"path": "train.csv/a.csv"}, ["train.csv/a.csv", "cannot be read"]),
    "an empty file": ("", {}, ["train.csv: is empty"]),
    "blank lines only": ("\n \n", {}, ["train.csv: is empty"]),
    "no header": ("1,2,3\n4,5,6\n", {}, ["train.csv, line 1", "1,2,3", "must name the columns"]),
    "only a header": (
        "x,c,y\n",
        {},
        ["train.csv: has a header, but no rows; write them from line 2 on, or name another file"],
    ),
    "no such target": (
        rows(header="x,c,price"),
        {"target": "prize"},
        ["data.target=prize", "did you mean data.target=price?"],
    ),
    "no such feature": (rows(), {"features": ["xx"]}, ["data.features=xx", "there are: c, x, y"]),
    "no such column to ignore": (rows(), {"ignore": ["nme"]}, ["data.ignore=nme", "c, x, y"]),
    "no such category": (rows(), {"categorical": ["cc"]}, ["data.categorical=cc", "there are: c, x, y"]),
    "early text among numbers": (
        rows(other={3: "12mm,u,1"}),
        {},
        ["train.csv, line 5", "x=12mm", "'data.missing=[12mm]'", "'data.categorical=[x]'"],
    ),
    "late text among numbers": (rows(12_000, {11_500: "abc,u,1"}), {}, ["train.csv, line 11502", "x=abc"]),
    "text behind blank lines": (rows(other={2: "\n\n1,u,1", 9: "abc,u,1"}), {}, ["train.csv, line 13", "x=abc"]),
    "text behind line ends in quotes": (rows(other={2: '1,"a\nb",1', 9: "abc,u,1"}), {}, ["line 12", "x=abc"]),
    "late text behind blank lines": (rows(12_000, {3: "\n\n1,u,1", 11_500: "abc,u,1"}), {}, ["line 11504", "x=abc"]),
    "text in the target": (rows(other={30: "1,u,abc"}), {}, ["train.csv, line 32", "y=abc"]),
    "a short row": (rows(other={5: "1,u"}), {}, ["train.csv, line 7", "2 fields", "too few for the 3 columns"]),
    "a long row": (rows(other={5: "1,u,3,4"}), {}, ["train.csv, line 7", "4 fields", "too many"]),
    "constant columns": (
        pairs("x,k,y", [f"5,,{i % 7}" for i in range(40)]),
        {},
        ["no column is left to predict from", "only one value of x, k"],
    ),
    "no target anywhere": (pairs("x,k,y", [f"{i},{i},NA" for i in range(40)]), {}, ["y is missing in every row"]),
    "a constant target": (pairs("x,y", [f"{i},3" for i in range(40)]), {}, ["y is 3", "nothing to predict"]),
    "latin1 in the header": (rows(header="x,ç,y").encode("latin1"), {}, ["line 1", "not UTF-8"]),
    "latin1 in a row": (rows(other={7: "1,é,3"}).encode("latin1"), {}, ["line 9", "not UTF-8", "iconv"]),
    "UTF-16": (rows().encode("utf-16"), {}, ["train.csv: is UTF-16", "iconv -f utf-16 -t utf-8 "]),
    "UTF-16 without a mark": (rows().encode("utf-16-le"), {}, ["train.csv: is UTF-16", "iconv -f utf-16le -t utf-8 "]),
    "a binary file": (bytes(range(256)) * 9, {}, ["line 1", "no CSV file"]),
    "infinity": (rows(other={7: "inf,u,3"}), {}, ["line 9", "x=inf", "must be finite", "'data.missing=[\"inf\"]'"]),
    "infinity behind a line end in quotes": (rows(other={2: '1,"a\nb",1', 7: "inf,u,3"}), {}, ["line 10", "x=inf"]),
    "too large a number": (rows(other={7: "1e999,u,3"}), {}, ["line 9", "x=1e999", "must be finite"]),
    "an open quote": (rows(other={7: '1,"u,3'}), {}, ["line 9", "a quote is left open"]),
    "an open quote in the header": (rows(header='x,"c,y'), {}, ["line 1", "a quote is left open"]),
    "an inch mark": (rows(other={7: '1,5" pipe,3'}), {}, ["line 9", "a quote stands within a field"]),
    "another separator": (rows().replace(",", ";"), {}, ["line 1", "x;c;y", "\"data.separator=';'\""]),
    "two separators": (rows(), {"separator": ";;"}, ["data.separator=';;'", "one character"]),
    "an identifier": (
        pairs("id,y", [f"n{i},{i % 9}" for i in range(300)]),
        {},
        ["no column is left", "own value of id", "'data.categorical=[id]'"],
    ),
    "too many categories in several columns": (
        pairs("x,k,l (m),y", [f"{i},k{i % 150},l{i % 140},{i % 9}" for i in range(300)]),
        {"ignore": ["x"], "test_size": 0, "val_size": 0},
        ["k (150 different values", "l (m) (140", "'data.ignore=[x,k,\"l (m)\"]'", "data.max_categories=150"],
    ),
    "an ignored target": (rows(), {"ignore": ["y"]}, ["data.target: y is ignored"]),
    "no target": (rows(), {"target": []}, ["data.target=[]", "name the column"]),
    "text among several targets": (rows(), {"target": ["y", "c"]}, ["data.target", "c is text"]),
    "the target as a feature": (rows(), {"features": ["x", "y"]}, ["data.features", "y is to be predicted"]),
    "nothing to predict from": (rows(), {"ignore": ["x", "c"]}, ["no column to predict y from"]),
    "no features": (rows(), {"features": []}, ["no column to predict y from"]),
    "dates to predict": (
        pairs("y,d", [f"{i},{date}" for i, date in enumerate(DATES[:40])]),
        {"target": "d"},
        ["d", "dates"],
    ),
    "a bad date": (dates(20, 40), {}, ["line 22", "d=2020-02-31", "column of dates"]),
    "a day and a month in any order": (
        pairs("d,y", [f"{i % 12 + 1:02d}/{i % 9 + 1:02d}/2015,{i}" for i in range(40)]),
        {},
        ["train.csv, line 2", "d=01/01/2015", "=%d/%m/%Y or data.date_format=%m/%d/%Y", "'data.categorical=[d]'"],
    ),
    "dates of which one is in no known order": (
        pairs("d,y", [f"{i % 9 + 1}/13/2015 10:30,{i}" for i in range(40)] + ["31/31/2015,1"]),
        {},
        ["line 2", "2015-01-31", "'data.ignore=[d]'", "'data.categorical=[d]'"],
    ),
    "a late date with slashes": (
        pairs("d,y", [f"{date},{i}" for i, date in enumerate(DATES[:11_000])] + ["01/02/2015,1"]),
        {},
        ["line 11002", "d=01/02/2015", "2015-01-31"],
    ),
    "decimal commas": (
        pairs("x;y", [f"{i};{i}" if i % 4 == 0 else f"{i},5;{i}" for i in range(40)]),
        {"separator": ";"},
        ["line 3", "x=1,5", "'data.decimal=\",\"'", "'data.categorical=[x]'"],
    ),
    "one decimal comma": (rows(other={7: '"1,5",u,3'}), {}, ["line 9", "x=1,5", "write 1.5"]),
    "decimal commas in the target": (pairs("x;y", [f"{i};{i},5" for i in range(40)]), {"separator": ";"}, ["y=0,5"]),
    "thousands": (
        pairs("x,y", [f'"{i + 1},000",{i}' for i in range(40)]),
        {},
        ['thousands=","\' if this is 1000', 'decimal=","\' if this is 1,'],
    ),
    "percentages beside shares": (
        pairs("x,y", [f"{i}{' %' * (i % 2)},{i}" for i in range(40)]),
        {},
        ["line 3", "x=1 %", "write 1,"],
    ),
    "dollars": (
        pairs("x,y", [f'"${i},250.50",{i}' for i in range(40)]),
        {},
        ["x=$0,250.50", 'thousands=","\' if this is 250.5'],
    ),
    "numbers too large to standardise": (pairs("x,y", [f"{i}e300,{i}" for i in range(40)]), {}, ["x=3", "too large"]),
    "targets too large": (
        pairs("x,y", [f"{i},{i}e40" for i in range(40)]),
        {"scale_target": False},
        ["data.target=y", "too large"],
    ),
    "blanks and then a short row": (rows(other={0: "  ", 5: ",u"}), {}, ["line 7", "too few"]),
    "a short row of nothing": (rows(other={0: ","}), {}, ["line 2", "2 fields", "too few"]),
    "a late bad date": (dates(11_000, 12_000), {}, ["line 11002", "d=2020-02-31", "column of dates"]),
}
