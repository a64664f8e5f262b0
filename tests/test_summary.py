"""The table and the graph of a model."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

import fastnn as fnn
from fastnn.activations import LeakyReLU
from fastnn.layers import Dense, Input
from fastnn.summary import HEADER, LayerInfo, mermaid, summarize


def network(*layers):
    """What a model tells of its layers."""
    infos, fan_in, counts = [], None, {}
    for layer in layers:
        number = counts.setdefault(layer.kind, 0)
        counts[layer.kind] += 1
        units = layer.output_units(fan_in)
        infos.append(
            LayerInfo(
                layer.name or f"{layer.kind}_{number}",
                layer.kind,
                None if fan_in is None else (None, fan_in),
                (None, units),
                layer.options(),
                layer.parameter_shapes(fan_in),
            )
        )
        fan_in = units
    return infos


SMALL = network(Input(7, name="car_features"), Dense(1), Dense(1))
LARGE = network(Input(7, name="car_features"), Dense(32, "relu"), Dense(8, "relu"), Dense(1))


@pytest.mark.parametrize(
    "layers, dtype, parameters, size",
    [
        (SMALL, "float32", 10, 40),
        (SMALL, "float64", 10, 80),
        (LARGE, "float32", 529, 2116),
        (LARGE, "float64", 529, 4232),
        (network(Input(3)), "float32", 0, 0),
    ],
)
def test_summary_totals(layers, dtype, parameters, size):
    summary = summarize("Model", layers, dtype)
    assert (summary.total_parameters, summary.total_bytes) == (parameters, size)
    lines = str(summary).splitlines()
    assert lines[-2] == f"Total parameters: {parameters}"
    assert lines[-1] == f"Total parameters memory: {size} bytes"


def test_summary_rows():
    rows = summarize("Model", LARGE, "float32").rows
    assert rows == [
        ("car_features ( input )", "", "(None, 7)", "", ""),
        (
            "dense_0 ( dense )",
            "(None, 7)",
            "(None, 32)",
            'activation="relu"',
            "kernel: f32[7][32],\nbias: f32[32]",
        ),
        (
            "dense_1 ( dense )",
            "(None, 32)",
            "(None, 8)",
            'activation="relu"',
            "kernel: f32[32][8],\nbias: f32[8]",
        ),
        ("dense_2 ( dense )", "(None, 8)", "(None, 1)", "", "kernel: f32[8][1],\nbias: f32[1]"),
    ]


def test_summary_text():
    summary = summarize("Sequential", SMALL, "float64")
    want = """\
+------------------------------------------------------------------------------------+
|                                     Sequential                                     |
+========================+=============+==============+=========+====================+
| Layer                  | Input shape | Output shape | Options | Parameters         |
+========================+=============+==============+=========+====================+
| car_features ( input ) |             | (None, 7)    |         |                    |
+------------------------+-------------+--------------+---------+--------------------+
| dense_0 ( dense )      | (None, 7)   | (None, 1)    |         | kernel: f64[7][1], |
|                        |             |              |         | bias: f64[1]       |
+------------------------+-------------+--------------+---------+--------------------+
| dense_1 ( dense )      | (None, 1)   | (None, 1)    |         | kernel: f64[1][1], |
|                        |             |              |         | bias: f64[1]       |
+------------------------+-------------+--------------+---------+--------------------+
Total parameters: 10
Total parameters memory: 80 bytes"""
    assert str(summary) == want
    assert repr(summary) == want
    want.encode("ascii")  # no terminal can garble it


@pytest.mark.parametrize("name", ["", "M", "x" * 70, "x" * 71, "x" * 200])
def test_summary_is_a_box_of_one_width(name):
    text = str(summarize(name, LARGE, "float32"))
    box = text.splitlines()[:-2]
    assert len({len(line) for line in box}) == 1
    assert name in box[1]
    assert all(line[0] == line[-1] and line[0] in "+|" for line in box)
    assert all(title in box[3] for title in HEADER)


def test_summary_options():
    layer = Dense(4, LeakyReLU(0.2), use_bias=False, kernel_initializer="he_normal")
    rows = summarize("Model", network(Input(2), layer), "float32").rows
    assert rows[1][3] == (
        'activation=LeakyReLU(alpha=0.2),\nuse_bias=False,\nkernel_initializer="he_normal"'
    )
    assert rows[1][4] == "kernel: f32[2][4]"


@pytest.mark.parametrize(
    "units, memory",
    [
        (2559, "10236 bytes"),
        (2560, "10240 bytes (10.0 KiB)"),
        (3_000_000, "12000000 bytes (11.4 MiB)"),
        (2_700_000_000, "10800000000 bytes (10.1 GiB)"),
    ],
)
def test_summary_large_memory(units, memory):
    layers = [LayerInfo("a", "dense", (None, 1), (None, units), {}, {"kernel": (1, units)})]
    text = str(summarize("Model", layers, "float32"))
    assert text.endswith(f"Total parameters memory: {memory}")


def test_summary_without_layers():
    summary = summarize("Model", [], "float32")
    assert summary.rows == []
    assert "Total parameters: 0" in str(summary)


def test_summary_unknown_dtype():
    with pytest.raises(ValueError, match="summarize: unknown dtype 'float16'; did you mean 'float"):
        summarize("Model", SMALL, "float16")


def test_mermaid():
    assert (
        mermaid(SMALL)
        == """\
