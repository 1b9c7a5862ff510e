"""A control loop of one's own at 20 Hz, on a robot whose observations arrive late.

    python examples/own_loop.py runs/my_run [SLOW_MS]

Every tenth plan takes SLOW_MS more, as on a computer that has other things to do. A plan that comes
too late is dropped: the robot goes on with the action before, and the loop keeps its beat.
"""

import collections
import sys
import time

import gymnasium
import numpy as np

import ibc

PERIOD = 0.05  # s
WIRE_STEPS = 1  # Periods between what the robot's sensors see and what the policy gets.


def main(path: str, slow_ms: float = 0.0, *, steps: int = 50) -> tuple[int, float]:
    policy = ibc.load_policy(path, seed=0)
    robot = gymnasium.make("ibc.tasks:Particle-v0")  # Put your own robot here.
    observation, _ = robot.reset(seed=0)
    policy.reset()
    policy(observation)  # The first call gets everything ready: not within the loop.
    policy.reset()  # The policy remembers its frames, its plan and, for a warm start, its action.
    action = np.array(observation["pos_agent"])  # A safe one: stay.
    wire = collections.deque([observation] * WIRE_STEPS)
    times, late, beat = [], 0, time.monotonic()
    for step in range(steps):
        beat += PERIOD
        wire.append(observation)
        start = time.monotonic()
        planned = policy(wire.popleft())
        time.sleep(slow_ms / 1e3 * (step % 10 == 9))
        times.append(1e3 * (time.monotonic() - start))
        while time.monotonic() > beat:  # Missed: hold the action before, and catch the next beat.
            observation, *_ = robot.step(action)
            late, beat, planned = late + 1, beat + PERIOD, action
            print(f"step {step}: {times[-1]:.0f} ms, too late; the action before is held.")
        time.sleep(max(0.0, beat - time.monotonic()))
        action = planned
        observation, _, terminated, truncated, _ = robot.step(action)
        if terminated or truncated:
            break
    print(f"{len(times)} plans, median {np.median(times):.1f} ms, {late} beats missed.")
    return late, float(np.median(times))


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:3]))
