"""What comes out of an accelerator, and how it is put in words."""

import pytest

from fpga_flow.integer.output import Output, decides


@pytest.mark.parametrize(
    ("shape", "behind", "expected"),
    [
        ((10,), (), True),
        ((10,), ("Softmax",), True),
        ((10,), ("Sigmoid",), False),
        ((10,), ("Sigmoid", "ArgMax"), True),
        ((10, 1, 1), (), True),
        ((1,), (), False),
        ((1,), ("Softmax",), False),
        ((3, 4, 5), ("Softmax",), False),
    ],
)
def test_only_a_vector_of_several_shares_stands_for_classes(
    shape: tuple[int, ...], behind: tuple[str, ...], expected: bool
) -> None:
    assert decides(shape, behind) == expected


def output(shape: tuple[int, ...], behind: tuple[str, ...] = ()) -> Output:
    return Output(
        shape=shape, decides=decides(shape, behind), reason="why", behind=behind, scale=0.25, offset=-1.5
    )


@pytest.mark.parametrize(
    ("shape", "behind", "top_k", "words"),
    [
        ((1,), (), None, "1 number (why): 0.25 * integer - 1.5"),
        (
            (1,), ("Sigmoid",), None,
            "1 number (why): 0.25 * integer - 1.5, "
            "then Sigmoid, which the host applies",
        ),
        ((4, 16, 1), (), None, "4 x 16 numbers (why): each is 0.25 * integer - 1.5"),
        ((1, 12, 12), (), None, "12 x 12 numbers (why): each is 0.25 * integer - 1.5"),
        ((5,), (), 0, "5 numbers (hardware.top_k=0): each is 0.25 * integer - 1.5"),
        (
            (5,), (), None,
            "only the index of the largest of 5 numbers (why); hardware.top_k=0 gives the numbers themselves",
        ),
        (
            (5,), (), 2,
            "only the indices of the 2 largest, best first, of 5 numbers (hardware.top_k=2); "
            "hardware.top_k=0 gives the numbers themselves",
        ),
    ],
)  # fmt: skip
def test_words(shape: tuple[int, ...], behind: tuple[str, ...], top_k: int | None, words: str) -> None:
    found = output(shape, behind)
    assert found.words(found.top_k(top_k)) == words
