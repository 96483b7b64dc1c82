"""The errors a user can meet, and the exit code each one ends the command with.

Every message says which place, what value, what it must be, and what to do about it.
`assert` and the built-in exceptions stay for our own bugs.
"""

from collections.abc import Sequence

INTERRUPTED = 130
"""Exit code after Ctrl-C."""


class FlowError(Exception):
    """Base of all errors that are shown to the user as one message, without a traceback."""

    exit_code = 1


class InputError(FlowError):
    """The user's input is wrong: a recipe, a file or an option."""

    exit_code = 2


class NodeError(InputError):
    """Something is wrong with one node of a network."""

    def __init__(self, node: str, reason: str, remedy: str) -> None:
        """`node` is the node's name in the ONNX file, `remedy` what would work instead."""
        super().__init__(f"node {node!r}: {reason}; {remedy}")
        self.node = node


class WrongNodeError(NodeError):
    """A node makes no sense, whatever hardware could do: its parts do not fit together."""


class UnsupportedError(NodeError):
    """A network holds an operator or datatype that cannot be mapped to hardware."""

    def __init__(self, node: str, reason: str, remedy: str) -> None:
        """See `NodeError`."""
        super().__init__(node, reason, remedy)
        self.each: tuple[UnsupportedError, ...] = (self,)
        """One error for each node."""


SHOWN = 20
"""Nodes that an error names, at most."""


class UnsupportedNodesError(UnsupportedError):
    """Several nodes of a network cannot be mapped."""

    def __init__(self, errors: Sequence[UnsupportedError]) -> None:
        """`errors` has two or more, in the order of the file."""
        InputError.__init__(
            self,
            "\n  ".join(
                [
                    f"{len(errors)} nodes cannot be mapped to hardware:",
                    *(str(error) for error in errors[:SHOWN]),
                    *([f"and {len(errors) - SHOWN} more"] if len(errors) > SHOWN else []),
                ]
            ),
        )
        self.node = errors[0].node
        self.each = tuple(errors)


def joined(errors: Sequence[UnsupportedError]) -> UnsupportedError:
    """Return one error for all of `errors`, which are one or more."""
    return errors[0] if len(errors) == 1 else UnsupportedNodesError(errors)


class DifferenceError(FlowError):
    """Verification found a difference between the golden model and the RTL."""

    exit_code = 3


class ToolError(FlowError):
    """A tool is missing or failed."""

    exit_code = 4


class FitError(FlowError):
    """The design does not fit the board."""

    exit_code = 5
