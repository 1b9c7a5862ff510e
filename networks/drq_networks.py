"""The networks of DrQ-v2 (arXiv 2107.09645): encoders of pictures or states, actor and critic."""

import itertools

import tensorflow as tf

from ibc.networks.layers import frame_norm, perceptron

_CHANNELS = 32
_STRIDES = (2, 1, 1, 1)
_SIDE = 3
_STATE_UNITS = 512
_SLOPE = 0.01
_EPSILON = 1e-5


class PixelEncoder(tf.Module):
    """Four 3×3 convolutions to 32 channels, without padding, ReLU after each; flattened."""

    def __init__(self, shape: tuple[int, int, int], seed: int = 0, name: str = "encoder"):
        """Creates the variables: orthogonal with gain √2, biases 0.

        Args:
          shape: Height, width and channels of stacked frames.
          seed: Of the kernels.
          name: Name of the variables.

        Raises:
          ValueError: The pictures are too small for four convolutions.
        """
        super().__init__(name=name)
        height, width, channels = shape
        self.kernels, self.biases = [], []
        for stride, layer_seed in zip(_STRIDES, _seeds(seed, len(_STRIDES)), strict=True):
            height, width = ((side - _SIDE) // stride + 1 for side in (height, width))
            rows = [_SIDE * _SIDE * channels, _CHANNELS]
            kernel = perceptron.orthogonal(rows, 2**0.5, layer_seed)
            shaped = tf.reshape(kernel, [_SIDE, _SIDE, channels, _CHANNELS])
            self.kernels.append(tf.Variable(shaped, name=f"kernel_{len(self.kernels)}"))
            self.biases.append(tf.Variable(tf.zeros([_CHANNELS]), name=f"bias_{len(self.biases)}"))
            channels = _CHANNELS
        if min(height, width) < 1:
            raise ValueError(
                f"Pictures of {shape[0]}×{shape[1]} pixels are too small for this encoder, whose "
                "four convolutions need 15×15."
            )
        self.size = height * width * channels
        """Numbers of an encoding."""

    @property
    def weights(self) -> list[tf.Variable]:
        """Kernel and bias of each convolution in turn."""
        return list(itertools.chain(*zip(self.kernels, self.biases, strict=True)))

    def __call__(self, pictures: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns encodings float32 [B, size] of pictures [B, H, W, C] from 0 to 255.

        They are flattened channel by channel, as published weights expect it.
        """
        del training
        values = tf.cast(pictures, tf.float32) / 255 - 0.5
        for kernel, bias, stride in zip(self.kernels, self.biases, _STRIDES, strict=True):
            values = tf.nn.relu(tf.nn.conv2d(values, kernel, stride, "VALID") + bias)
        return tf.reshape(tf.transpose(values, [0, 3, 1, 2]), [-1, self.size])


class StateEncoder(tf.Module):
    """Linear, BatchNorm, LeakyReLU 0.01, linear: what encodes states or embeddings."""

    def __init__(
        self, state_size: int, units: int = _STATE_UNITS, seed: int = 0, name: str = "encoder"
    ):
        """Creates the variables: orthogonal with gain 1, biases 0.

        Args:
          state_size: Numbers of a state.
          units: Numbers of an encoding, and of the layer before it.
          seed: Of the kernels.
          name: Name of the variables.
        """
        super().__init__(name=name)
        self.layers = [
            _linear(inputs, units, layer_seed, f"layer_{number}")
            for number, (inputs, layer_seed) in enumerate(
                zip((state_size, units), _integer_seeds(seed, 2), strict=True)
            )
        ]
        self.norm = frame_norm.FrameNorm(units)
        self.size = units
        """Numbers of an encoding."""

    @property
    def weights(self) -> list[tf.Variable]:
        """First layer, scale and offset of the normalization, second layer."""
        norm = [self.norm.scale, self.norm.offset]
        return [*self.layers[0].weights, *norm, *self.layers[1].weights]

    def __call__(self, states: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns encodings float32 [B, size] of states [B, S].

        In training, the normalization takes the batch's moments, which move the running ones.
        """
        normalized = self.norm(self.layers[0](states), 1, training)
        return self.layers[1](tf.nn.leaky_relu(normalized, _SLOPE))


class Trunk(tf.Module):
    """tanh(LayerNorm(Wx + b)): makes few numbers of an encoding."""

    def __init__(self, inputs: int, feature_dim: int, seed: int, name: str = "trunk"):
        """Creates the variables: an orthogonal kernel, and the identity as normalization."""
        super().__init__(name=name)
        self.layer = _linear(inputs, feature_dim, seed, f"{name}_layer")
        self.scale = tf.Variable(tf.ones([feature_dim]), name=f"{name}_scale")
        self.offset = tf.Variable(tf.zeros([feature_dim]), name=f"{name}_offset")

    @property
    def weights(self) -> list[tf.Variable]:
        """Kernel, bias, scale and offset."""
        return [*self.layer.weights, self.scale, self.offset]

    def __call__(self, encoding: tf.Tensor) -> tf.Tensor:
        """Returns float32 [B, feature_dim], within ±1."""
        values = self.layer(encoding)
        mean, variance = tf.nn.moments(values, -1, keepdims=True)
        normalized = (values - mean) * tf.math.rsqrt(variance + _EPSILON)
        return tf.tanh(normalized * self.scale + self.offset)


class Actor(tf.Module):
    """μ = tanh(f(trunk(h)))."""

    def __init__(
        self,
        encoding_size: int,
        action_size: int,
        feature_dim: int = 50,
        hidden_size: int = 1024,
        seed: int = 0,
        name: str = "actor",
    ):
        """Creates the variables.

        Args:
          encoding_size: Numbers of h.
          action_size: A.
          feature_dim: Numbers that the trunk makes of h.
          hidden_size: Units of each of two hidden layers.
          seed: Of the kernels.
          name: Name of the variables.
        """
        super().__init__(name=name)
        seeds = _integer_seeds(seed, 2)
        self.trunk = Trunk(encoding_size, feature_dim, seeds[0])
        self.head = _head(feature_dim, action_size, hidden_size, seeds[1], f"{name}_head")

    @property
    def weights(self) -> list[tf.Variable]:
        """Of the trunk, then of the head."""
        return [*self.trunk.weights, *self.head.weights]

    def __call__(self, encoding: tf.Tensor) -> tf.Tensor:
        """Returns the mean action [B, A], within ±1, of encodings [B, size]."""
        return tf.tanh(self.head(self.trunk(encoding)))


class Critic(tf.Module):
    """Q₁ and Q₂ of [trunk(h), a]."""

    def __init__(
        self,
        encoding_size: int,
        action_size: int,
        feature_dim: int = 50,
        hidden_size: int = 1024,
        seed: int = 0,
        name: str = "critic",
    ):
        """Creates the variables, as for `Actor`."""
        super().__init__(name=name)
        seeds = _integer_seeds(seed, 3)
        self.trunk = Trunk(encoding_size, feature_dim, seeds[0])
        self.heads = [
            _head(feature_dim + action_size, 1, hidden_size, head_seed, f"{name}_head_{number}")
            for number, head_seed in enumerate(seeds[1:])
        ]

    @property
    def weights(self) -> list[tf.Variable]:
        """Of the trunk, then of both heads."""
        return [*self.trunk.weights, *self.heads[0].weights, *self.heads[1].weights]

    def __call__(self, encoding: tf.Tensor, action: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns both values, [B] each, of encodings [B, size] and actions [B, A]."""
        inputs = tf.concat([self.trunk(encoding), action], axis=-1)
        first, second = (tf.squeeze(head(inputs), -1) for head in self.heads)
        return first, second

    def lower(self, encoding: tf.Tensor, action: tf.Tensor) -> tf.Tensor:
        """Returns min(Q₁, Q₂) [B]."""
        return tf.minimum(*self(encoding, action))


def _linear(inputs: int, outputs: int, seed: int, name: str) -> perceptron.Perceptron:
    return perceptron.Perceptron(inputs, outputs, depth=0, seed=seed, name=name)


def _head(inputs: int, outputs: int, hidden_size: int, seed: int, name: str):
    return perceptron.Perceptron(inputs, outputs, hidden_size, gain=1.0, seed=seed, name=name)


def _seeds(seed: int, count: int) -> tf.Tensor:
    return tf.random.split(tf.constant([seed, 0]), count)


def _integer_seeds(seed: int, count: int) -> list[int]:
    return [int(drawn) for drawn in _seeds(seed, count)[:, 0]]
