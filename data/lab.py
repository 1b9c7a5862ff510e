"""CIE Lab colours (illuminant D65, 2° observer) of sRGB pictures, and scaled for networks."""

import functools

import numpy as np
import scipy.linalg

_MATRIX = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
_INVERSE = scipy.linalg.inv(_MATRIX)
_WHITE = np.array([0.95047, 1.0, 1.08883])
_OFFSET = np.array([50.0, 6.025, -6.6895])
_SCALE = np.array([50.0, 92.208, 101.1675])
_LINEAR_BELOW = 0.008856
_PICTURES_AT_ONCE = 512


def from_rgb(pictures: np.ndarray) -> np.ndarray:
    """Returns L, a, b, float64 [..., 3], of sRGB pictures, uint8 [..., 3]."""
    linear = _linear_light()[pictures] @ (_MATRIX / _WHITE[:, np.newaxis]).T
    cubic = np.where(linear > _LINEAR_BELOW, np.cbrt(linear), 7.787 * linear + 16 / 116)
    x, y, z = np.moveaxis(cubic, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def to_rgb(colours: np.ndarray) -> np.ndarray:
    """Returns the sRGB pictures, uint8 [..., 3] rounded down, of L, a, b [..., 3]."""
    # Pictures end at whole numbers but for rounding: operations and their order are the published.
    light, a, b = np.moveaxis(np.asarray(colours, np.float64), -1, 0)
    y = (light + 16) / 116
    cubic = np.stack([y + a / 500, y, np.maximum(y - b / 200, 0)], -1)
    linear = np.where(cubic > 0.2068966, cubic**3, (cubic - 16 / 116) / 7.787) * _WHITE
    linear = np.einsum("...j,ij->...i", linear, _INVERSE)
    curved = 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055
    values = np.where(linear > 0.0031308, curved, 12.92 * linear)
    return (255 * np.clip(values, 0, 1)).astype(np.uint8)


def normalized(pictures: np.ndarray) -> np.ndarray:
    """Returns Lab scaled to about ±1, float32 [..., 3], of sRGB pictures, uint8 [N, ..., 3].

    (L − 50)/50, (a − 6.025)/92.208, (b + 6.6895)/101.1675.
    """
    found = np.empty(pictures.shape, np.float32)
    for start in range(0, len(pictures), _PICTURES_AT_ONCE):  # float64 takes much memory
        part = slice(start, start + _PICTURES_AT_ONCE)
        found[part] = (from_rgb(pictures[part]) - _OFFSET) / _SCALE
    return found


def denormalized(values: np.ndarray) -> np.ndarray:
    """Returns the sRGB pictures, uint8 [..., 3], of scaled Lab [..., 3]."""
    return to_rgb(np.asarray(values, np.float64) * _SCALE + _OFFSET)


@functools.cache
def _linear_light() -> np.ndarray:
    """Returns the linear light of each of the 256 values, float64."""
    values = np.arange(256) / 255
    return np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)
