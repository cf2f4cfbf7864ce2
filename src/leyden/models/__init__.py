"""Networks: plain nn.Modules that get the shape of their input and the size of their output, and know nothing of data.

Contract: keyword arguments `input_shape`, `output_size` and the network's own; `forward` maps (B, *input_shape) to
(B, output_size): logits for classification.
"""
