"""Writes the trained model as a Q8_0 GGUF file of the qwen2 architecture."""

import argparse
import json
import os
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer

import template
import tokenizer as bpe
from model import Model, Shape

DESCRIPTION = (
    "A tiny demonstration model for llamacpp-server, trained on generated phrases in English and Russian. "
    "It shows that the server works; it is not a useful model."
)
LAYER = {
    "attn_norm.weight": "attn_norm.weight", "q.weight": "attn_q.weight", "q.bias": "attn_q.bias",
    "k.weight": "attn_k.weight", "k.bias": "attn_k.bias", "v.weight": "attn_v.weight", "v.bias": "attn_v.bias",
    "o.weight": "attn_output.weight", "ffn_norm.weight": "ffn_norm.weight", "gate.weight": "ffn_gate.weight",
    "up.weight": "ffn_up.weight", "down.weight": "ffn_down.weight",
}


def _tensor_name(name: str) -> str:
    if name == "embed.weight":
        return "token_embd.weight"
    if name == "norm.weight":
        return "output_norm.weight"
    _, index, rest = name.split(".", 2)
    return f"blk.{index}.{LAYER[rest]}"


def _metadata(writer: gguf.GGUFWriter, shape: Shape) -> None:
    writer.add_type("model")
    writer.add_name("llamacpp-server demo")
    writer.add_basename("llamacpp-server-demo")
    writer.add_description(DESCRIPTION)
    writer.add_license("MIT")
    writer.add_languages(["en", "ru"])
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_rope_freq_base(shape.theta)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _vocabulary(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    size = tokenizer.get_vocab_size()
    tokens = [tokenizer.id_to_token(index) for index in range(size)]
    kinds = []
    for token in tokens:
        if token in bpe.CONTROL:
            kinds.append(gguf.TokenType.CONTROL)
        elif token in bpe.MARKERS:
            kinds.append(gguf.TokenType.USER_DEFINED)
        else:
            kinds.append(gguf.TokenType.NORMAL)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    end, turn = tokenizer.token_to_id("<|endoftext|>"), tokenizer.token_to_id("<|im_end|>")
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(turn)
    writer.add_eot_token_id(turn)
    writer.add_pad_token_id(end)
    writer.add_add_bos_token(False)
    writer.add_chat_template(template.source())


def write(model: Model, tokenizer: Tokenizer, path: Path) -> None:
    """Writes the file next to its final place and moves it there."""
    temporary = path.with_name(path.name + ".part")
    writer = gguf.GGUFWriter(str(temporary), "qwen2")
    _metadata(writer, model.shape)
    _vocabulary(writer, tokenizer)
    for name, tensor in model.state_dict().items():
        data = np.ascontiguousarray(tensor.detach().float().numpy())
        if data.ndim == 2:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(_tensor_name(name), gguf.quants.quantize(data, kind), raw_dtype=kind)
        else:
            writer.add_tensor(_tensor_name(name), data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(temporary, path)


def load(path: Path) -> Model:
    """Reads a checkpoint of the trainer."""
    checkpoint = torch.load(path)
    model = Model(Shape(**checkpoint["shape"]))
    model.load_state_dict(checkpoint["weights"])
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("demo.gguf"))
    arguments = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(arguments.checkpoint.with_name("tokenizer.json")))
    write(load(arguments.checkpoint), tokenizer, arguments.output)


if __name__ == "__main__":
    main()
