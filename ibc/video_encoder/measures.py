"""How well the space of a video encoder tells the expert's videos from others'."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from scipy import stats

from ibc.losses import contrastive_loss
from ibc.networks import video_encoder
from ibc.rewards import measurements

_DRAWS = 8
_VIDEOS_AT_ONCE = 32


def encoded(encoder: video_encoder.VideoEncoder, videos: np.ndarray) -> np.ndarray:
    """Returns h, float32 [T + 1, V, z], of videos [T + 1, V, H, W, 3] of scaled Lab."""
    parts = [
        encoder(tf.constant(videos[:, start : start + _VIDEOS_AT_ONCE])).numpy()
        for start in range(0, videos.shape[1], _VIDEOS_AT_ONCE)
    ]
    return np.concatenate(parts, 1)


def similarities(
    own: np.ndarray, expert: np.ndarray, draw: np.random.Generator, is_expert: bool
) -> np.ndarray:
    """Returns cos(h_t, h_t of one of the expert's videos) [T, V], t from 1.

    Args:
      own: h of videos [T + 1, V, z].
      expert: h of the expert's [T + 1, E, z].
      draw: Draws one of them for each video.
      is_expert: Whether `own` are the expert's, none of which is compared with itself.
    """
    count, among = own.shape[1], expert.shape[1]
    if is_expert:
        partners = (np.arange(count) + draw.integers(1, among, count)) % among
    else:
        partners = draw.integers(among, size=count)
    return contrastive_loss.cosine(own[1:], expert[1:, partners]).numpy()


def report(
    hidden: Mapping[str, np.ndarray], returns: Mapping[str, np.ndarray | None], seed: int = 0
) -> dict:
    """Compares the expert's held-out videos with each other class's.

    A video is worth its similarity to one of the expert's at the end, `final`, or the sum of all of
    them, `return`; areas under curves are means over several draws of that one.

    Args:
      hidden: h of each class's videos [T + 1, V, z], the expert's first.
      returns: True return of each [V], None where it is not known.
      seed: Of the draws.

    Returns:
      `auc`: class → {'final', 'return'}, how probably a video of the expert is worth more;
      `spearman`: rank correlation of these with the true return over all videos, if it is known.
    """
    draw = np.random.default_rng(seed)
    labels = list(hidden)
    expert = hidden[labels[0]]
    aucs: dict[str, dict[str, list[float]]] = {
        label: {"final": [], "return": []} for label in labels[1:]
    }
    correlations: dict[str, list[float]] = {"final": [], "return": []}
    known = all(returns[label] is not None for label in labels)
    for _ in range(_DRAWS):
        values = {
            label: similarities(hidden[label], expert, draw, label == labels[0]) for label in labels
        }
        for kind, worth in (("final", lambda of: of[-1]), ("return", lambda of: of.sum(0))):
            for label in labels[1:]:
                found = measurements.auc(worth(values[labels[0]]), worth(values[label]))
                aucs[label][kind].append(found)
            if known:
                all_values = np.concatenate([worth(values[label]) for label in labels])
                true = np.concatenate([np.asarray(returns[label]) for label in labels])
                correlations[kind].append(float(stats.spearmanr(all_values, true).statistic))
    means = {
        label: {kind: float(np.mean(found)) for kind, found in kinds.items()}
        for label, kinds in aucs.items()
    }
    ranks = {kind: float(np.mean(found)) for kind, found in correlations.items() if found}
    return {"auc": means, "spearman": ranks}
