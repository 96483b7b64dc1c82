"""Numbers as people read them."""


def amount(number: float | None) -> str:
    """Return `number` with separators and at most one decimal, or nothing for None."""
    if number is None:
        return ""
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"
