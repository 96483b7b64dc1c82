import pytest

from fpga_flow.prove.forms import ONE, UNKNOWN, Forms, UnreadError, symbol


def bits_of(node: int, count: int) -> list[int]:
    return [symbol(node, place) for place in range(count)]


def test_a_sum_of_sums_is_a_combination_of_the_unknowns() -> None:
    forms = Forms([(0, 15), (-8, 7)])
    a, b = [*bits_of(0, 4), 0, 0], [*bits_of(1, 4), symbol(1, 3), symbol(1, 3)]
    twice = forms.add(a, a, subtract=False)
    assert dict(forms.number(forms.add(twice, b, subtract=True))) == {0: 2, 1: -1}


def test_an_inverted_number_is_its_complement() -> None:
    forms = Forms([(0, 15)])
    assert dict(forms.number([bit ^ 1 for bit in bits_of(0, 4)])) == {0: -1, ONE: 15}


def test_an_unknown_bit_is_refused_each_time_it_is_asked_for() -> None:
    forms = Forms([(0, 15)])
    found = forms.add([*bits_of(0, 3), UNKNOWN], bits_of(0, 4), subtract=False)
    for _ in range(2):
        with pytest.raises(UnreadError, match="something else than the vector"):
            forms.number(found)


def test_a_sum_that_takes_itself_is_refused() -> None:
    forms = Forms([(0, 15)])
    node = forms.begin(subtract=False, a=bits_of(0, 4))
    forms.sum_of(node).b += bits_of(node, 4)
    with pytest.raises(UnreadError, match="takes itself"):
        forms.number(bits_of(node, 4))
