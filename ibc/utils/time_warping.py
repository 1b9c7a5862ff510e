"""How alike two paths are, whatever pace they were gone at: dynamic time warping.

Sakoe and Chiba, Dynamic programming algorithm optimization for spoken word recognition, 1978.
"""

import numpy as np


def distance(path: np.ndarray, other: np.ndarray) -> float:
    """Returns the dynamic time warping distance of two paths.

    The points are paired in order, first with first and last with last, so that the sum of squared
    distances of pairs is smallest. Returned is this sum's square root.

        distance([[0], [1]], [[0], [0], [1]])  # 0.0

    Args:
      path: Points [T, D].
      other: Points [S, D].

    Raises:
      ValueError: One has no point, or the points are of different size.
    """
    return float(distances(path, [other])[0])


def distances(path: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
    """Returns `distance(path, other)` for each of several others, float64 [len(others)].

    Raises:
      ValueError: One has no point, or the points are of different size.
    """
    points = [np.asarray(each, np.float64) for each in (path, *others)]
    sizes = {each.shape[1:] for each in points}
    if len(sizes) != 1 or any(each.ndim != 2 or not len(each) for each in points):
        shapes = ", ".join(str(list(each.shape)) for each in points[:4])
        raise ValueError(
            f"paths to compare must be points [T, D] of one size D, at least one, got {shapes}."
        )
    path, *others = points
    lengths = np.array([len(other) for other in others])
    rows, columns = len(path), lengths.max()
    squares = np.full((len(others), rows, columns), np.inf)
    for number, other in enumerate(others):
        squares[number, :, : len(other)] = _squared_distances(path, other)
    return np.sqrt(_cheapest(squares)[np.arange(len(others)), lengths - 1])


def resample(path: np.ndarray, spacing: float) -> np.ndarray:
    """Returns points of a path that are evenly spaced along it.

    Args:
      path: Points [T, D] that are joined by straight lines.
      spacing: Distance along the path from a point to the next.

    Returns:
      float64 [N, D]: from the first point on; the last is less than `spacing` from the path's end.

    Raises:
      ValueError: There is no point, or the spacing is not positive.
    """
    path = np.asarray(path, np.float64)
    if path.ndim != 2 or not len(path):
        raise ValueError(f"a path must be points [T, D], at least one, got {list(path.shape)}.")
    if not spacing > 0:
        raise ValueError(f"the spacing of a path's points must be positive, got {spacing!r}.")
    way = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1)))
    at = np.arange(0.0, way[-1] + 1e-9, spacing)
    return np.stack([np.interp(at, way, axis) for axis in path.T], axis=1)


def _squared_distances(path: np.ndarray, other: np.ndarray) -> np.ndarray:
    from scipy.spatial import distance as scipys  # Only here, as --help does not wait for SciPy.

    return scipys.cdist(path, other, "sqeuclidean")


def _cheapest(costs: np.ndarray) -> np.ndarray:
    """Returns the cheapest sums from the first corner to each column of the last row.

    Cells of an antidiagonal depend on the two before it alone, so that each is done at once.

    Args:
      costs: Cost of each cell [N, R, C]; infinite where there is none.

    Returns:
      [N, C].
    """
    number, rows, columns = costs.shape
    # The cells of an antidiagonal are C − 1 numbers apart; with one column there are none.
    flat, apart = np.ascontiguousarray(costs).reshape(number, -1), max(columns - 1, 1)
    found = np.empty((number, columns))
    # Of the antidiagonals before, by row + 1; there is nothing before the first row.
    earlier = np.full((number, rows + 1), np.inf)
    before, earlier[:, 0] = earlier.copy(), 0.0
    for diagonal in range(rows + columns - 1):
        first, last = max(0, diagonal - columns + 1), min(rows - 1, diagonal)
        cells = flat[:, diagonal + first * (columns - 1) :: apart][:, : last - first + 1]
        here = slice(first + 1, last + 2)
        above = slice(first, last + 1)
        best = np.minimum(np.minimum(before[:, here], before[:, above]), earlier[:, above])
        earlier, before = before, np.full((number, rows + 1), np.inf)
        before[:, here] = best + cells
        if last == rows - 1:
            found[:, diagonal - rows + 1] = before[:, rows]
    return found
