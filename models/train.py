"""Train the demo's model and write it in the two forms that Tamis can use.

    python models/train.py                          # check only: train, measure, compare with the committed ONNX file
    python models/train.py --onnx models/wine.onnx  # export the embedded model, its card and its verdicts
    python models/train.py --mlflow .interop/wine   # save the very same forest for `mlflow models serve`

The data set (UCI Wine) ships inside scikit-learn: nothing is downloaded. The seed is fixed, so every run of the same
scikit-learn gives the same forest. Requirements: requirements.txt beside this file.
"""

import argparse
import hashlib
import json
import pathlib

import numpy
import sklearn
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss
from sklearn.model_selection import train_test_split

SEED = 20260301
HELD_OUT_ROWS = 80
# Classes 0, 1, 2 in the data set's order. The copy in scikit-learn has no names; those of the three cultivars are in
# M. Forina, C. Armanino, M. Castino, M. Ubigli, Vitis 25 (1986) 189-201, with the same counts: 59, 71, 48.
CLASSES = ["barolo", "grignolino", "barbera"]
HERE = pathlib.Path(__file__).resolve().parent
COMMITTED_ONNX = HERE / "wine.onnx"


def load():
    """The 178 measurements and their classes, split once: (train X, held-out X, train y, held-out y), stratified."""
    data = load_wine(as_frame=True)
    return train_test_split(
        data.data, data.target, test_size=HELD_OUT_ROWS, random_state=SEED, stratify=data.target
    )


def fit(features, classes):
    """The forest. Leaves of at least five rows keep probabilities off a coarse grid such as 1/100, where two classes tie and
    the last bit of a float32 sum decides: with leaves of two, 12 labels in a million noisy rows were another's.
    No class weights: scikit-learn 1.9 draws weighted samples differently, so older releases would grow another forest."""
    forest = RandomForestClassifier(n_estimators=100, min_samples_leaf=5, random_state=SEED, n_jobs=1)
    return forest.fit(features, classes)


def export_onnx(forest, feature_names):
    """The forest as ONNX bytes: one float32 input [rows, 13], outputs `label` (int64) and `probabilities` (float32)."""
    import onnx
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    model = convert_sklearn(
        forest,
        name="wine",
        initial_types=[("features", FloatTensorType([None, len(feature_names)]))],
        options={id(forest): {"zipmap": False}},
        target_opset={"": 15, "ai.onnx.ml": 3},
    )
    restore(model, forest)
    # Old enough for every runtime in use; the tree operators have been the same since.
    model.ir_version = 8
    del model.opset_import[:]
    model.opset_import.extend([onnx.helper.make_opsetid("", 15), onnx.helper.make_opsetid("ai.onnx.ml", 3)])
    for key, value in {"features": feature_names, "classes": CLASSES}.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, json.dumps(value)
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def restore(model, forest):
    """Give the converted forest back what skl2onnx leaves out: where missing values go, and doubles.

    Features stay float32, which is what scikit-learn itself compares with its double thresholds. Added up in double, the
    votes give the same float32 in whatever order a runtime adds them, so a score depends on no batch size; added up in
    float32 they were up to 7e-7 off and changed in the last digits with the number of rows in the call.

    scikit-learn (since 1.4) sends a missing value down the branch that most training rows took. Without that, 5 % of the
    rows with missing values got another label.
    """
    from onnx import TensorProto, helper, numpy_helper

    (node,) = model.graph.node
    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    trees = [estimator.tree_ for estimator in forest.estimators_]
    thresholds = [
        0.0 if mode == b"LEAF" else trees[tree].threshold[at]
        for tree, at, mode in zip(given["nodes_treeids"], given["nodes_nodeids"], given["nodes_modes"], strict=True)
    ]
    votes = [
        trees[tree].value[at, 0, index] / trees[tree].value[at, 0].sum() / len(trees)
        for tree, at, index in zip(given["class_treeids"], given["class_nodeids"], given["class_ids"], strict=True)
    ]
    missing = [
        0 if mode == b"LEAF" else int(trees[tree].missing_go_to_left[at])
        for tree, at, mode in zip(given["nodes_treeids"], given["nodes_nodeids"], given["nodes_modes"], strict=True)
    ]
    # Were the numbering another, these would not be the same values with more digits.
    numpy.testing.assert_allclose(thresholds, given["nodes_values"], rtol=1e-6)
    numpy.testing.assert_allclose(votes, given["class_weights"], rtol=1e-6)

    replaced = {"nodes_values": thresholds, "class_weights": votes}
    dropped = {*replaced, "nodes_hitrates", "nodes_missing_value_tracks_true"}
    kept = [attribute for attribute in node.attribute if attribute.name not in dropped]
    del node.attribute[:]
    node.attribute.extend(kept)
    for name, values in replaced.items():
        tensor = numpy_helper.from_array(numpy.array(values, dtype=numpy.float64), name)
        node.attribute.append(helper.make_attribute(f"{name}_as_tensor", tensor))
    node.attribute.append(helper.make_attribute("nodes_missing_value_tracks_true", missing))
    cast = helper.make_node("Cast", [node.input[0]], ["features_as_double"], name="cast", to=TensorProto.DOUBLE)
    node.input[0] = "features_as_double"
    model.graph.node.insert(0, cast)


def predict_onnx(onnx_bytes, rows):
    """(labels, probabilities) of float64 rows, as ONNX Runtime computes them."""
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx_bytes, providers=["CPUExecutionProvider"])
    return session.run(["label", "probabilities"], {"features": rows.astype(numpy.float32)})


