"""Plays one class's episodes and takes pictures of them."""

import numpy as np

from ibc.data import video_files
from ibc.data.recording import policies, video_options
from ibc.environments import contract, suite, video


class VideoPlayer:
    """The environment and the policy of one class."""

    def __init__(self, options: video_options.VideoOptions, label: int):
        """Loads the environment; gin has been parsed.

        Args:
          options: What is recorded.
          label: Of which class.

        Raises:
          ValueError: The policy does not fit the environment.
        """
        self._options, self._steps, self._repeat = options, options.steps(), options.repeat()
        self._run = options.evaluation(options.policies()[label])
        self._env = policies.load_environment(self._run, self._steps * self._repeat)
        self._take = None
        self._exported = None
        if self._run.saved_model_path is not None:  # takes seconds, and draws nothing of its own
            self._exported = policies.make(self._run, self._env, options.seed)

    def play(self, job: video_options.Job) -> tuple[np.ndarray, float]:
        """Plays an episode; returns its video, uint8 [T + 1, height, width, 3], and its return.

        Where an episode ends before its time, its last picture is repeated.

        Raises:
          ValueError: The environment draws no pictures.
        """
        of_env, of_policy = _seeds(self._options.seed, job)
        self._env.seed(of_env)
        step = self._env.reset()
        policy = self._exported or policies.make(self._run, self._env, of_policy)
        state = policy.get_initial_state(1)
        self._take = take = self._take or self._camera()
        pictures, value = [take()], 0.0
        while len(pictures) <= self._steps:
            if step.is_last():
                pictures.append(pictures[-1])
                continue
            made = policy.action(step, state)
            state = made.state
            for _ in range(self._repeat):
                step = self._env.step(made.action)
                value += float(step.reward)
                if step.is_last():
                    break
            pictures.append(take())
        return np.stack(pictures), value

    def _camera(self):
        height, width = self._options.height, self._options.width
        inner = suite.gym_env(self._env)
        if contract.offers(self._env, "picture"):
            return lambda: inner.picture(height, width)
        paint = video.painter(inner)
        return lambda: video_files.resized(np.asarray(paint())[np.newaxis], height, width)[0]


def _seeds(seed: int, job: video_options.Job) -> tuple[int, int]:
    """Returns the seeds of environment and policy, which no other video has."""
    split = video_files.SPLITS.index(job.split)
    of_job = np.random.SeedSequence(seed, spawn_key=(split, job.label, job.index))
    first, second = of_job.generate_state(2)
    return int(first), int(second)
