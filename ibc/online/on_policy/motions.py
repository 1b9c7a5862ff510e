"""How an agent's motions compare with demonstrations, for bodies of MuJoCo."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from ibc.data import pairs
from ibc.environments import bodies
from ibc.eval import motion_metrics

_MOST_DEMONSTRATIONS = 10


class Motions:
    """Measures poses and smoothness of episodes from what was observed in them.

    The measures are those of Diwan et al., arXiv 2501.14856, of whole episodes; none but the poses'
    error depends on the demonstrations.
    """

    def __init__(self, body: bodies.Body, recording: pairs.Recording, repeat: int = 1):
        """Takes the first ten demonstrations.

        Args:
          body: Whose motions these are.
          recording: The demonstrations, an observation for each step of the environment.
          repeat: Steps of the environment from one observation of an agent to the next.

        Raises:
          ValueError: The demonstrations are of something else.
        """
        size = recording.states.shape[1]
        if size < body.state_size:
            raise ValueError(
                f"the demonstrations have states of {size} numbers, but the joints of the body "
                f"have {body.state_size}: give online_train_eval.dataset_path."
            )
        self._body, self._repeat = body, repeat
        self._return = None if recording.returns is None else float(recording.returns.mean())
        self._shown = [
            self._motion(episode, 1) for episode in recording.episodes()[:_MOST_DEMONSTRATIONS]
        ]

    def _motion(self, observations: np.ndarray, repeat: int) -> motion_metrics.Motion:
        positions = self._body.positions(observations, repeat)
        return motion_metrics.Motion(positions, self._body.seconds * repeat)

    def measure(self, paths: Sequence[np.ndarray], mean_return: float) -> dict[str, float]:
        """Returns means over an agent's episodes, under the names of `MotionMeasures`.

        Args:
          paths: What was observed in each episode [T, O], its end included.
          mean_return: Of the episodes; as a share of the demonstrations' it is
            `test_returns_of_demonstrations`, where these bring more than nothing.
        """
        measured = [
            motion_metrics.measure(self._motion(path, self._repeat), self._shown) for path in paths
        ]
        found = dataclasses.asdict(motion_metrics.mean_of(measured))
        if self._return is not None and self._return > 0:
            found["test_returns_of_demonstrations"] = mean_return / self._return
        return found

    def of_demonstrations(self) -> dict[str, float]:
        """Returns the same of the demonstrations, each compared with the others, and their return.

        A single one is compared with itself.
        """
        measured = [
            motion_metrics.measure(one, [each for each in self._shown if each is not one] or [one])
            for one in self._shown
        ]
        found = dataclasses.asdict(motion_metrics.mean_of(measured))
        return found if self._return is None else found | {"test_returns": self._return}
