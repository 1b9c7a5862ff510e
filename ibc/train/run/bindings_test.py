import gin
import pytest

from ibc.train.run import bindings


@gin.configurable
def bound_by_bindings_test(needed, rate=0.1, depth=2, kind="a", flag=False, sizes=(1, 2)):
    return needed, rate, depth, kind, flag, sizes


_F = "bound_by_bindings_test"


def same(name: str, first: str, second: str) -> bool:
    texts = [f"# Parameters:\n# ====\n{text.replace('F.', f'{_F}.')}\n" for text in (first, second)]
    values = [
        bindings.have_same_value(name.replace("F.", f"{_F}."), *map(bindings.parse, order))
        for order in (texts, texts[::-1])
    ]
    assert values[0] == values[1]
    return values[0]


@pytest.mark.parametrize(
    "name, first, second, expected",
    [
        ("F.rate", "", "F.rate = 0.1", True),
        ("F.rate", "", "F.rate = 0.2", False),
        ("F.rate", "F.rate = 1e-1", "F.rate = 0.1", True),
        ("F.depth", "", "F.depth = 2.0", True),
        ("F.depth", "F.depth = 1", "F.depth = True", False),
        ("F.kind", "", "F.kind = 'a'", True),
        ("F.kind", "", "F.kind = 'b'", False),
        ("F.flag", "", "F.flag = False", True),
        ("F.sizes", "", "F.sizes = (1, 2)", True),
        ("F.needed", "", "F.needed = None", False),
        ("F.depth", "", "D = 2\nF.depth = %D", True),
        ("F.depth", "F.depth = 3", "D = 3\nF.depth = %D", True),
        ("F.depth", "D = 2\nF.depth = %D", "D = 3\nF.depth = %D", False),
        ("F.depth", "F.depth = 3", "D = 3\nE = %D\nF.depth = %E", True),
        ("F.sizes", "", "D = 2\nF.sizes = (1, %D)", True),
        ("F.sizes", "D = 2\nF.sizes = (1, %D)", "D = 3\nF.sizes = (1, %D)", False),
        ("F.depth", "F.depth = %E", "E = %E\nF.depth = %E", True),
        ("F.kind", "F.kind = @x()", "F.kind = @x()", True),
        ("F.kind", "", "F.kind = @x()", False),
        ("s/F.depth", "F.depth = 4", "F.depth = 4\ns/F.depth = 4", True),
        ("s/F.depth", "F.depth = 4", "F.depth = 4\ns/F.depth = 2", False),
        ("s/t/F.depth", "s/F.depth = 4", "s/F.depth = 4\ns/t/F.depth = 4", True),
        ("s/F.depth", "", "s/F.depth = 2", True),
        ("data", "", "data = '3 windows'", False),
        ("nowhere.rate", "", "nowhere.rate = 0.1", False),
    ],
)
def test_values_are_compared_and_not_whether_they_are_bound(name, first, second, expected):
    assert same(name, first, second) == expected
