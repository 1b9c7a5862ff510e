"""Reads the pictures of a video at given times."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

# Decoding from the last key frame is as quick as going on over so many seconds.
_SEEK_BEYOND_SECONDS = 5.0


class Video:
    """The pictures of a video file, which are decoded one after another.

    Attributes:
      path: The file.
      shape: Height, width, 3.
      rate: Pictures per second, on average.
      seconds: How long it is; None where the file does not say.
    """

    def __init__(self, path: str):
        """Opens the file.

        Raises:
          ImportError: The package av is not installed.
          ValueError: It is no video, or a damaged one.
        """
        try:
            import av
        except ImportError as error:
            raise ImportError(
                f"{path} needs the package av, but {error}: run pip install 'ibc-tf[lerobot]'."
            ) from error
        self.path = path
        with self._reading():
            self._container: Any = av.open(path)
            if not self._container.streams.video:
                raise ValueError("it has no pictures")
            self._stream = self._container.streams.video[0]
            self._stream.thread_type = "AUTO"
            self.shape = (self._stream.height, self._stream.width, 3)
            self.rate = float(self._stream.average_rate or 0)
            length = self._stream.duration
            self.seconds = None if length is None else float(length * self._stream.time_base)
        self._decoded: Iterator[Any] | None = None
        self._latest: Any = None

    def pictures(self, seconds: np.ndarray, tolerance: float) -> np.ndarray:
        """Returns the pictures that are shown at these times, which rise.

        Args:
          seconds: Times [n].
          tolerance: How far a picture's time may be from the one that is wanted, in seconds.

        Returns:
          uint8 [n, height, width, 3].

        Raises:
          ValueError: There is none at a time, or the file is damaged.
        """
        found = np.empty((len(seconds), *self.shape), np.uint8)
        for number, time in enumerate(seconds):
            with self._reading():
                picture = self._at(float(time), tolerance)
                found[number] = picture.to_ndarray(format="rgb24")
        return found

    def close(self) -> None:
        """Lets the file go."""
        self._container.close()

    def _at(self, time: float, tolerance: float) -> Any:
        latest = None if self._latest is None else self._latest.time
        if latest is None or not latest - tolerance <= time < latest + _SEEK_BEYOND_SECONDS:
            offset = int(max(0.0, time - tolerance) / self._stream.time_base)
            self._container.seek(offset, stream=self._stream, backward=True)
            self._decoded, self._latest = self._container.decode(self._stream), None
        while self._latest is None or self._latest.time < time - tolerance:
            last, self._latest = self._latest, next(self._decoded, None)
            if self._latest is None:
                shown = "without pictures" if last is None else f"its last one is at {last.time:g}"
                raise ValueError(f"it has no picture at {time:g} seconds, {shown}")
        if self._latest.time > time + tolerance:
            raise ValueError(
                f"it has no picture at {time:g} seconds, the next one is at {self._latest.time:g}"
            )
        return self._latest

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Says in one line what is wrong with the file."""
        try:
            yield
        except (ValueError, OSError, RuntimeError, EOFError, LookupError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ValueError(
                f"{self.path} does not fit its episodes, or is damaged ({reason}): copy it again "
                "from where it came from."
            ) from error