def noisy_rows(count, share_missing=0.0):
    """`count` rows resampled from the whole data set with noise, to compare models on more than 178 points."""
    generator = numpy.random.default_rng(SEED)
    data = load_wine(as_frame=True).data
    picked = data.iloc[generator.integers(0, len(data), count)]
    noisy = picked * generator.uniform(0.8, 1.2, picked.shape)
    return noisy.mask(generator.uniform(size=picked.shape) < share_missing)


def compare(forest, onnx_bytes, rows):
    """(rows whose label differs, largest difference of a probability) between scikit-learn and ONNX Runtime."""
    labels, probabilities = predict_onnx(onnx_bytes, rows.to_numpy())
    different = int((forest.predict(rows) != labels).sum())
    return different, float(numpy.abs(forest.predict_proba(rows) - probabilities).max())


def write_verdicts(forest, rows, path):
    """What scikit-learn says of the rows held out, in the samples' order, for judges that have no Python at hand.

    First of the rows as they are, then of the same rows with one measurement missing, another one in each.
    """
    gaps = rows.copy()
    for index in range(len(gaps)):
        gaps.iloc[index, index % len(gaps.columns)] = numpy.nan

    lines = [",".join(["row", "missing", "label", *CLASSES])]
    for kind in (rows, gaps):
        for index, scores in enumerate(forest.predict_proba(kind).tolist()):
            missing = "" if kind is rows else kind.columns[index % len(kind.columns)]
            label = CLASSES[scores.index(max(scores))]
            lines.append(",".join([str(index + 1), missing, label, *map(repr, scores)]))
    path.write_text("\n".join(lines) + "\n")


def save_mlflow(forest, features, directory):
    """The forest as four MLflow models.

    `labels` answers a class index a row, `probabilities` a list, `frame` an object; these have named columns in their
    signature. `tensor` answers lists too, and its signature is one nameless array, as of a model trained on arrays.
    """
    import mlflow
    import mlflow.pyfunc
    import mlflow.sklearn
    import pandas
    from mlflow.models import infer_signature

    class LabelAndScores(mlflow.pyfunc.PythonModel):
        """Answers a row with its label, that label's score and one score a class, as a pyfunc with a DataFrame does."""

        def __init__(self, forest, classes):
            self.forest = forest
            self.classes = classes

        def predict(self, context, model_input, params=None):
            scores = self.forest.predict_proba(model_input)
            frame = pandas.DataFrame(scores, columns=self.classes)
            frame.insert(0, "prediction", [self.classes[index] for index in scores.argmax(axis=1)])
            frame.insert(1, "score", scores.max(axis=1))
            return frame

    directory.mkdir(parents=True, exist_ok=True)
    requirements = [f"scikit-learn=={sklearn.__version__}", f"numpy=={numpy.__version__}", f"pandas=={pandas.__version__}"]
    common = {"pip_requirements": requirements}
    for name, method, rows in [
        ("labels", "predict", features),
        ("probabilities", "predict_proba", features),
        ("tensor", "predict_proba", features.to_numpy()),
    ]:
        mlflow.sklearn.save_model(
            forest,
            directory / name,
            signature=infer_signature(rows, getattr(forest, method)(rows)),
            # In every version; newer ones warn that a pickle runs code when loaded, which is so: load only your own.
            serialization_format="cloudpickle",
            pyfunc_predict_fn=method,
            **common,
        )
    model = LabelAndScores(forest, CLASSES)
    answer = model.predict(None, features)
    mlflow.pyfunc.save_model(
        directory / "frame", python_model=model, signature=infer_signature(features, answer), **common
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onnx", type=pathlib.Path, help="write the ONNX file here, card and verdicts beside it")
    parser.add_argument("--mlflow", type=pathlib.Path, help="save the MLflow models in this folder, which must be empty")
    parser.add_argument("--rows", type=int, default=100_000, help="noisy rows on which forest and ONNX file are compared; 0: no comparison")
    options = parser.parse_args()

    train, held_out, train_classes, held_out_classes = load()
    forest = fit(train, train_classes)
    report = {
        "rows": {"train": len(train), "heldOut": len(held_out)},
        "accuracy": accuracy_score(held_out_classes, forest.predict(held_out)),
        "logLoss": log_loss(held_out_classes, forest.predict_proba(held_out)),
        "confusion": confusion_matrix(held_out_classes, forest.predict(held_out)).tolist(),
        "nodes": sum(tree.tree_.node_count for tree in forest.estimators_),
        "scikitLearn": sklearn.__version__,
    }

    if options.onnx:
        onnx_bytes = export_onnx(forest, list(train.columns))
        options.onnx.write_bytes(onnx_bytes)
        card = {
            "file": options.onnx.name,
            "sha256": hashlib.sha256(onnx_bytes).hexdigest(),
            "bytes": len(onnx_bytes),
            "features": list(train.columns),
            "classes": CLASSES,
            **report,
        }
        options.onnx.with_suffix(".json").write_text(json.dumps(card, indent=2) + "\n")
        write_verdicts(forest, held_out, options.onnx.with_suffix(".verdicts.csv"))
    else:
        onnx_bytes = COMMITTED_ONNX.read_bytes()
    if options.mlflow:
        save_mlflow(forest, train, options.mlflow)

    if options.rows > 0:
        compared = {
            "heldOut": held_out,
            "noisy": noisy_rows(options.rows),
            "withMissing": noisy_rows(options.rows, share_missing=0.1),
        }
        for name, rows in compared.items():
            different, largest = compare(forest, onnx_bytes, rows)
            report[name] = {"rows": len(rows), "labelsThatDiffer": different, "largestDifference": largest}
            if different or largest > 1e-7:
                raise SystemExit(f"the ONNX file is not this forest: {json.dumps(report[name])}")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
