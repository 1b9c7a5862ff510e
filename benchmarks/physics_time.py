"""How much of the time is spent inside PyBullet."""

import time

from ibc.environments.block_pushing.simulation import bullet


class TimedClient:
    """Makes every connection to PyBullet count the time spent in it."""

    def __init__(self):
        self.seconds = 0.0
        self._lookup = bullet.Client.__getattr__

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
                    self.seconds += time.perf_counter() - start

            client.__dict__[name] = timed
            return timed

        bullet.Client.__getattr__ = timed_lookup
        return self

    def __exit__(self, *_) -> None:
        bullet.Client.__getattr__ = self._lookup
