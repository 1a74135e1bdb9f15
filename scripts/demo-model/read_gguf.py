"""Reads a model that export_gguf.py has written, to go on training it: weights, and the merges of its tokenizer."""

import pathlib
import struct

import numpy

from export_gguf import ALIGNMENT, ARRAY, BOOL, F32, I32, STRING, TENSOR_F16, U32, tensors
from model import Llama, Shape
from tokenizer import Tokenizer

SCALARS = {U32: "<I", F32: "<f", BOOL: "<?", I32: "<i"}


class Reader:
    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def take(self, form: str):
        (value,) = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self) -> str:
        size = self.take("<Q")
        self.at += size
        return self.data[self.at - size : self.at].decode()

    def value(self, kind: int):
        if kind == STRING:
            return self.text()
        if kind == ARRAY:
            of, count = self.take("<I"), self.take("<Q")
            return [self.value(of) for _ in range(count)]
        return self.take(SCALARS[kind])


def read(path: pathlib.Path) -> tuple:
    """(model, tokenizer). @throws ValueError where the file is none of ours, or of another shape."""
    reader = Reader(path.read_bytes())
    if reader.data[:4] != b"GGUF":
        raise ValueError(f"{path} is no GGUF")
    reader.at = 8
    tensor_count, entry_count = reader.take("<Q"), reader.take("<Q")
    facts = {}
    for _ in range(entry_count):
        key = reader.text()
        facts[key] = reader.value(reader.take("<I"))
    infos = {}
    for _ in range(tensor_count):
        name = reader.text()
        dimensions = [reader.take("<Q") for _ in range(reader.take("<I"))]
        infos[name] = (dimensions[::-1], reader.take("<I"), reader.take("<Q"))
    begin = reader.at + -reader.at % ALIGNMENT
    model = Llama(Shape())
    for name, values in tensors(model):
        dimensions, kind, offset = infos[name]
        if list(values.shape) != dimensions:
            raise ValueError(f"{name} has the shape {dimensions}, not {list(values.shape)}")
        kept = numpy.frombuffer(reader.data, numpy.float16 if kind == TENSOR_F16 else numpy.float32, values.size, begin + offset)
        # tensors() gives views of the parameters, which torch and numpy share.
        values[:] = kept.astype(numpy.float32).reshape(values.shape)
    return model, Tokenizer([tuple(pair.split(" ")) for pair in facts["tokenizer.ggml.merges"]])
