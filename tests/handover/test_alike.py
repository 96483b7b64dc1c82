"""Modules that differ only in name are written once, and no others are."""

from fpga_flow.handover.alike import merged


def module(name: str, *lines: str) -> str:
    return "".join([f"module {name} (a);\n", *(f"  {line}\n" for line in lines), "endmodule\n\n"])


def test_modules_that_differ_only_in_name_are_written_once() -> None:
    text = "/* head */\n" + "".join(
        [
            module("\\add$top.u.x ", "assign a = 1;"),
            module("\\add$top.u.y ", "assign a = 1;"),
            module("\\add$top.v.x ", "assign a = 0;"),
            module("\\pair$top.u ", "\\add$top.u.x  x (a);"),
            module("\\pair$top.w ", "\\add$top.u.y  x (a);"),
            module("top", "\\pair$top.u  u (a);", "\\pair$top.w  w (a);", "\\add$top.v.x  v (a);"),
        ]
    )
    assert merged(text) == "/* head */\n" + "".join(
        [
            module("add_0 ", "assign a = 1;"),
            module("add_1 ", "assign a = 0;"),
            module("pair_0 ", "add_0  x (a);"),
            module("top", "pair_0  u (a);", "pair_0  w (a);", "add_1  v (a);"),
        ]
    )


def test_short_names_are_not_those_of_other_modules() -> None:
    text = module("add_0") + module("\\add$top.u ", "add_0 x (a);") + module("\\0$top.u ", "add_0 y (a);")
    assert merged(text) == module("add_0") + module("add_1 ", "add_0 x (a);") + module(
        "\\0$top.u ", "add_0 y (a);"
    )
