"""The Keras layers that a converted tower's tensors came from."""

from __future__ import annotations


def layer_name(tensor: str) -> str:
    """The Keras layers in a fused tensor's name: ``net/relu/Relu6;net/conv/convolution`` is ``conv+relu``."""
    parts = [part.split("/") for part in tensor.split(";")]
    names = [words[-2] for words in parts if len(words) > 1]
    return "+".join(dict.fromkeys(reversed(names))) or "output"