graph TD;
    node0[/"car_features<br/>input (None, 7)"/];
    node1["dense_0<br/>dense (None, 1)"];
    node2["dense_1<br/>dense (None, 1)"];
    node0 --> node1;
    node1 --> node2;"""
    )


def test_mermaid_escapes_names():
    text = mermaid([LayerInfo('a "b" #1 <i>', "input", None, (None, 1))])
    assert 'node0[/"a #quot;b#quot; #35;1 #lt;i#gt;<br/>input (None, 1)"/];' in text
    assert "-->" not in text


def test_html_holds_what_the_text_does():
    summary = summarize("Model", LARGE, "float32")
    html = summary._repr_html_()
    tree = ElementTree.fromstring(html)
    rows = ["".join(cell.itertext()) for row in tree.iter("tr") for cell in row]
    assert rows == [cell.replace("\n", "") for row in (HEADER, *summary.rows) for cell in row]
    assert "Total parameters: 529" in html
    assert "2116 bytes" in html


def test_html_escapes_names():
    summary = summarize("<b>", [LayerInfo("a & <i>", "input", None, (None, 1))], "float32")
    html = summary._repr_html_()
    assert "<i>" not in html
    cells = [cell.text for cell in ElementTree.fromstring(html).iter("td")]
    assert cells[0] == "a & <i> ( input )"


def test_a_notebook_draws_the_flowchart():
    text = mermaid(SMALL)
    assert isinstance(text, str)
    assert text._repr_markdown_() == f"```mermaid\n{text}\n```"


# -- graphs ---------------------------------------------------------------------------------------


def test_summary_of_a_graph_says_what_each_layer_reads():
    x = Input(5, name="row")
    left, right = fnn.Split([2, 3])(x)
    h = Dense(3)(left)
    model = fnn.Model(x, fnn.Concatenate()([h, right, h]))
    rows = model.summary().rows
    assert rows[0][:3] == ("row ( input )", "", "(None, 5)")
    assert rows[1][:3] == ("split_0 ( split )", "(None, 5) of row", "(None, 2),\n(None, 3)")
    assert rows[2][1] == "(None, 2) of split_0"
    assert rows[3][1] == "(None, 3) of dense_0,\n(None, 3) of split_0,\n(None, 3) of dense_0"


def test_summary_of_a_graph_that_is_a_chain_leaves_names_out():
    x = Input(2)
    rows = fnn.Model(x, Dense(1)(Dense(4)(x))).summary().rows
    assert [row[1] for row in rows] == ["", "(None, 2)", "(None, 4)"]


def test_mermaid_of_a_graph_shows_all_outputs_and_arrows():
    x = Input(4)
    left, right = fnn.Split(2)(x)
    text = fnn.Model(x, fnn.Add()([left, right])).to_mermaid()
    assert "split_0<br/>split (None, 2) (None, 2)" in text
    assert text.count("node1 --> node2;") == 2


def test_a_model_shows_its_summary_in_notebooks():
    model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)])
    assert model._repr_html_() == model.summary()._repr_html_()
