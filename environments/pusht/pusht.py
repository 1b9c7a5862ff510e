"""Pushing a T-shaped block onto its goal: gym-pusht's simulation, published starts and points.

The task of Florence et al., Implicit Behavioral Cloning, 2021, as Chi et al., Diffusion Policy,
2023, made it a benchmark.
"""

from collections.abc import Mapping

import gin
import gymnasium
import numpy as np
from gymnasium import spaces

from ibc.environments.pusht import keypoints, simulation
from ibc.environments.pusht import task as pusht_task
from ibc.utils import parameters

TEST_SEED = 100_000
"""Seed of the first published test start; the next ones follow."""

Observation = dict[str, np.ndarray] | np.ndarray

_SIDE_PIXELS = 512
# The disc passes through walls, and a block may start in one.
_BOUNDS = (-_SIDE_PIXELS, 2 * _SIDE_PIXELS)
_IMAGE_SHAPE = (96, 96, 3)
_STILL_PIXELS = 1.0


def _box(size: int) -> spaces.Box:
    return spaces.Box(*_BOUNDS, (size,), np.float32)


_SPACES = {
    "keypoints": spaces.Dict({"agent_pos": _box(2), "keypoints": _box(18)}),
    "image": spaces.Dict(
        {"agent_pos": _box(2), "image": spaces.Box(0, 255, _IMAGE_SHAPE, np.uint8)}
    ),
    "flat": _box(20),
    "state": _box(5),
}


