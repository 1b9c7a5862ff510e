"""Standard output as commands find it behind a pipe, for tests."""

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def unread_output() -> Iterator[None]:
    """Makes standard output a pipe that nobody reads, as behind `| true`.

    Like the interpreter at its end, it finally writes what is left.
    """
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as output, contextlib.redirect_stdout(output):
        yield
        sys.stdout.flush()
