"""Networks: plain nn.Modules that know the shape of their input and the size of their output, and nothing of the data.

Keyword arguments `input_shape`, `output_size` and the network's own; `forward` maps (B, *input_shape) to
(B, output_size): logits for classification, scaled targets for regression.
"""
