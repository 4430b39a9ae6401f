"""Compare a classified CSV with its input and with the model, on nothing of Tamis: judge_onnx.py CARD INPUT OUTPUT.

CARD is the model's description; the model lies beside it. Both files: UTF-8, comma, a line for each record.
A JSON object on standard output: rows, untouched (lines that begin with their input line), sameLabel, furthest (score).
"""

import csv
import json
import pathlib
import sys

import numpy
import onnxruntime


def main():
    card_file, input_file, output_file = map(pathlib.Path, sys.argv[1:4])
    card = json.loads(card_file.read_text())
    with open(input_file, encoding="utf-8", newline="") as file:
        given = file.read().splitlines()
    with open(output_file, encoding="utf-8", newline="") as file:
        written = file.read().splitlines()
    columns = [next(csv.reader(given[:1])).index(name) for name in card["features"]]
    cells = [[record[column] for column in columns] for record in csv.reader(given[1:])]
    session = onnxruntime.InferenceSession(card_file.with_name(card["file"]))
    _, scores = session.run(["label", "probabilities"], {"features": numpy.array(cells, dtype=numpy.float32)})
    verdicts = [line[len(start) :].split(",")[1:] for start, line in zip(given[1:], written[1:])]
    labels = [card["classes"][index] for index in scores.argmax(axis=1)]
    json.dump(
        {
            "rows": [len(given) - 1, len(written) - 1],
            "untouched": sum(line.startswith(start + ",") for start, line in zip(given, written)) - 1,
            "sameLabel": sum(label == verdict[0] for label, verdict in zip(labels, verdicts)),
            "furthest": max(abs(float(best) - float(verdict[1])) for best, verdict in zip(scores.max(axis=1), verdicts)),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
