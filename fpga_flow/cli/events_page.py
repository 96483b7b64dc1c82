"""Writes docs/events.md, the description of what `--json` writes, from the events' own model:

python -m fpga_flow.cli.events_page > docs/events.md
"""

from fpga_flow.cli.telling import INTERVAL_S
from fpga_flow.core.events import Event
from fpga_flow.report.describe import table

HEAD = f"""# Events

With `--json` a command writes what happens to standard output while it happens: one JSON object per line,
each with all the keys below. What a person reads, results too, goes to standard error; with `--quiet` only
warnings, errors and the result remain, as a run's folder. All commands that take a while have both options.
(`--json` of `flow estimate`, `compare` and `cost` prints their results instead.)

```sh
flow build --bits 4 --json --quiet > events.jsonl
tail -n 1 events.jsonl | jq -r '.run, .exit_code'
jq -r 'select(.kind == "warning" or .kind == "error") | .text' events.jsonl
```

```json
{{"time":"2026-12-01T05:22:53.107Z","kind":"progress","stage":"train","step":9,"text":"training (quantised)",
 "note":"epoch 1: validation 10.42%, best 10.42%","done":24.0,"total":96.0,"unit":"batches",
 "run":"/home/me/build/out/signals-w4","exit_code":null}}
```

(Here on three lines.) A step's `progress` comes at most every {INTERVAL_S:g} s. A step that fails still
gets its `end`; a stage that fails gets none. An `error` says why the command ends. The last line is the
command's `end`, without stage and step, with the exit code, unless the process was killed. A command line
that makes no sense (exit code 2) is told on standard error, without any event.

New keys may come; those that are there stay. The texts are for people and change. `log.txt` in the folder of
a stage holds what was said while it was made, with the tracebacks of errors. This page is written from
`fpga_flow/core/events.py` by `python -m fpga_flow.cli.events_page`. [stages.md](stages.md) has the exit
codes.
"""


def page() -> str:
    """Return the page."""
    return HEAD + table(Event, "Keys of an event")


if __name__ == "__main__":
    print(page(), end="")
