"""Encodes videos: a convolutional network per frame, an LSTM over them, and a decoder.

The networks of BootIfOL (arXiv 2302.06540). A frame is a picture in CIE Lab; its light and its
colours go through two networks of one form, whose outputs are the halves of the frame's embedding e
of size z. The LSTM makes of e_0 … e_t the embedding h_t of the video so far.
"""

import dataclasses

import tensorflow as tf

from ibc.networks.layers import fan_in_variables, lstm, picture_stack
from ibc.utils import parameters

KERNELS = {32: (5, 5, 5), 64: (5, 5, 5, 5), 84: (5, 5, 5, 7)}
"""Side of pictures → those of the convolutions, which have stride 2 and end at one pixel."""
_OUTPUT_PADDINGS = {32: (0, 1, 1), 64: (0, 0, 1, 1), 84: (0, 1, 1, 1)}


@dataclasses.dataclass(frozen=True)
class Architecture:
    """What a `VideoEncoder` is made of, but for its numbers."""

    image_size: int = 64
    """Height and width of pictures: 32, 64 or 84."""
    hidden_dim: int = 128
    """z, an even number."""
    widths: tuple[int, ...] = (64, 128, 256, 512)
    """Channels of the convolutions, one for each of `KERNELS[image_size]`."""
    batch_norm_per_frame: bool = True
    """Whether, in training, each time step has moments of its own, as published."""

    def __post_init__(self):
        """Checks the numbers.

        Raises:
          ValueError: Pictures would not end as one pixel, or embeddings not have two halves.
        """
        if self.image_size not in KERNELS:
            raise ValueError(
                f"im_w is {self.image_size!r}, but there are networks for pictures "
                f"of {', '.join(map(str, KERNELS))} pixels."
            )
        parameters.check_whole("cmc_model", hidden_dim=self.hidden_dim)
        if self.hidden_dim % 2:
            raise ValueError(
                f"cmc_model.hidden_dim is {self.hidden_dim}, but light and colours have half of it "
                "each: give an even number."
            )
        depth = len(KERNELS[self.image_size])
        if not isinstance(self.widths, (tuple, list)) or len(self.widths) != depth:
            raise ValueError(
                f"cmc_model.widths is {self.widths!r}, but pictures of {self.image_size} pixels "
                f"take {depth} convolutions to end as one: give {depth} widths."
            )
        for width in self.widths:
            parameters.check_whole("cmc_model", widths=width)

    def branch(self) -> list[picture_stack.Block]:
        """Returns one of the two networks from a picture's channels to z/2."""
        half = self.hidden_dim // 2
        kernels = zip(self.widths, KERNELS[self.image_size], strict=True)
        down = [picture_stack.Block(width, kernel, 2) for width, kernel in kernels]
        return [*down, picture_stack.Block(4 * half), picture_stack.Block(half, order="")]

    def decoder(self) -> list[picture_stack.Block]:
        """Returns the network from z to a picture."""
        published_84 = self.image_size == 84  # its order of layers is another
        kernels = KERNELS[self.image_size][::-1]
        channels = [*self.widths[-2::-1], 3]
        orders = ["an" if published_84 else "na"] * (len(kernels) - 1) + [""]
        up = [
            picture_stack.Block(count, kernel, 2, True, padding, order)
            for count, kernel, padding, order in zip(
                channels, kernels, _OUTPUT_PADDINGS[self.image_size], orders, strict=True
            )
        ]
        first = picture_stack.Block(4 * self.hidden_dim, order="na" if published_84 else "a")
        return [first, picture_stack.Block(self.widths[-1]), *up]


