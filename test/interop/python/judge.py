"""Classify a CSV with nothing of Tamis: Python's own csv module and a forest trained on the spot.

A JSON object on standard input: file, encoding, delimiter, decimal, id (a column), features (columns, in the model's order).
A JSON list on standard output: [id, label, probability of each class] for each record.
"""

import csv
import json
import pathlib
import sys

import pandas

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "models"))
from train import CLASSES, fit, load  # noqa: E402  (the path is set above)


def read(asked):
    """(ids, rows of floats) of the file; an empty cell is not a number."""
    with open(asked["file"], encoding=asked["encoding"], newline="") as file:
        records = list(csv.DictReader(file, delimiter=asked["delimiter"]))

    def number(text):
        return float(text.replace(asked["decimal"], ".")) if text else float("nan")

    rows = [[number(record[column]) for column in asked["features"]] for record in records]
    return [record[asked["id"]] for record in records], rows


def main():
    asked = json.load(sys.stdin)
    train, _, train_classes, _ = load()
    forest = fit(train, train_classes)
    ids, rows = read(asked)
    frame = pandas.DataFrame(rows, columns=train.columns)
    labels = [CLASSES[index] for index in forest.predict(frame)]
    json.dump([list(row) for row in zip(ids, labels, forest.predict_proba(frame).tolist(), strict=True)], sys.stdout)


if __name__ == "__main__":
    main()
