"""Makes the tiny models of the ONNX tests: pip install scikit-learn skl2onnx onnx pandas, then python make.py.

tensor.onnx   three classes by index, one tensor [N, 4] of floats, label and probabilities [N, 3]
columns.onnx  two classes by name, one input a column: a text, a float and a whole number
zipmap.onnx   like tensor.onnx, but exported with zipmap: the probabilities are a sequence of maps, which Tamis refuses
"""
from pathlib import Path

import numpy as np
import pandas as pd
from skl2onnx import convert_sklearn, to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

here = Path(__file__).parent
random = np.random.default_rng(20260301)


def save(name, model):
    del model.metadata_props[:]
    (here / name).write_bytes(model.SerializeToString())


table = random.normal(size=(300, 4)).astype(np.float32)
classes = np.digitize(table[:, 0] + table[:, 1], [-0.7, 0.7])
tensor_model = LogisticRegression().fit(table, classes)
save("tensor.onnx", to_onnx(tensor_model, table[:1], options={"zipmap": False}, target_opset=17))
save("zipmap.onnx", to_onnx(tensor_model, table[:1], target_opset=17))

people = pd.DataFrame(
    {
        "job": random.choice(["x", "y", "z"], size=300),
        "age": random.integers(20, 70, size=300).astype(np.float32),
        "children": random.integers(0, 4, size=300),
    }
)
answers = np.where((people["job"] == "x") | (people["age"] > 50), "yes", "no")
column_model = Pipeline(
    [
        (
            "columns",
            ColumnTransformer(
                [
                    ("job", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["job"]),
                    ("rest", "passthrough", ["age", "children"]),
                ]
            ),
        ),
        ("classifier", LogisticRegression(max_iter=2000)),
    ]
).fit(people, answers)
save(
    "columns.onnx",
    convert_sklearn(
        column_model,
        initial_types=[
            ("job", StringTensorType([None, 1])),
            ("age", FloatTensorType([None, 1])),
            ("children", Int64TensorType([None, 1])),
        ],
        options={"zipmap": False},
        target_opset=17,
    ),
)

probe = table[:5]
print("tensor rows", probe.tolist())
print("tensor labels", tensor_model.predict(probe).tolist())
print("tensor probabilities", tensor_model.predict_proba(probe).round(6).tolist())
sample = pd.DataFrame({"job": ["x", "y", "?"], "age": [30.0, 61.0, 22.5], "children": [1, 0, 2]})
print("column labels", column_model.predict(sample).tolist())
print("column probabilities", column_model.predict_proba(sample).round(6).tolist())