class VideoEncoder(tf.Module):
    """CNN, LSTM, predictor of the next frame's embedding, decoder.

    Videos are time-major, [T, V, …], as all frames of all videos go through the CNN in one call.
    """

    def __init__(
        self,
        architecture: Architecture | None = None,
        seed: int = 0,
        name: str = "video_encoder",
    ):
        """Creates the variables, uniform within ±1/√fan_in.

        Args:
          architecture: What it is made of; the published one for 64 pixels if None.
          seed: Of the variables.
          name: Name of the variables.
        """
        super().__init__(name=name)
        self.architecture = architecture = architecture or Architecture()
        draw, size = fan_in_variables.Drawing(seed), architecture.hidden_dim
        per_frame = architecture.batch_norm_per_frame
        self.light, self.colours = (
            picture_stack.PictureStack(channels, architecture.branch(), draw, per_frame, name)
            for channels, name in ((1, "light"), (2, "colours"))
        )
        self.decoder = picture_stack.PictureStack(
            size, architecture.decoder(), draw, per_frame, "decoder"
        )
        self.sequence = lstm.Lstm(size, draw)
        self.predictor = Predictor(size, draw)

    def embed_frames(self, pictures: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns e [T, V, z].

        Args:
          pictures: float32 [T, V, H, W, 3], Lab as `video_dataset` normalizes it.
          training: Whether moments are the batch's, see `FrameNorm`.
        """
        shape = tf.shape(pictures)
        rows = tf.reshape(pictures, [-1, *pictures.shape[2:]])
        halves = [
            network(part, shape[0], training)
            for network, part in ((self.light, rows[..., :1]), (self.colours, rows[..., 1:]))
        ]
        size = self.architecture.hidden_dim
        return tf.reshape(tf.concat(halves, -1), [shape[0], shape[1], size])

    def decode(self, embeddings: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns pictures [T, V, H, W, 3] of e [T, V, z]; see `embed_frames`."""
        shape, side = tf.shape(embeddings), self.architecture.image_size
        rows = tf.reshape(embeddings, [-1, 1, 1, self.architecture.hidden_dim])
        pictures = self.decoder(rows, shape[0], training)
        return tf.reshape(pictures, [shape[0], shape[1], side, side, 3])

    def predictions(
        self, outputs: tf.Tensor, states: list[lstm.State], k: tf.Tensor | int
    ) -> list[tf.Tensor]:
        """Returns e_{k+1} as predicted from a prefix, and e_{k+2} from it and that, each [V, z].

        Args:
          outputs: h [T, V, z], as `sequence` returns them.
          states: The states beside them.
          k: Index of the prefix' last frame.
        """
        first = self.predictor(outputs[k])
        later, _ = self.sequence(first[tf.newaxis], self.sequence.at(states, k))
        return [first, self.predictor(later[-1])]

    def __call__(self, pictures: tf.Tensor) -> tf.Tensor:
        """Returns h [T, V, z] of videos as they are used, not trained; see `embed_frames`."""
        return self.sequence(self.embed_frames(pictures))[0]

    @property
    def frame_weights(self) -> list[tf.Variable]:
        """What is trained of the CNN."""
        return [*self.light.trainable_variables, *self.colours.trainable_variables]

    @property
    def sequence_weights(self) -> list[tf.Variable]:
        """What is trained of LSTM and predictor."""
        return [*self.sequence.weights, *self.predictor.weights]

    @property
    def weights(self) -> list[tf.Variable]:
        """All that is trained."""
        return [*self.frame_weights, *self.decoder.trainable_variables, *self.sequence_weights]


class Predictor(tf.Module):
    """W₁ relu(W₀ h + b₀) + b₁, from h to the next e."""

    def __init__(self, size: int, draw: fan_in_variables.Drawing, name: str = "predictor"):
        """Creates the variables of two layers of `size` units."""
        super().__init__(name=name)
        self.weights = [
            draw(shape, size, f"{layer}_{kind}")
            for layer in range(2)
            for kind, shape in (("kernel", [size, size]), ("bias", [size]))
        ]

    def __call__(self, hidden: tf.Tensor) -> tf.Tensor:
        """Returns e [V, z] of h [V, z]."""
        first, first_bias, second, second_bias = self.weights
        return tf.matmul(tf.nn.relu(tf.matmul(hidden, first) + first_bias), second) + second_bias
