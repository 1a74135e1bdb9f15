"""Writes a trained model as GGUF v3, F16, output tied to the embedding: python3 export_gguf.py --run DIR --to FILE.

Format: ggml's docs/gguf.md. Interleaved rotary pairs are what llama.cpp's "llama" expects, so no row is permuted.
"""

import argparse
import hashlib
import json
import pathlib
import struct

import numpy
import torch

from model import Llama, Shape
from tokenizer import CHAT_TEMPLATE, END_OF_TEXT, IM_END, SPECIAL, Tokenizer

ALIGNMENT = 32
U32, F32, BOOL, STRING, ARRAY, I32 = 4, 6, 7, 8, 9, 5
TENSOR_F32, TENSOR_F16 = 0, 1
NORMAL, CONTROL = 1, 3


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def entry(key: str, kind: int, value) -> bytes:
    head = text(key) + struct.pack("<I", kind)
    if kind == STRING:
        return head + text(value)
    if kind == BOOL:
        return head + struct.pack("<?", value)
    return head + struct.pack({U32: "<I", F32: "<f"}[kind], value)


def array(key: str, kind: int, values) -> bytes:
    head = text(key) + struct.pack("<IIQ", ARRAY, kind, len(values))
    return head + b"".join(text(v) if kind == STRING else struct.pack("<i", v) for v in values)


def metadata(shape: Shape, tokenizer: Tokenizer, parameters: int) -> list:
    kinds = [CONTROL] * len(SPECIAL) + [NORMAL] * (len(tokenizer.tokens) - len(SPECIAL))
    return [
        entry("general.architecture", STRING, "llama"),
        entry("general.name", STRING, "tabloom-demo"),
        entry("general.license", STRING, "mit"),
        entry("general.file_type", U32, 1),
        entry("general.alignment", U32, ALIGNMENT),
        entry("llama.vocab_size", U32, shape.vocab),
        entry("llama.context_length", U32, shape.context),
        entry("llama.embedding_length", U32, shape.width),
        entry("llama.block_count", U32, shape.layers),
        entry("llama.feed_forward_length", U32, shape.hidden),
        entry("llama.attention.head_count", U32, shape.heads),
        entry("llama.attention.head_count_kv", U32, shape.heads),
        entry("llama.attention.layer_norm_rms_epsilon", F32, shape.epsilon),
        entry("llama.rope.dimension_count", U32, shape.width // shape.heads),
        entry("llama.rope.freq_base", F32, shape.rope_base),
        entry("tokenizer.ggml.model", STRING, "gpt2"),
        entry("tokenizer.ggml.pre", STRING, "gpt-2"),
        array("tokenizer.ggml.tokens", STRING, tokenizer.tokens),
        array("tokenizer.ggml.token_type", I32, kinds),
        array("tokenizer.ggml.merges", STRING, [" ".join(pair) for pair in tokenizer.merges]),
        entry("tokenizer.ggml.bos_token_id", U32, END_OF_TEXT),
        entry("tokenizer.ggml.eos_token_id", U32, IM_END),
        entry("tokenizer.ggml.eot_token_id", U32, IM_END),
        entry("tokenizer.ggml.padding_token_id", U32, END_OF_TEXT),
        entry("tokenizer.ggml.add_bos_token", BOOL, False),
        entry("tokenizer.ggml.add_eos_token", BOOL, False),
        entry("tokenizer.chat_template", STRING, CHAT_TEMPLATE),
    ]


def tensors(model: Llama) -> list:
    names = {"attn_norm": "attn_norm", "ffn_norm": "ffn_norm", "q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}
    found = [("token_embd.weight", model.embed.weight), ("output_norm.weight", model.norm.weight)]
    for i, block in enumerate(model.blocks):
        found += [(f"blk.{i}.{name}.weight", getattr(block, part).weight) for part, name in names.items()]
    return [(name, tensor.detach().numpy()) for name, tensor in found]


def write(path: pathlib.Path, model: Llama, tokenizer: Tokenizer) -> None:
    parameters = sum(p.numel() for p in model.parameters())
    facts = metadata(model.shape, tokenizer, parameters)
    infos, blobs, offset = [], [], 0
    for name, values in tensors(model):
        # llama.cpp wants norms in F32; everything with two dimensions is F16.
        kind = TENSOR_F16 if values.ndim == 2 else TENSOR_F32
        data = values.astype(numpy.float16 if kind == TENSOR_F16 else numpy.float32).tobytes()
        dimensions = values.shape[::-1]
        infos.append(text(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, kind, offset))
        blobs.append(data + b"\0" * (-len(data) % ALIGNMENT))
        offset += len(blobs[-1])
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(facts)) + b"".join(facts) + b"".join(infos)
    path.write_bytes(head + b"\0" * (-len(head) % ALIGNMENT) + b"".join(blobs))


def load(run: pathlib.Path, rounded: bool) -> tuple:
    """(model, tokenizer) of a training run; rounded gives the weights the GGUF holds."""
    model, tokenizer = Llama(Shape()), Tokenizer.load(run / "merges.json")
    model.load_state_dict(torch.load(run / "model.pt"))
    if rounded:
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.data = parameter.data.half().float()
    return model.eval(), tokenizer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", type=pathlib.Path, required=True)
    parser.add_argument("--to", type=pathlib.Path, required=True)
    options = parser.parse_args()
    model, tokenizer = load(options.run, rounded=False)
    write(options.to, model, tokenizer)
    data = options.to.read_bytes()
    manifest = {
        "name": "tabloom-demo",
        "files": [{"path": options.to.name, "sizeBytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}],
        "contextTokens": model.shape.context,
        "quantisation": "F16",
        "parameters": sum(p.numel() for p in model.parameters()),
        "licence": "MIT",
    }
    options.to.with_suffix(".json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(manifest)


if __name__ == "__main__":
    main()
