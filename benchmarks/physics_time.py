"""How much of the time is spent inside PyBullet, and in which of its functions."""

import collections
import time

from ibc.environments.block_pushing.simulation import bullet


class TimedClient:
    """Makes every connection to PyBullet count the time spent in it."""

    def __init__(self):
        self.of: collections.Counter[str] = collections.Counter()
        """Seconds in each of PyBullet's functions."""
        self._lookup = bullet.Client.__getattr__

    @property
    def seconds(self) -> float:
        """Seconds in all of PyBullet."""
        return self.of.total()

    def __enter__(self) -> "TimedClient":
        lookup = self._lookup

        def timed_lookup(client, name):
            function = lookup(client, name)
            if not callable(function):
                return function

            def timed(*args, **kwargs):
                start = time.perf_counter()
                try:
                    return function(*args, **kwargs)
                finally:
                    self.of[name] += time.perf_counter() - start

            client.__dict__[name] = timed
            return timed

        bullet.Client.__getattr__ = timed_lookup
        return self

    def __exit__(self, *_) -> None:
        bullet.Client.__getattr__ = self._lookup
