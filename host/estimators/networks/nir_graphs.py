"""NIR graphs (Neuromorphic Intermediate Representation) as layers of a machine, and back; only what needs NIR imports this."""

import io
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import nir
import numpy as np

from ohmprop.host.estimators.conventions import InputError
from ohmprop.host.estimators.networks.layers import Layers
from ohmprop.host.show.files import write_file
from ohmprop.model.errors import reason

#: What from_nir takes.
FITS = "give a chain of nir.Linear or nir.Affine between nir.Input and nir.Output"


def graph_layers(graph: Any) -> Layers:
    """The layers of a graph, or of the file at a path; InputError, naming it, for any node that the machine has not."""
    if isinstance(graph, str | PathLike):
        path = Path(fspath(graph))
        if not path.is_file():
            raise InputError(f"There is no file {path}; give a graph that nir.write wrote.")
        try:
            graph = nir.read(path)
        except Exception as error:  # whatever h5py and nir make of bytes that are not theirs
            raise InputError(f"{path} cannot be read as a NIR graph ({reason(error)}).") from None
    if not isinstance(graph, nir.NIRGraph):
        raise InputError(f"A {type(graph).__name__} is no NIR graph; {FITS}.")
    weights, biases = [], []
    for name in _chain(graph):
        node = graph.nodes[name]
        if not isinstance(node, nir.Linear | nir.Affine):
            raise InputError(f"The machine has no nir.{type(node).__name__}, which node {name} is; {FITS}.")
        weights.append(np.asarray(node.weight, np.float64))
        biases.append(np.asarray(getattr(node, "bias", np.zeros(len(node.weight))), np.float64).reshape(-1))
    return Layers.of(weights, biases if any(offset.any() for offset in biases) else None)


def _chain(graph: Any) -> list[str]:
    """The names of the nodes between input and output; InputError if they are no chain."""
    after: dict[str, list[str]] = {}
    for source, target in graph.edges:
        after.setdefault(source, []).append(target)
    starts = [name for name, node in graph.nodes.items() if isinstance(node, nir.Input)]
    chain: list[str] = []
    name = starts[0] if len(starts) == 1 else ""
    while name in after and len(chain) < len(graph.nodes):
        if len(after[name]) != 1:
            break
        name = after[name][0]
        chain.append(name)
    if not chain or not isinstance(graph.nodes[name], nir.Output) or len(chain) + 1 != len(graph.nodes):
        raise InputError(f"The nodes of this graph are no chain from one input to one output; {FITS}.")
    return chain[:-1]


def write(path: Path, layers: Layers) -> None:
    """Write layers into a file as a graph; UserError if that cannot be done."""
    buffer = io.BytesIO()
    nir.write(buffer, graph_of(layers))
    write_file(path, buffer.getvalue())


def graph_of(layers: Layers) -> Any:
    """The graph of layers: nir.Affine, or nir.Linear where there are no biases."""
    nodes = [
        nir.Affine(weight=matrix, bias=layers.biases[index]) if layers.biases else nir.Linear(weight=matrix)
        for index, matrix in enumerate(layers.weights)
    ]
    return nir.NIRGraph.from_list(
        nir.Input(np.array([layers.sizes[0]])), *nodes, nir.Output(np.array([layers.sizes[-1]]))
    )
