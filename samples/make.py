"""Write the sample files from the rows that the model was not trained on: python samples/make.py [folder]

Measurements are real (UCI Wine, see models/README.md). Bottle numbers, growers and remarks are invented: the data set
has none, and columns that must not reach a model are half of what there is to show.
"""

import gzip
import pathlib
import sys

import numpy

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "models"))
from train import load  # noqa: E402  (the path is set above)

FRENCH = [
    "alcool",
    "acide malique",
    "cendres",
    "alcalinité des cendres",
    "magnésium",
    "phénols totaux",
    "flavonoïdes",
    "phénols non flavonoïdes",
    "proanthocyanidines",
    "intensité de la couleur",
    "teinte",
    "DO 280/315",
    "proline",
]
GROWERS = ["Cave du Hêtre", "Domaine de la Forêt", "Clos Sainte-Agnès", "Coopérative de l’Été", "Cascina Però"]
REMARKS = ["", "robe légère", "à revoir", "nez fermé ; bouche ample", "dit « de garde »", "bouchonné ?", "œil vif, 12 €"]


def number(value):
    """The shortest decimal text that reads back as the measurement: 14.23, 1065, 9.899999."""
    return numpy.format_float_positional(value, trim="-")


def cell(text, delimiter):
    """A cell as RFC 4180 writes it: in quotes only when it must be."""
    if any(sign in text for sign in (delimiter, '"', "\n", "\r")):
        return '"' + text.replace('"', '""') + '"'
    return text


def table(header, records, delimiter=",", line_end="\n"):
    return "".join(
        delimiter.join(cell(text, delimiter) for text in record) + line_end for record in [header, *records]
    )


def bottle(index):
    return f"F-{index + 1:04d}"


def english(rows):
    """(header, records): point as decimal mark, a bottle number first, which is not for the model."""
    records = [[bottle(index), *map(number, values)] for index, values in enumerate(rows.to_numpy())]
    return ["bottle", *rows.columns], records


def french(rows):
    """(header, records) of the same rows: decimal comma, other names, another order, four columns not for the model."""
    records = []
    for index, values in enumerate(rows.to_numpy()):
        numbers = [number(value).replace(".", ",") for value in values]
        grower = GROWERS[index % len(GROWERS)]
        remark = REMARKS[index % len(REMARKS)]
        records.append([bottle(index), grower, "Piémont", *reversed(numbers), remark])
    return ["numéro", "producteur", "région", *reversed(FRENCH), "commentaire"], records


def with_newlines(rows):
    """(header, records) as a spreadsheet saves them, with remarks of two lines and quoted quotes."""
    header, records = english(rows)
    remarks = ["first bottle corked\nsecond one fine", 'called "young" by two of five', "", "pale, thin\n\nsee the notes"]
    noted = [[*record, remarks[index % len(remarks)]] for index, record in enumerate(records)]
    return [*header, "tasting note"], noted


def spoilt(rows):
    """The English table of 30 rows with five that cannot be classified, each for a reason of its own."""
    header, records = english(rows.iloc[:30])
    lines = table(header, records).splitlines()
    lines[4] = ",".join(lines[4].split(",")[:-2])  # row 4: two fields too few
    lines[9] = lines[9].replace(",", ",n/a ", 1)  # row 9: letters in a number
    lines[15] = lines[15] + ",17"  # row 15: one field too many
    lines[21] = lines[21].replace("F-", 'F"', 1)  # row 21: a quote inside an unquoted field
    lines[27] = '"' + lines[27]  # row 27: a quote that is never closed
    return "\n".join(lines) + "\n"


def main():
    _, held_out, _, _ = load()
    files = {
        "wine.csv": table(*english(held_out)).encode("utf-8"),
        "vins d'été.csv": table(*french(held_out), delimiter=";", line_end="\r\n").encode("cp1252"),
        "spreadsheet.csv": table(*with_newlines(held_out), line_end="\r\n").encode("utf-8-sig"),
        # No name and no time inside, so that the same rows are always the same bytes.
        "wine.csv.gz": gzip.compress(table(*english(held_out)).encode("utf-8"), mtime=0),
        "a few bad rows.csv": spoilt(held_out).encode("utf-8"),
    }
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for name, content in files.items():
        (folder / name).write_bytes(content)
        print(f"{len(content):7d} bytes  {name}")


if __name__ == "__main__":
    main()
