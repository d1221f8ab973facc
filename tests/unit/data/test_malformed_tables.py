"""Malformed and treacherous tables: what is not read exactly is refused, in one line that says where."""

import csv
import datetime
import gzip
import io
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boundary.artifacts import files, splits
from boundary.artifacts.schema import Schema
from boundary.data.reading import read_table
from boundary.errors import FileError
from tests.support.stage_runs import line_of, refused

PARAMS = """
seed: 0
replicates: 2
precision: exact
device: cpu
generators: {}
datasets:
  own: {table: data/own.csv, target: answer, split: {kind: ordered, test_size: 0.25}}
  other: {table: data/other.parquet, target: answer, split: {kind: ordered, test_size: 0.25}}
variants:
  own: {dataset: own, hidden_units: [4], activation: tanh, optimizer: sgd, lr: 0.1, epochs: 5, log_every: 2}
contrasts: {}
"""
TABLE = {"own": "data/own.csv", "other": "data/raw/other.parquet"}
HEADER, ROWS = "a,b,answer\n", "1,2,yes\n3,4,no\n5,6,yes\n7,8,no\n"
PLAIN = {"a": [1, 3, 5, 7], "b": [2, 4, 6, 8], "answer": ["yes", "no", "yes", "no"]}
Case = tuple[str | bytes, str | dict[str, list]] | tuple[str | bytes, str | dict[str, list], str]


def cell(text: str) -> str:
    """A table with a text in column b, row 2."""
    return (HEADER + ROWS).replace("3,4,", f"3,{text},")


def labels(*texts: str) -> str:
    """A table with these labels."""
    return HEADER + "".join(f"{k},{k},{text}\n" for k, text in enumerate(texts))


def labelled(*values: Any) -> dict[str, list]:
    """What it holds."""
    return {"a": list(range(len(values))), "b": list(range(len(values))), "answer": list(values)}


def with_b(number: float) -> dict[str, list]:
    return {**PLAIN, "b": [2, number, 6, 8]}


WIDE = 300
WIDE_TABLE = {**{f"c{k}": [k, k + 1, k + 2, k + 3] for k in range(WIDE)}, "answer": ["y", "n", "y", "n"]}

NO_FEATURES = "found no column besides the target 'answer'"

