"""The clocks of the stand-in: the simulated logic has one, of any frequency."""


class Clocks:
    """As in pynq, where these are properties of the class that set and read the processor's divisors."""

    fclk0_mhz: float = 0.0
