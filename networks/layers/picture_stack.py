"""Convolutions of videos' pictures, up or down, each with its normalization and activation."""

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from ibc.networks.layers import fan_in_variables, frame_norm

_SLOPE = 0.01


@dataclasses.dataclass(frozen=True)
class Block:
    """A convolution without padding, and what follows it."""

    channels: int
    """Of its output."""
    kernel: int = 1
    """Its side."""
    stride: int = 1
    transposed: bool = False
    """Whether it enlarges pictures."""
    output_padding: int = 0
    """Rows and columns that a transposed one appends, as the input's size does not tell."""
    order: str = "na"
    """What follows: n, normalization, and a, LeakyReLU 0.01, in this order."""

    def side(self, before: int) -> int:
        """Returns the side of output pictures, given that of inputs."""
        if self.transposed:
            return (before - 1) * self.stride + self.kernel + self.output_padding
        return (before - self.kernel) // self.stride + 1


class PictureStack(tf.Module):
    """Blocks one after the other, over all pictures of a video at once."""

    def __init__(
        self,
        channels: int,
        blocks: Sequence[Block],
        draw: fan_in_variables.Drawing,
        per_frame: bool = True,
        name: str = "picture_stack",
    ):
        """Creates the variables.

        Args:
          channels: Of the input.
          blocks: In the order of their use.
          draw: Draws kernels and biases; a transposed kernel's fan_in counts its outputs.
          per_frame: Whether each time step has moments of its own in training, as published.
          name: Name of the variables.
        """
        super().__init__(name=name)
        self._blocks, self._per_frame = blocks, per_frame
        self.kernels: list[tf.Variable] = []
        self.biases: list[tf.Variable] = []
        self.norms: list[frame_norm.FrameNorm | None] = []
        for number, block in enumerate(blocks):
            inner = [channels, block.channels]
            if block.transposed:
                inner.reverse()
            shape = [block.kernel, block.kernel, *inner]
            fan_in = block.kernel**2 * inner[0]
            self.kernels.append(draw(shape, fan_in, f"{number}_kernel"))
            self.biases.append(draw([block.channels], fan_in, f"{number}_bias"))
            has_norm = "n" in block.order
            self.norms.append(frame_norm.FrameNorm(block.channels) if has_norm else None)
            channels = block.channels

    def __call__(self, pictures: tf.Tensor, frames: tf.Tensor, training: bool) -> tf.Tensor:
        """Applies the blocks.

        Args:
          pictures: float32 [T·V, H, W, channels], time step by time step.
          frames: T.
          training: See `FrameNorm`.

        Returns:
          float32 [T·V, H', W', channels'].
        """
        values, groups = pictures, frames if self._per_frame else 1
        for block, *variables, norm in zip(
            self._blocks, self.kernels, self.biases, self.norms, strict=True
        ):
            values = _convolved(block, values, *variables)
            for part in block.order:
                if part == "a":
                    values = tf.nn.leaky_relu(values, _SLOPE)
                else:
                    values = norm(values, groups, training)
        return values


def _convolved(
    block: Block, values: tf.Tensor, kernel: tf.Variable, bias: tf.Variable
) -> tf.Tensor:
    if not block.transposed:
        return tf.nn.conv2d(values, kernel, block.stride, "VALID") + bias
    height, width = (block.side(side) for side in values.shape[1:3])
    shape = [tf.shape(values)[0], height, width, block.channels]
    return tf.nn.conv2d_transpose(values, kernel, shape, block.stride, "VALID") + bias