@gin.configurable
class PushTEnv(gymnasium.Env):
    """A disc that pushes a T on a table of 512 × 512 pixels; y points down.

    Action (float32 [2]): where the disc shall be, in pixels, held for 0.1 s. Reward: the share of
    the goal that the block covers, over 0.95, at most 1. An episode ends when the share exceeds
    0.95. Observation (float32, pixels), by the parameter `observation`:

    - `keypoints`: dict of `keypoints` [18], x and y of nine points of the block in turn, and
      `agent_pos` [2], where the disc is;
    - `image`: dict of `image` [96, 96, 3] (uint8), without the mark of the action, and `agent_pos`;
    - `flat`: [20], as published: the key-points, then the disc;
    - `state`: [5], as gym-pusht: the disc, the block's position, its angle in [0, 2π).
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012 (Gymnasium's name)

    control_frequency = 10.0
    """Environment steps per second."""

    def __init__(
        self,
        observation: str = "keypoints",
        first_seed: int = TEST_SEED,
        render_mode: str | None = None,
    ):
        """Creates the environment.

        Args:
          observation: What is observed: 'keypoints', 'image', 'flat' or 'state'.
          first_seed: Published seed of the start that `reset(seed=0)` means; 0 for the starts
            0, 1, … that the published code reports as training's.
          render_mode: None or 'rgb_array'.

        Raises:
          ValueError: A parameter is out of range; the message names it.
          ImportError: The simulator is not installed; the message says how to install it.
        """
        if observation not in _SPACES:
            raise ValueError(
                f"PushTEnv.observation must be one of {', '.join(_SPACES)}, got {observation!r}."
            )
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(
                f"PushTEnv.render_mode must be None or 'rgb_array', got {render_mode!r}."
            )
        parameters.check_whole("PushTEnv", least=0, most=2**32 - 1, first_seed=first_seed)
        self.observation = observation
        self.first_seed = first_seed
        self.render_mode = render_mode
        self.simulator = simulation.make(observes_pictures=observation == "image")
        self.observation_space = _SPACES[observation]
        self.action_space = spaces.Box(0.0, _SIDE_PIXELS, (2,), np.float32)
        self._rng = np.random.RandomState(first_seed)
        self._start_counting()

    def reset(
        self, *, seed: int | None = None, options: Mapping | None = None
    ) -> tuple[Observation, dict]:
        """Starts an episode.

        Args:
          seed: Number of a start: n means the published seed `first_seed` + n. Without it the
            next start is drawn.
          options: May hold `reset_to_state`: disc, position of the block, its angle [5], set one
            after the other as published; see `simulation.request_of`.

        Returns:
          Observation, {}.

        Raises:
          ValueError: The state has the wrong shape or is not finite.
        """
        super().reset(seed=seed)
        if seed is not None:
            self._rng = np.random.RandomState((self.first_seed + seed) % 2**32)
        state = (options or {}).get("reset_to_state")
        return self._start(simulation.draw_start(self._rng) if state is None else state), {}

    def restore(self, observation: Mapping[str, np.ndarray]) -> Observation:
        """Starts an episode in the state that an observation tells, with everything at rest.

        Args:
          observation: Has `agent_pos` [2] and `block_pose` [3] (x, y, angle) or, in its stead,
            `keypoints` [18].

        Returns:
          The observation 0.01 s later, as after every reset.

        Raises:
          ValueError: A part of the state is not in the observation.
        """
        told = observation if isinstance(observation, Mapping) else {}
        if "agent_pos" not in told or not {"block_pose", "keypoints"}.intersection(told):
            raise ValueError(
                "PushTEnv is restored from an observation with agent_pos and block_pose or "
                f"keypoints, but this one has {', '.join(told) or 'no keys'}."
            )
        if "block_pose" in told:
            pose = told["block_pose"]
        else:
            pose = keypoints.pose_of(told["keypoints"])
        return self._start(simulation.request_of(told["agent_pos"], pose))

    def step(self, action: np.ndarray) -> tuple[Observation, float, bool, bool, dict]:
        """Steers the disc towards `action` [2], pixels, which may lie off the table, for 0.1 s.

        Returns:
          Observation, reward, terminated, truncated (never), {'coverage': share of the goal}.

        Raises:
          ValueError: The action has the wrong shape or is not finite.
        """
        target = np.asarray(action, np.float64)
        if target.shape != (2,) or not np.isfinite(target).all():
            raise ValueError(f"PushTEnv needs actions of 2 finite numbers, got {action}.")
        before = self.agent_pos
        seen, reward, terminated, _, info = self.simulator.step(target)
        self._steps += 1
        self._still_steps += np.linalg.norm(self.agent_pos - before) < _STILL_PIXELS
        self.final_reward = float(reward)
        self.max_reward = max(self.max_reward, self.final_reward)
        self.succeeded = bool(terminated)
        told = {"coverage": float(info["coverage"])}
        return self._observe(seen), self.final_reward, self.succeeded, False, told

    def compute_state(self) -> Observation:
        """Returns what is observed now, in float64 (an image in uint8)."""
        return self._present(self.simulator.get_obs())

    def render(self) -> np.ndarray | None:
        """Returns a picture with a cross where the action is, uint8 [680, 680, 3]."""
        return None if self.render_mode is None else self.simulator.render()

    def plan_scene(self, chunks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns a picture without the cross, and the disc's way by chunks of targets over it.

        Args:
          chunks: Actions [N, P, 2].

        Returns:
          uint8 [680, 680, 3]; x and y in its pixels, [N, 1 + P, 2]: the disc, then the targets.
        """
        shown, self.simulator._last_action = self.simulator._last_action, None
        picture = self.simulator.render()
        self.simulator._last_action = shown
        chunks = np.asarray(chunks, np.float64)
        start = np.broadcast_to(self.agent_pos, (len(chunks), 1, 2))
        lines = np.concatenate([start, chunks], axis=1)
        return picture, lines * (picture.shape[1] / _SIDE_PIXELS)

    def close(self) -> None:
        """Releases the simulator; may be called twice."""
        self.simulator.close()

    def get_metrics(self, num_episodes: int) -> tuple[list, object]:
        """Returns metrics averaging the last `num_episodes` episodes, and the task's score."""
        from ibc.environments.pusht import pusht_metrics  # imports TensorFlow

        return pusht_metrics.make_metrics(self, num_episodes)

    @property
    def agent_pos(self) -> np.ndarray:
        """Where the disc is, pixels [2]."""
        return np.array(self.simulator.agent.position)

    @property
    def resting_action(self) -> np.ndarray:
        """The action [2] that has the disc stay where it is."""
        return self.agent_pos

    @property
    def block_pose(self) -> np.ndarray:
        """Position, pixels, and angle, radians, of the block [3]."""
        block = self.simulator.block
        return np.array([*block.position, block.angle])

    @property
    def standing_still(self) -> float:
        """Share of the episode's steps in which the disc moved less than a pixel."""
        return self._still_steps / max(self._steps, 1)

    def _start(self, state: np.ndarray) -> Observation:
        state = np.asarray(state, np.float64)
        if state.shape != (5,) or not np.isfinite(state).all():
            raise ValueError(f"PushTEnv starts from a state of 5 finite numbers, got {state}.")
        seen, _ = self.simulator.reset(options={"reset_to_state": state})
        # Or the first picture would have the cross of the episode before.
        self.simulator._last_action = None
        self._start_counting()
        return self._observe(seen)

    def _start_counting(self) -> None:
        self.max_reward = 0.0
        self.final_reward = 0.0
        self.succeeded = False
        self._steps = self._still_steps = 0

    def _observe(self, seen: np.ndarray) -> Observation:
        observed = self._present(seen)
        if isinstance(observed, np.ndarray):
            return observed.astype(np.float32)
        types = self.observation_space
        return {key: value.astype(types[key].dtype) for key, value in observed.items()}

    def _present(self, seen: np.ndarray) -> Observation:
        """Makes what is observed of what gym-pusht observes: a picture, or its state."""
        if self.observation == "state":
            return seen
        if self.observation == "image":
            return {"agent_pos": self.agent_pos, "image": seen}
        points = keypoints.keypoints_of(self.block_pose).ravel()
        if self.observation == "flat":
            return np.concatenate([points, self.agent_pos])
        return {"agent_pos": self.agent_pos, "keypoints": points}


pusht_task.register()