# What it is: the bytes, and either a pattern of the line after the file's name, or the columns that must come out;
# where there is a third, more settings of the data set.
CSV: dict[str, Case] = {
    "as it should be": (HEADER + ROWS, PLAIN),
    # header and shape
    "header a name short": ("a,answer\n" + ROWS, "row 1: found 3 cells, expected 2"),
    "header a name too long": ("a,b,c,answer\n" + ROWS, "row 1: found 3 cells, expected 4"),
    "one row longer": (HEADER + "1,2,yes\n3,4,no,5\n5,6,yes\n", "row 2: found 4 cells, expected 3"),
    "one row shorter": (HEADER + "1,2,yes\n3,no\n5,6,yes\n", "row 2: found 2 cells, expected 3"),
    "shifted by a decimal comma": (cell("4,5"), "row 2: found 4 cells, expected 3"),
    "all shifted by decimal commas": (HEADER + "1,2,5,yes\n3,4,5,no\n", "row 1: found 4 cells, expected 3"),
    "no header": (ROWS, "column 'answer': not in the table, known: 1, 2, yes"),
    "a name twice": ("a,a,answer\n" + ROWS, "column 'a' stands twice in the header"),
    "the target twice": ("a,answer,answer\n" + ROWS, "column 'answer' stands twice in the header"),
    "two empty names": (",,answer\n" + ROWS, "column .*(twice|name)"),
    "an index without a name, as pandas writes it": (
        ",a,b,answer\n" + "".join(f"{k},{row}\n" for k, row in enumerate(ROWS.split())),
        "column .*name",
    ),
    "trailing delimiter in the header": ("a,b,answer,\n" + ROWS, "row 1: found 3 cells, expected 4"),
    "trailing delimiter in the rows": (HEADER + ROWS.replace("\n", ",\n"), "row 1: found 4 cells, expected 3"),
    "trailing delimiter everywhere": ((HEADER + ROWS).replace("\n", ",\n"), "column 4 of the header has no name"),
    "empty": ("", "not readable as CSV: Empty CSV file"),
    "blank lines only": ("\n\n", "not readable as CSV: .*"),
    "header only": (HEADER, "no rows"),
    "header only, no line end": (HEADER.strip(), "(not readable as CSV|no rows).*"),
    "one row": (HEADER + "1,2,yes\n", "column 'answer': found one class, 'yes', expected two or more"),
    "target only": ("answer\nyes\nno\n", NO_FEATURES),
    "very wide": (
        ",".join(WIDE_TABLE)
        + "\n"
        + "".join(",".join(map(str, row)) + "\n" for row in zip(*WIDE_TABLE.values(), strict=True)),
        WIDE_TABLE,
    ),
    # names
    "spaces before names": (
        "a, b, answer\n" + ROWS,
        "column 'answer': not in the table, did you mean .* answer.*",
    ),
    "a target with a trailing space": ("a,b,answer \n" + ROWS, "column 'answer': not in the table.*"),
    "names that differ by a trailing space": (
        "a,a ,answer\n" + ROWS,
        {"a": PLAIN["a"], "a ": PLAIN["b"], "answer": PLAIN["answer"]},
    ),
    "names that differ by case": (
        "a,A,answer\n" + ROWS,
        {"a": PLAIN["a"], "A": PLAIN["b"], "answer": PLAIN["answer"]},
    ),
    "names that look alike": (
        "a,\u0430,answer\n" + ROWS,
        {"a": PLAIN["a"], "\u0430": PLAIN["b"], "answer": PLAIN["answer"]},
    ),
    "names alike, composed and decomposed": (
        "\u00e9,e\u0301,answer\n" + ROWS,
        {"\u00e9": PLAIN["a"], "e\u0301": PLAIN["b"], "answer": PLAIN["answer"]},
    ),
    "a target that looks like it": ("a,b,\u0430nswer\n" + ROWS, "column 'answer': not in the table.*"),
    "a name of two lines": (
        '"a\nb",b,answer\n' + ROWS,
        {"a\nb": PLAIN["a"], "b": PLAIN["b"], "answer": PLAIN["answer"]},
    ),
    "a target of two lines": ('a,b,"answer\n"\n' + ROWS, "column 'answer': not in the table.*"),
    "other names of two lines": ('"u\nv","w\nx"\n1,yes\n2,no\n', "column 'answer': not in the table.*"),
    "numbers as names": ("1,2.5,answer\n" + ROWS, {"1": PLAIN["a"], "2.5": PLAIN["b"], "answer": PLAIN["answer"]}),
    # encodings, line ends, other formats
    "byte order mark": ("\ufeff" + HEADER + ROWS, PLAIN),
    "byte order mark before a quoted target": (
        '\ufeff"answer",a\nyes,1\nno,2\nyes,3\n',
        {"a": [1, 2, 3], "answer": ["yes", "no", "yes"]},
    ),
    "utf-16": ((HEADER + ROWS).encode("utf-16"), "not UTF-8 text"),
    "utf-16 without a mark": ((HEADER + ROWS).encode("utf-16-be"), "not UTF-8 text"),
    "utf-32": ((HEADER + ROWS).encode("utf-32"), "not UTF-8 text"),
    "latin-1 labels": (labels("é", "è").encode("latin-1"), "column 'answer': not UTF-8 text"),
    "latin-1 names": ("é,b,answer\n1,2,yes\n".encode("latin-1"), "the header is not UTF-8 text"),
    "latin-1 number": (cell("4°").encode("latin-1"), "column 'b': not UTF-8 text"),
    "utf-8 labels": (labels("é", "e\u0301", "é"), labelled("é", "e\u0301", "é")),
    "carriage returns and line feeds": ((HEADER + ROWS).replace("\n", "\r\n"), PLAIN),
    "carriage returns": ((HEADER + ROWS).replace("\n", "\r"), PLAIN),
    "line ends of all kinds": (HEADER + "1,2,yes\r\n3,4,no\r5,6,yes\n7,8,no", PLAIN),
    "semicolons": ((HEADER + ROWS).replace(",", ";"), "column 'answer': not in the table.*"),
    "semicolons and decimal commas": ("a;b;answer\n1,5;2;yes\n3,5;4;no\n", "row 1: found 2 cells, expected 1"),
    "tabs": ((HEADER + ROWS).replace(",", "\t"), "column 'answer': not in the table.*"),
    "bars": ((HEADER + ROWS).replace(",", "|"), "column 'answer': not in the table.*"),
    "separator as spreadsheets note it": ("sep=,\n" + HEADER + ROWS, "row 1: found 3 cells, expected 2"),
    "end of file as DOS notes it": (HEADER + ROWS + "\x1a", "row 5: found 1 cells, expected 3"),
    "compressed": (gzip.compress((HEADER + ROWS).encode(), mtime=0), "not UTF-8 text|the header is not UTF-8"),
    "a page of a web site": ("<!DOCTYPE html>\n<html>\n", "column 'answer': not in the table.*"),
    "a pointer of Git LFS": ("version https://git-lfs.github.com/spec/v1\nsize 12\n", "column 'answer': not in .*"),
    "a Parquet file": (b"PAR1" + bytes(100) + b"PAR1", "not UTF-8 text"),
    "a zero byte": (labels("yes", "n\0o"), "not UTF-8 text"),
    "a zero byte late in the file": (HEADER + "1,2,yes\n" * 10000 + "3,4,yes\0\n" * 4000, ".*zero byte"),
    # lines
    "trailing blank lines": (HEADER + ROWS + "\n\n\n", PLAIN),
    "leading blank lines": ("\n\n" + HEADER + ROWS, PLAIN),
    "blank lines between rows": (HEADER + ROWS.replace("\n", "\n\n"), PLAIN),
    "rows are counted without blank lines": (cell("x").replace("\n", "\n\n"), "column 'b', row 2: found 'x'"),
    "cells are counted without blank lines": (HEADER + "1,2,yes\n\n\n3,4\n", "row 2: found 2 cells, expected 3"),
    "a line of spaces": (HEADER + ROWS + "  \n", "row 5: found 1 cells, expected 3"),
    "a line of commas": (HEADER + ROWS + ",,\n", "column 'a', row 5: missing"),
    "a comment on top": ("# made today\n" + HEADER + ROWS, "row 1: found 3 cells, expected 1"),
    "a comment between rows": (HEADER + "1,2,yes\n# x\n3,4,no\n", "row 2: found 1 cells, expected 3"),
    "a row commented out": (HEADER + "1,2,yes\n#3,4,no\n5,6,yes\n", "column 'a', row 2: found '#3', expected a number"),
    "a total below": (HEADER + ROWS + "total,20,\n", "column 'a', row 5: found 'total', expected a number"),
    "units below the names": (HEADER + "mm,mm,\n" + ROWS, "column 'a', row 1: found 'mm', expected a number"),
    # quotes
    "quoted numbers": (HEADER + '"1","2",yes\n"3","4",no\n"5","6",yes\n"7","8",no\n', PLAIN),
    "quotes and commas in labels": (
        labels('"yes, ""sure"""', "no", '"yes, ""sure"""'),
        labelled('yes, "sure"', "no", 'yes, "sure"'),
    ),
    "line ends in labels": (labels('"y\nes"', "no", '"y\r\nes"'), labelled("y\nes", "no", "y\r\nes")),
    "rows are counted without line ends in labels": (
        HEADER + '1,2,"y\nes"\n3,x,no\n',
        "column 'b', row 2: found 'x', expected a number",
    ),
    "quotes within labels": (labels('5" pipe', 'x"', "no"), labelled('5" pipe', 'x"', "no")),
    "a quote not closed, in a number": (HEADER + '1,2,yes\n3,"4,no\n5,6,yes\n7,8",no\n', "column 'b', row 2: found '4"),
    "a quote not closed, in a label": (HEADER + '1,2,yes\n3,4,no\n5,6,"yes\n7,8,no\n', ".*quot"),
    "a quote not closed, in the last label": (labels("yes", "no", "yes", '"no'), ".*quot"),
    "single quotes": (HEADER + "1,2,'a,b'\n3,4,c\n", "row 1: found 4 cells, expected 3"),
    # cells that are no numbers
    "text": (cell("x"), "column 'b', row 2: found 'x', expected a number"),
    "a thousands separator": (cell('"4,000"'), "column 'b', row 2: found '4,000', expected a number"),
    "a thousands point": (cell("4.000.000"), "column 'b', row 2: found '4.000.000', expected a number"),
    "a thousands space": (cell("4 000"), "column 'b', row 2: found '4 000', expected a number"),
    "a thousands underscore": (cell("4_000"), "column 'b', row 2: found '4_000', expected a number"),
    "a quoted decimal comma": (cell('"4,5"'), "column 'b', row 2: found '4,5', expected a number"),
    "a unit": (cell("4%"), "column 'b', row 2: found '4%', expected a number"),
    "other digits": (cell("\u0664"), "column 'b', row 2: found '\u0664', expected a number"),
    "another minus": (cell("\u22124"), "column 'b', row 2: found '\u22124', expected a number"),
    "a space that does not break": (cell("4\u00a0"), r"column 'b', row 2: found '4\\xa0', expected a number"),
    "a date among numbers": (cell("2026-01-02"), "column 'b', row 2: found '2026-01-02', expected a number"),
    "dates": (HEADER + "1,2026-01-02,yes\n3,2026-01-03,no\n", "column 'b': found date values, expected numbers"),
    "nan": (cell("nan"), "column 'b', row 2: (missing|found nan), expected"),
    "NA": (cell("NA"), "column 'b', row 2: found 'NA', expected a number"),
    "null": (cell("null"), "column 'b', row 2: found 'null', expected a number"),
    "an empty cell": (cell(""), "column 'b', row 2: missing, expected a finite float32 number"),
    "an empty quoted cell": (cell('""'), "column 'b', row 2: missing, expected a finite float32 number"),
    "a space": (cell(" "), "column 'b', row 2: found ' ', expected a number"),
    "an empty column": (HEADER + "1,,yes\n3,,no\n", "column 'b'.*"),
    "inf": (cell("inf"), "column 'b', row 2: found inf, expected a finite float32 number"),
    "-Infinity": (cell("-Infinity"), "column 'b', row 2: found -inf, expected a finite float32 number"),
    "too large for float64": (cell("1e400"), "column 'b', row 2: found inf, expected a finite float32 number"),
    "too large for float32": (cell("-1e39"), r"column 'b', row 2: found -1e\+39, expected a finite float32 number"),
    "just too large for float32": (cell("3.4028236e38"), "column 'b', row 2: found 3.4028236e"),
    "true among numbers": (cell("true"), "column 'b', row 2: found 'true', expected a number"),
    # numbers, if unusual
    "largest float32": (cell("3.4028235e38"), with_b(3.4028235e38)),
    "spaces around numbers": (cell("  4 "), PLAIN),
    "signs, points and exponents": (
        HEADER + "+1,.5,yes\n-3,4.,no\n-0,6e-3,yes\n7,8E+2,no\n",
        {"a": [1, -3, 0, 7], "b": [0.5, 4, 6e-3, 800], "answer": PLAIN["answer"]},
    ),
    "zeros before a number": (cell("004"), PLAIN),
    "a fraction of many digits": (cell("0.1000000014901161193847656250"), with_b(0.1)),
    "true and false as a feature": (
        HEADER + "1,true,yes\n3,false,no\n",
        {"a": [1, 3], "b": [1, 0], "answer": ["yes", "no"]},
    ),
    "beyond 2^24, rounded as any number": (cell("16777217"), with_b(16777216)),
    "beyond int64": (cell("9223372036854775808"), with_b(2.0**63)),
    "26 digits": (cell("99999999999999999999999999"), with_b(1e26)),
    "whole numbers that float32 cannot tell apart": (
        HEADER + "1,16777216,yes\n3,16777217,no\n5,6,yes\n",
        "column 'b', row.*",
    ),
    "times in seconds that float32 cannot tell apart": (
        HEADER + "".join(f"{k},{1700000000 + k},{'yn'[k % 2]}\n" for k in range(8)),
        "column 'b', row.*",
    ),
    # labels
    "one class": (labels("yes", "yes", "yes"), "column 'answer': found one class, 'yes', expected two or more"),
    "a class that only the last part has": (labels("x", "y", "x", "z"), labelled("x", "y", "x", "z")),
    "a class that only the first part has": (labels("x", "y", "x", "x"), labelled("x", "y", "x", "x")),
    "an empty label": (labels("yes", "", "no"), "column 'answer', row 2: missing, expected a value in every row"),
    "an empty quoted label": (labels("yes", '""', "no"), "column 'answer', row 2: missing"),
    "words that look missing": (labels("NA", "null", "nan", "None"), labelled("NA", "null", "nan", "None")),
    "labels that are all nan": (labels("nan", "nan", "inf"), "column 'answer', row 1: .*"),
    "labels that differ by case": (labels("yes", "Yes", "YES", "no"), labelled("yes", "Yes", "YES", "no")),
    "labels that differ by a space": (labels("yes", " yes", "yes ", "no"), labelled("yes", " yes", "yes ", "no")),
    "labels that differ by what none can see": (
        labels("no", "no\u200b", "n\u043e"),
        labelled("no", "no\u200b", "n\u043e"),
    ),
    "numbers among words": (labels("1", "x", "1.0", "1"), labelled("1", "x", "1.0", "1")),
    "007 and 7": (labels("007", "7", "8", "7"), "column 'answer', row 1: .*007"),
    "zeros before all labels": (labels("007", "008", "007"), "column 'answer', row 1: .*007"),
    "quoted zeros before labels": (labels('"01"', '"02"', '"01"'), "column 'answer', row 1: .*01"),
    "10 and 0x10": (labels("16", "0x10", "1", "2"), "column 'answer', row 2: .*0x10"),
    "+1 and -1 are no decimal numbers": (labels("+1", "-1", "+1", "-1"), r"column 'answer', row 1: .*\+1"),
    "1 and 1.0 are decimal numbers": (labels("1", "1.0", "2", "1"), labelled(1.0, 1.0, 2.0, 1.0)),
    "1 and 1.0 as classes are one": (labels("1", "1.0", "2", "1"), labelled(1.0, 1.0, 2.0, 1.0), "task: binary"),
    "true and TRUE are one": (labels("true", "TRUE", "False", "false"), labelled(True, True, False, False)),
    "true and 1": (labels("true", "1", "0", "false"), "column 'answer', row 2: .*1"),
    "true among words": (labels("true", "yes", "False", "false"), labelled("true", "yes", "False", "false")),
    "labels beyond 2^53": (labels(str(2**53), str(2**53 + 1), "3"), labelled(2**53, 2**53 + 1, 3)),
    "labels at int64's ends": (labels(str(2**63 - 1), str(-(2**63)), "3"), labelled(2**63 - 1, -(2**63), 3)),
    "labels beyond int64": (labels(str(2**63), str(2**63 + 1), "3"), "column 'answer', row 1: .*9223372036854775808"),
    "labels beyond 2^53 beside a fraction": (
        labels(str(2**53 + 1), str(2**53 + 2), "0.5"),
        "column 'answer', row 1: .*9007199254740993",
        "task: multiclass",
    ),
    "dates as labels": (labels("2026-01-01", "2026-01-02"), "column 'answer': found date values, expected"),
    "times as labels": (labels("10:00", "11:00"), "column 'answer': found time values, expected"),
    "words for a regression": (labels("1.5", "x", "2.5"), "column 'answer', row 2: found 'x'", "task: regression"),
    "a regression's target too large": (labels("1.5", "1e39", "2.5"), r"column 'answer', row 2: found 1e\+39"),
    "a regression's target not finite": (labels("1.5", "inf", "2.5"), "column 'answer', row 2: found inf"),
    "three classes for two": (labels("x", "y", "z"), "column 'answer': found 3 classes, expected 2", "task: binary"),
}


