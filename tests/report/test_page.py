"""The page itself: nothing from a file is code in it, and a browser shows it without a fault."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpga_flow import report
from fpga_flow.core import artifact
from fpga_flow.pipeline import flow
from fpga_flow.report.glossary import TERMS
from tests import fakes

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = "<img src=x onerror=alert(1)>\"'$x_{$&" + "long" * 40
CLASSES = [HOSTILE, "</svg><script>alert(2)</script>"]
EPOCHS = [
    {
        "epoch": n,
        "learning_rate": 0.1,
        "train_loss": 2.0 / n,
        "validation_loss": 1.5,
        "validation_accuracy": 0.5,
    }
    for n in range(1, 9)
]


def hostile_results() -> dict[str, Any]:
    """A whole build's results, in which a layer, a class, and a tool have names that are meant as code."""
    layer = fakes.LAYERS[4]
    text = json.dumps(fakes.results()).replace(json.dumps(layer), json.dumps(HOSTILE))
    table: dict[str, Any] = json.loads(text)
    names = [
        "input",
        *(one["name"] for one in table["hardware"]["layers"] if one["kind"] != "fifo"),
        "output",
    ]
    fifo = table["hardware"]["fifos"]["edges"][0]
    ends = [*zip(names, names[1:], strict=False), (names[2], names[6])]
    table["hardware"]["fifos"]["edges"] = [{**fifo, "producer": s, "consumer": t} for s, t in ends]
    table["hardware"]["bottleneck"] = HOSTILE
    table["export"]["classes"] = CLASSES
    table["verify"]["simulator"] = HOSTILE
    table["synth"]["tool"] = HOSTILE
    return table


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run all of whose names are hostile."""
    table, folder = hostile_results(), tmp_path_factory.mktemp("hostile")

    def train(context: flow.Context) -> dict[str, Any]:
        artifact.write_json(context.folder / "curve.json", {HOSTILE: EPOCHS})
        return dict(table["train"])

    def export(context: flow.Context) -> dict[str, Any]:
        np.savez(context.folder / "vectors.npz", label=np.array([0, 1, 1]), y=np.array([0, 0, 1]))
        return dict(table["export"])

    stages = fakes.stages(table, train=train, export=export)
    frames = folder / f"{HOSTILE}.npz"
    frames.write_bytes(b"x")
    run = fakes.run_of(folder / "<b>run", data={"name": "own", "file": str(frames)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fpga_flow.pipeline.order.STAGES", stages)
        flow.execute(run)
        report.write(run)
    return run.folder / "report.html"


def test_nothing_from_a_file_is_code(page: Path) -> None:
    text = page.read_text()
    assert "<img" not in text and "<script" not in text and "<b>run" not in text
    assert text.count("</svg>") == len(re.findall("<svg", text))
    assert HOSTILE in html.unescape(text)


def test_the_page_allows_itself_no_scripts_and_no_network(page: Path) -> None:
    text = page.read_text()
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert not re.search(
        r"""(?:src|href)=["'](?!#)|url\((?!#)|@import""", html.unescape(text).replace("src=x", "")
    )


def test_every_part_of_a_whole_run_is_there(page: Path) -> None:
    text = html.unescape(page.read_text())
    for title in ("Used of the board", "Accuracy against weights left", "Training", "Confusion matrix",
                  "Dataflow", "Activity of the streams", "How it was made", "Words"):  # fmt: skip
        assert f"<h2>{title}</h2>" in text, title
    assert "<b>250.0 \N{MICRO SIGN}s</b>" in text
    assert "5,500 of 53,200 (10%), 47,700 free" in text
    assert "n = 3 frames (the golden vectors), 66.67% right" in text
    assert f"data.file = {json.dumps(str(page.parent.parent / f'{HOSTILE}.npz'))}" in text


def test_n_stands_beside_every_accuracy(page: Path) -> None:
    text = page.read_text()
    assert re.search(r"<td>golden</td><td>.*?</td><td>61.50%</td><td>± 1.21%</td><td>6,240</td>", text)
    assert re.search(r"<td>rtl</td><td>.*?</td><td>60.00%</td><td>± 6.00%</td><td>256</td>", text)
    assert "61.50% (n = 6,240)" in text and "60.00% (n = 256)" in text


def test_fifos_are_folded_away_in_the_table_of_layers(page: Path) -> None:
    text = page.read_text()
    folded = text[text.index("FIFOs and width converters between them") :]
    assert "<td>conv9_fifo</td>" in folded and "<td>conv9_fifo</td>" not in text[: -len(folded)]


def test_terms_are_explained_where_they_stand_and_at_the_end(page: Path) -> None:
    text = html.unescape(page.read_text())
    for term in ("PE", "SIMD", "LUT", "FF", "BRAM18", "DSP"):
        assert f'<abbr title="{TERMS[term]}">{term}</abbr>' in text
    for term, meaning in TERMS.items():
        assert f"<dt>{term}</dt><dd>{meaning}</dd>" in text


def test_a_page_of_an_empty_run_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages())
    run = fakes.run_of(tmp_path / "r")
    run.folder.mkdir()
    report.write(run)
    assert "<h2>How it was made</h2>" in (run.folder / "report.html").read_text()


MEASURE = """<!doctype html><title>measures</title><body style="margin:0"><script>
const page = PAGE, found = {}, widths = [400, 1200];
function measure(width, frame) {
  const inner = frame.contentDocument, over = [];
  for (const element of inner.body.querySelectorAll('*')) {
    if (element.closest('.wide') && !element.classList.contains('wide')) continue;
    const box = element.getBoundingClientRect();
    if (box.width && (box.right > width + 1 || box.left < -1)) over.push(element.outerHTML.slice(0, 200));
  }
  found[width] = {over, scroll: inner.documentElement.scrollWidth, height: inner.documentElement.scrollHeight,
    back: getComputedStyle(inner.body).backgroundColor};
  if (Object.keys(found).length === widths.length) document.body.textContent = JSON.stringify(found);
}
for (const width of widths) {
  const frame = document.createElement('iframe');
  frame.style = `border:0;height:900px;width:${width}px`;
  frame.onload = () => measure(width, frame);
  frame.srcdoc = page;
  document.body.append(frame);
}
</script>"""
"""Loads the page in frames, since a window of the browser is never narrower than 500 px."""


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
@pytest.mark.parametrize(("scheme", "back"), [("1", "rgb(246, 247, 249)"), ("0", "rgb(18, 23, 29)")])
def test_a_browser_shows_the_page_on_a_phone_and_a_desk(
    scheme: str, back: str, page: Path, tmp_path: Path
) -> None:
    quoted = json.dumps(page.read_text()).replace("<", "\\u003c")
    (tmp_path / "measure.html").write_text(MEASURE.replace("PAGE", quoted))
    done = subprocess.run(
        [
            str(CHROMIUM), "--no-sandbox", "--headless", "--disable-gpu", "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}", f"--blink-settings=preferredColorScheme={scheme}",
            "--window-size=1300,1000", "--virtual-time-budget=10000", "--dump-dom",
            (tmp_path / "measure.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    measures = json.loads(html.unescape(re.sub(r"^.*<body[^>]*>|</body>.*$", "", done.stdout, flags=re.S)))
    assert set(measures) == {"400", "1200"}
    for width, found in measures.items():
        assert found["over"] == []
        assert found["scroll"] <= int(width)
        assert found["height"] > 1000
        assert found["back"] == back
