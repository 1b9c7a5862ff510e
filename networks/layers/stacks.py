"""The stacks of hidden layers that gin files name."""

from ibc.networks.layers import dense_stack, mlp_dropout, resnet

# Far more than fits into memory; beyond, TensorFlow's and Python's errors name no parameter.
_WIDEST = 1 << 20
_DEEPEST = 10_000


def make_stack(
    layers: str,
    width: int,
    depth: int,
    rate: float,
    activation: str = "relu",
    kernel_initializer: str = "normal",
    bias_initializer: str = "normal",
    dense_layer_type: str = "regular",
) -> dense_stack.DenseStack:
    """Creates `depth` hidden layers of `width` units.

    Args:
      layers: 'MLPDropout', 'ResNetOrig' or 'ResNetPreActivation'.
      width: Units per layer.
      depth: Number of layers, without a residual stack's projection.
      rate: Dropout rate.
      activation: Activation; `ResNetLayer.activation` wins over it in residual stacks.
      kernel_initializer: Keras initializer.
      bias_initializer: Keras initializer.
      dense_layer_type: 'regular' or 'spectral_norm'.

    Returns:
      The stack, not yet built.

    Raises:
      ValueError: A name is unknown, or width or depth is out of range or does not suit the layers.
    """
    for name, value, most in (("width", width, _WIDEST), ("depth", depth, _DEEPEST)):
        if not isinstance(value, int) or not 1 <= value <= most:
            raise ValueError(
                f"The network's {name} is {value!r}; it must be a whole number of at least 1 and "
                f"at most {most}."
            )
    options = dict(
        hidden_sizes=[width] * depth,
        rate=rate,
        kernel_initializer=kernel_initializer,
        bias_initializer=bias_initializer,
        dense_layer_type=dense_layer_type,
    )
    if layers == "MLPDropout":
        return mlp_dropout.MLPDropoutLayer(activation=activation, **options)
    if layers == "ResNetOrig":
        return resnet.ResNetOrigLayer(default_activation=activation, **options)
    if layers == "ResNetPreActivation":
        return resnet.ResNetPreActivationLayer(default_activation=activation, **options)
    raise ValueError(
        f"layers must be 'MLPDropout', 'ResNetOrig' or 'ResNetPreActivation', but is {layers!r}."
    )