def parquet(table: pa.Table, **options: Any) -> bytes:
    written = io.BytesIO()
    pq.write_table(table, written, **options)
    return written.getvalue()


def columns(**changed: Any) -> bytes:
    """A Parquet file of columns a and answer, some of them changed or more."""
    return parquet(pa.table({"a": [1.0, 2, 3, 4], "answer": ["y", "n", "y", "n"], **changed}))


def of_pandas(frame: pd.DataFrame) -> bytes:
    written = io.BytesIO()
    frame.to_parquet(written)
    return written.getvalue()


def with_notes(notes: str | bytes) -> bytes:
    """A file with notes of pandas, as anyone may have written them."""
    return parquet(pa.table({"a": [1.0, 2], "answer": ["y", "n"]}).replace_schema_metadata({"pandas": notes}))


def invalid(values: list[bytes]) -> pa.Array:
    """Bytes that the file says are UTF-8."""
    return pa.Array.from_buffers(pa.string(), len(values), pa.array(values).buffers())


FOUR = {"a": [1, 2, 3, 4], "answer": ["y", "n", "y", "n"]}
FRAME = pd.DataFrame({"id": [40, 30, 20, 10], **FOUR})
WHOLE = of_pandas(FRAME)
DAYS = [datetime.datetime(2026, 1, day) for day in (1, 2, 1, 2)]
UNREADABLE = r"not readable as a table \(."  # and why, in the words of Arrow
PARQUET: dict[str, Case] = {
    "as it should be": (columns(), FOUR),
    "a null": (columns(a=[1, None, 3, 4]), "column 'a', row 2: missing, expected a finite float32 number"),
    "a null label": (columns(answer=["y", "n", None, "y"]), "column 'answer', row 3: missing, expected a value"),
    "a null among whole numbers": (columns(answer=[1, None, 2, 1]), "column 'answer', row 2: missing"),
    "nulls only": (columns(a=pa.nulls(4)), "column 'a'.*"),
    "null labels only": (columns(answer=pa.nulls(4)), "column 'answer', row 1: missing"),
    "nan": (columns(a=[1, float("nan"), 3, 4]), "column 'a', row 2: missing"),
    "inf": (columns(a=[1, 2, 3, float("-inf")]), "column 'a', row 4: found -inf"),
    "lists": (columns(a=[[1], [2], [3], [4]]), "column 'a': found .* values, expected numbers"),
    "structs": (columns(a=[{"x": 1}] * 4), "column 'a': found dict values, expected numbers"),
    "maps": (columns(a=pa.array([[("k", 1)]] * 4, pa.map_(pa.string(), pa.int64()))), "column 'a': found list values"),
    "list labels": (columns(answer=[[1], [2], [1], [2]]), "column 'answer': found .* values, expected numbers, words"),
    "struct labels": (columns(answer=[{"x": 1}, {"x": 2}] * 2), "column 'answer': found dict values"),
    "dictionary labels": (columns(answer=pa.array(FOUR["answer"]).dictionary_encode()), FOUR),
    "dictionary numbers": (columns(a=pa.array([3, 1, 3, 1]).dictionary_encode()), {**FOUR, "a": [3, 1, 3, 1]}),
    "dictionary words as a feature": (columns(a=pa.array(["x", "y"] * 2).dictionary_encode()), "column 'a', row 1: .*"),
    "a null of a dictionary": (
        columns(answer=pa.array(["y", None, "n", "y"]).dictionary_encode()),
        "column 'answer', row 2: missing",
    ),
    "decimals": (columns(a=[Decimal("1.5")] * 4), "column 'a': found Decimal values, expected numbers"),
    "decimal labels": (columns(answer=[Decimal("1.5"), Decimal(2)] * 2), "column 'answer': found Decimal values"),
    "timestamps": (columns(a=DAYS), "column 'a': found Timestamp values, expected numbers"),
    "timestamps as labels": (columns(answer=DAYS), "column 'answer': found Timestamp values"),
    "int96": (
        parquet(pa.table({"a": DAYS, "answer": FOUR["answer"]}), use_deprecated_int96_timestamps=True),
        "column 'a': found Timestamp values, expected numbers",
    ),
    "dates beyond the calendar": (columns(a=pa.array([2**30] * 4, pa.date32())), UNREADABLE),
    "times in nanoseconds": (columns(a=pa.array([1] * 4, pa.time64("ns"))), UNREADABLE),
    "a time zone that there is not": (
        columns(answer=pa.array([1, 2] * 2, pa.timestamp("us", tz="Foo/Bar"))),
        UNREADABLE,
    ),
    "durations": (columns(answer=pa.array([1, 2] * 2, pa.duration("ns"))), "column 'answer': found Timedelta values"),
    "bytes": (columns(a=[b"1", b"2"] * 2), "column 'a': found bytes values, expected numbers"),
    "bytes as labels": (columns(answer=[b"y", b"n"] * 2), "column 'answer': found bytes values"),
    "labels that are not UTF-8": (columns(answer=invalid([b"\xff", b"a"] * 2)), "column 'answer': not readable .*UTF8"),
    "a feature that is not UTF-8": (columns(a=invalid([b"\xff", b"a"] * 2)), "column 'a': not readable .*UTF8"),
    "a column twice": (
        parquet(pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array(["y"])], ["a", "a", "answer"])),
        "column 'a' stands twice in the header",
    ),
    "no columns": (parquet(pa.table({})), "column 'answer': not in the table, known: none"),
    "no rows": (parquet(pa.table(FOUR).slice(0, 0)), "no rows"),
    "a column without a name": (
        parquet(pa.table({"": [1, 2], "answer": ["y", "n"]})),
        "column 1 of the header has no name",
    ),
    "a target with a trailing space": (
        parquet(pa.table({"a": [1, 2], "answer ": ["y", "n"]})),
        "column 'answer': not in the table.*",
    ),
    "float16": (columns(a=np.array([1, 2.5, 3, 4], np.float16)), {**FOUR, "a": [1, 2.5, 3, 4]}),
    "float16 target": (columns(answer=np.array([1, 2.5] * 2, np.float16)), {"a": FOUR["a"], "answer": [1.0, 2.5] * 2}),
    "uint64": (columns(a=np.array([2**64 - 1, 1, 2, 3], np.uint64)), {**FOUR, "a": [2.0**64, 1, 2, 3]}),
    "uint64 labels": (
        columns(answer=np.array([2**64 - 1, 2**64 - 2] * 2, np.uint64)),
        {"a": FOUR["a"], "answer": [2**64 - 1, 2**64 - 2] * 2},
    ),
    "int8 labels": (columns(answer=np.array([-1, 1] * 2, np.int8)), {"a": FOUR["a"], "answer": [-1, 1] * 2}),
    "true and false": (columns(answer=[True, False] * 2), {"a": FOUR["a"], "answer": [True, False] * 2}),
    "large strings": (columns(answer=pa.array(FOUR["answer"], pa.large_string())), FOUR),
    "zeros before labels that are words": (
        columns(answer=["007", "7"] * 2),
        {"a": FOUR["a"], "answer": ["007", "7"] * 2},
    ),
    "an empty word": (columns(answer=["", "n"] * 2), {"a": FOUR["a"], "answer": ["", "n"] * 2}),
    "labels that differ by a zero byte": (columns(answer=["y", "y\0"] * 2), "column 'answer', row 2: .*"),
    "a named index of pandas": (of_pandas(FRAME.set_index("id")), FOUR),
    "an index of pandas without a name": (
        of_pandas(FRAME[["a", "answer"]].iloc[::-1]),
        {k: v[::-1] for k, v in FOUR.items()},
    ),
    "all features in an index": (of_pandas(FRAME.set_index(["id", "a"])), NO_FEATURES),
    "the target in an index": (of_pandas(FRAME.set_index("answer")), "column 'answer': not in the table.*"),
    "a feature in an index": (of_pandas(FRAME.set_index("id")), "column 'id': not in the table.*", "features: [id, a]"),
    "notes that are not JSON": (with_notes("{"), UNREADABLE),
    "notes that are not UTF-8": (with_notes(b"\xff"), UNREADABLE),
    "notes of another kind": (with_notes("[]"), UNREADABLE),
    "notes of a column that there is not": (
        with_notes(json.dumps({"index_columns": ["b"], "columns": [], "column_indexes": []})),
        UNREADABLE,
    ),
    "truncated at the end": (WHOLE[:-10], "not Parquet"),
    "truncated in the middle": (WHOLE[: len(WHOLE) // 2], "not Parquet"),
    "empty": (b"", "not Parquet"),
    "CSV": ((HEADER + ROWS).encode(), "not Parquet"),
}
CASES = {
    **{f"csv: {name}": ("own", *case) for name, case in CSV.items()},
    **{f"parquet: {name}": ("other", *case) for name, case in PARQUET.items()},
}


def laid_out(folder: Path, name: str, content: str | bytes, more: str = "") -> Path:
    """A folder with a table and its params; the table's path."""
    path = folder / TABLE[name]
    path.parent.mkdir(parents=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "params.yaml").write_text(PARAMS.replace("target: answer,", f"target: answer, {more}{',' * bool(more)}"))
    return path


def must_have_come_out(folder: Path, name: str, expected: dict[str, list], task: str = "") -> None:
    """Exactly these columns, rows and classes, as later stages read them."""
    schema, parts = splits.read_split(folder / "split" / name)
    target = expected["answer"]
    regression = not task and all(type(value) is float for value in target)
    classes = () if regression else tuple(sorted(set(target)))
    task = task or ("regression" if regression else "binary" if len(classes) == 2 else "multiclass")
    assert schema == Schema(tuple(key for key in expected if key != "answer"), "answer", task, classes)
    assert [type(found) for found in schema.classes] == [type(value) for value in classes]
    assert list(parts) == ["train", "test"]
    assert len(parts["test"]["answer"]) == -(-len(target) // 4)
    for key, values in expected.items():
        found = np.concatenate([part[key] for part in parts.values()])
        if key != "answer" or regression:
            np.testing.assert_array_equal(found, np.array(values, np.float64).astype(np.float32), strict=True)
        else:
            assert found.tolist() == values
            assert {type(value) for value in found.tolist()} == {type(value) for value in values}


@pytest.mark.parametrize("name", CASES)
def test_a_table_comes_out_exactly_or_not_at_all(tmp_path: Path, name: str) -> None:
    dataset, content, outcome, *more = CASES[name]
    path = laid_out(tmp_path, dataset, content, *more)
    if isinstance(outcome, str):
        line = refused("split", dataset, tmp_path)
        told = f"{path}: "
        assert re.match(f"{re.escape(str(told))}{outcome}", line), line
        assert len(line.splitlines()) == 1
    else:
        assert line_of("split", dataset, tmp_path) is None
        must_have_come_out(tmp_path, dataset, outcome, *(setting.removeprefix("task: ") for setting in more))


@pytest.mark.parametrize("name", TABLE)
def test_a_folder_is_no_table(tmp_path: Path, name: str) -> None:
    path = laid_out(tmp_path, name, b"")
    path.unlink()
    path.mkdir()
    assert refused("split", name, tmp_path) == f"{path}: is a folder, expected a file"


@pytest.mark.parametrize("last", ["x", "z"])
def test_a_class_that_a_part_lacks_is_no_obstacle(tmp_path: Path, last: str) -> None:
    """Later stages know it from the schema."""
    laid_out(tmp_path, "own", labels("x", "y", "x", last))
    for stage in ("split", "train", "evaluate", "plot", "plot_data"):
        assert line_of(stage, "own", tmp_path) is None
    details = files.read_json(tmp_path / "details/own.json")
    assert details["classes"] == sorted({"x", "y", last})


# --- larger than what Arrow reads at once, 1 MiB -------------------------------------------------------------------

MANY = 120_000


def many(label: str, last: str = "") -> str:
    """Rows of which every other one has the label, as it stands in the file; then one more line."""
    return HEADER + "".join(f"{k},{k % 7},{'never' if k % 2 else label}\n" for k in range(MANY)) + last


@pytest.mark.parametrize(
    "label",
    ["y\nes", "y\n1,2,x", "say, y\r\nor\n7,8,n\n", 'y""\n""es', "a longer one\n" * 9],
    ids=["two lines", "a second line like a row", "four lines", "quotes and lines", "many lines"],
)
def test_labels_of_several_lines_in_a_long_table(tmp_path: Path, label: str) -> None:
    """They are not cut where Arrow's blocks end."""
    laid_out(tmp_path, "own", many(f'"{label}"'))
    assert line_of("split", "own", tmp_path) is None
    value = label.replace('""', '"')
    expected = {"a": range(MANY), "b": [k % 7 for k in range(MANY)], "answer": [value, "never"] * (MANY // 2)}
    must_have_come_out(tmp_path, "own", {key: list(values) for key, values in expected.items()})


def test_no_class_is_invented_where_a_block_ends(tmp_path: Path) -> None:
    """Wherever in a label of two lines that is, the second of which looks like a row."""
    path = tmp_path / "own.csv"
    for shift in range(0, 36, 3):
        path.write_text(many('"y\n1,2,x"').replace("y", "y" * (1 + shift), 1))
        found = read_table(path)
        assert len(found) == MANY
        assert set(found["answer"]) == {"never", "y\n1,2,x", "y" * (1 + shift) + "\n1,2,x"}


@pytest.mark.parametrize(
    ("last", "fault"),
    [
        ("1,x,n\n", f"column 'b', row {MANY + 1}: found 'x', expected a number"),
        ("1,\n", f"row {MANY + 1}: found 2 cells, expected 3"),
        ("\n\n1\n", f"row {MANY + 1}: found 1 cells, expected 3"),
        ("1,1e39,n\n", rf"column 'b', row {MANY + 1}: found 1e\+39"),
        ("1,2,\n", f"column 'answer', row {MANY + 1}: missing"),
        ('1,2,"n\n3,4,n\n', ".*quot"),
    ],
)
def test_the_last_row_of_a_long_table_is_checked_too(tmp_path: Path, last: str, fault: str) -> None:
    path = laid_out(tmp_path, "own", many("a longer word", last))
    line = refused("split", "own", tmp_path)
    assert re.match(f"{re.escape(str(path))}: {fault}", line), line


@settings(deadline=None, max_examples=100)
@given(st.lists(st.lists(st.text('a1é" ,;\n\r\t', max_size=6), min_size=2, max_size=2), max_size=8))
def test_whatever_python_writes_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    """Quoted words of any kind; an empty one is missing."""
    path = tmp_path_factory.mktemp("words") / "own.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["a", "answer"], ["word", "word"], *rows])
    table = read_table(path)
    assert table.to_numpy(dtype=object, na_value="").tolist() == [["word", "word"], *rows]


def test_a_damaged_parquet_file_is_refused_or_a_table(tmp_path: Path) -> None:
    """Never a traceback, whichever bytes are damaged."""
    path, generator = tmp_path / "own.parquet", np.random.default_rng(1)
    said: set[str] = set()
    for _ in range(400):
        damaged = bytearray(WHOLE)
        for place in generator.integers(len(WHOLE), size=2):
            damaged[place] = generator.integers(256)
        path.write_bytes(damaged)
        try:
            read_table(path)
        except FileError as error:
            said.add(str(error))
    assert all(re.match(f"{re.escape(str(path))}: .+", line) and len(line.splitlines()) == 1 for line in said)
