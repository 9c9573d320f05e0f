"""The report in a real browser: no error, every figure drawn, the numbers those of the results."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess

import pytest
from anodeflow.analysis.report import Results, report_html

NAMES = ("chromium", "chromium-browser", "google-chrome")

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(written):
    return written / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Run headless Chromium with arguments; its console goes to standard error."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    profile = tmp_path_factory.mktemp("profile")

    def run(*arguments):
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        command += ["--enable-logging=stderr", "--virtual-time-budget=8000", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    return run


def console(done):
    return [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def ink(path):
    """Return the share of pixels of a picture that differ from its ground."""
    import numpy as np
    from PIL import Image

    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return float((np.abs(pixels - pixels[0, 0]).sum(-1) > 60).mean())


def test_the_page_lives(browser, page, synthetic_document):
    done = browser("--dump-dom", page.as_uri())
    assert console(done) == []
    dom = done.stdout
    assert '<html lang="en" class="js">' in dom, "the script did not run"
    assert dom.count("<canvas") == len(synthetic_document["systems"])
    assert dom.count('class="stage live"') == len(synthetic_document["systems"])
    charts = dom.count('<figure class="chart"')
    assert charts >= 8
    assert dom.count('class="tip"') >= charts - len(synthetic_document["systems"]), "a plot cannot be read"
    assert checked_numbers(dom, synthetic_document) > 40


def checked_numbers(dom, document):
    """Hold every number of a page against its place in the results, exactly and as printed; return how many."""
    numbers = re.findall(r'<data value="([^"]+)" data-of="([^"]+)">([^<]+)</data>', dom)
    for value, path, printed_text in numbers:
        text = html.unescape(printed_text)
        node = document
        for part in path.split("."):
            node = node[int(part)] if part.isdigit() else node[part]
        assert float(value) == node["value"]
        assert printed(text) == pytest.approx(node["value"], abs=tolerance(text))
    return len(numbers)


def test_the_page_of_a_part_lives(browser, tmp_path, part_document):
    page = tmp_path / "part.html"
    probe = "<script>document.title = 'width ' + document.documentElement.scrollWidth + ' of ' + innerWidth;</script>"
    page.write_text(report_html(Results.model_validate(part_document)).replace("</body>", probe + "</body>"))
    done = browser("--window-size=500,900", "--dump-dom", page.as_uri())
    assert console(done) == []
    assert checked_numbers(done.stdout, part_document) >= 5
    assert done.stdout.count('<figure class="chart"') == done.stdout.count('class="tip"') == 1
    width, screen = map(int, re.search(r"<title>width (\d+) of (\d+)</title>", done.stdout).groups())
    assert width <= screen


SECTIONS = """\
name: sections
seed: 5
potential: LiSi-MEAM-Cui2012
stability:
  electrolytes: [LiSi]
  phases: [Si, LiSi]
  molecules: [Li2]
screen:
  cells: {face: {surface: {crystal: Si, plane: [1, 1, 1], thickness_A: 8, vacuum_A: 12}}}
  element: Si
  dopants: [Li]
  boundary_sites: 1
  adsorbate: Li
  adsorption_sites: 1
lithiation_front:
  faces: [Si(100)]
  alloy: Li15Si4
  host_thickness_A: 8
  alloy_thickness_A: 9
  area_A2: 60
  equilibration_ps: 0.1
  production_ps: 0.5
  window_ps: 0.05
  sample_every: 10
"""


@pytest.mark.engine
def test_the_sections_of_a_real_campaign_live(browser, tmp_path):
    from anodeflow.hpc.campaigns import run_campaign

    (tmp_path / "campaign.yaml").write_text(SECTIONS)
    jobs, page = run_campaign(tmp_path / "campaign.yaml", tmp_path / "run")
    assert {job.state for job in jobs} == {"done"}
    document = json.loads((tmp_path / "run" / "results.json").read_text())
    assert [part["key"] for part in document["parts"]] == ["lithiation_front", "screen", "stability"]
    done = browser("--dump-dom", page.as_uri())
    assert console(done) == []
    numbers = sum(q["value"] is not None for part in document["parts"] for g in part["groups"] for q in g["quantities"])
    assert checked_numbers(done.stdout, document) >= numbers > 15
    plots = sum(len(part["plots"]) for part in document["parts"])
    assert done.stdout.count('<figure class="chart"') == done.stdout.count('class="tip"') == plots >= 3
    doubts = done.stdout.split('class="gaps"', 1)[1].split("</section>", 1)[0]
    assert "as molecules alone" in doubts
    assert "no error bar" in doubts or "no statistical error" in doubts or "without a statistical error" in doubts


def printed(text):
    """Read a printed number back, as a person would."""
    text = text.replace("\N{NO-BREAK SPACE}", " ").replace("−", "-")
    number = float(re.match(r"\(?(-?[\d.]+)", text).group(1))
    power = re.search(r"× 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", text)
    superscript = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    return number * 10.0 ** int(power.group(1).translate(superscript)) if power else number


def tolerance(text):
    """Return half of the last printed digit."""
    text = text.replace("\N{NO-BREAK SPACE}", " ")
    decimals = re.match(r"\(?[−-]?\d+\.?(\d*)", text).group(1)
    unit = printed("1" + text[text.index("×") - 1 :]) if "×" in text else 1.0
    return 0.5001 * unit * 10.0 ** -len(decimals)


def test_wide_phone_dark_and_paper(browser, page, tmp_path):
    for name, size, more in (
        ("wide", "1400,3000", ()),
        ("phone", "500,3000", ()),
        ("dark", "1400,3000", ("--force-dark-mode",)),
    ):
        picture = tmp_path / f"{name}.png"
        done = browser(f"--window-size={size}", f"--screenshot={picture}", *more, page.as_uri())
        assert console(done) == []
        assert ink(picture) > 0.02
    paper = tmp_path / "report.pdf"
    browser("--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri())
    assert paper.read_bytes().startswith(b"%PDF")
    pages = len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))
    assert 4 <= pages <= 30


def test_nothing_is_wider_than_a_phone(browser, page, tmp_path):
    copy = tmp_path / "copy.html"
    probe = "<script>document.title = 'width ' + document.documentElement.scrollWidth + ' of ' + innerWidth;</script>"
    copy.write_text(page.read_text().replace("</body>", probe + "</body>"))
    done = browser("--window-size=500,900", "--dump-dom", copy.as_uri())
    width, screen = map(int, re.search(r"<title>width (\d+) of (\d+)</title>", done.stdout).groups())
    assert width <= screen


def test_without_the_script_everything_is_still_there(browser, page, tmp_path):
    text = re.sub(r"<script>.*?</script>", "", page.read_text(), flags=re.DOTALL)
    copy = tmp_path / "still.html"
    copy.write_text(text)
    done = browser("--dump-dom", copy.as_uri())
    assert "<canvas" not in done.stdout
    assert done.stdout.count('<img alt="') == 2
    assert not re.search(r'class="drawing" hidden', done.stdout)


FRAMES = "<script>window.requestAnimationFrame = (draw) => setTimeout(draw, 16);</script>"  # virtual time has no frames

PROBE = """
<script>
const drawn = () => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)));
const until = async (holds) => {
  for (let i = 0; i < 100 && !holds(); i++) await drawn();
  return holds();
};
addEventListener("load", async () => {
  const found = {};
  const chart = [...document.querySelectorAll("figure.chart")].find((one) => one.querySelector(".tabs"));
  const drawing = chart.querySelector(".drawing");
  const svg = drawing.querySelector("svg");
  const points = JSON.parse(drawing.querySelector("script.points").textContent);
  const point = points.filter((one) => one[2] === 3).at(-1);
  const box = svg.getBoundingClientRect();
  const scale = box.width / svg.viewBox.baseVal.width;
  const at = { clientX: box.left + point[0] * scale, clientY: box.top + point[1] * scale, bubbles: true };
  drawing.dispatchEvent(new PointerEvent("pointermove", at));
  found.tip = drawing.querySelector(".tip").textContent === point[3] && !drawing.querySelector(".tip").hidden;
  drawing.dispatchEvent(new PointerEvent("pointerleave", at));
  found.left = drawing.querySelector(".tip").hidden;
  const button = chart.querySelector('.legend button[data-series="3"]');
  const parts = [...svg.querySelectorAll('[data-series="3"]')];
  const shown = () => parts.every((part) => getComputedStyle(part).display !== "none");
  const before = shown();
  button.click();
  const gone = parts.every((part) => getComputedStyle(part).display === "none");
  drawing.dispatchEvent(new PointerEvent("pointermove", at));
  found.hiddenIsSilent = drawing.querySelector(".tip").textContent !== point[3] || drawing.querySelector(".tip").hidden;
  button.click();
  found.legend = parts.length > 1 && before && gone && shown();
  chart.querySelectorAll(".tabs button")[1].click();
  found.tabs = drawing.hidden && !chart.querySelectorAll(".drawing")[1].hidden;
  const canvas = document.querySelector(".stage canvas");
  const home = () => canvas.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
  home();
  await drawn();
  const first = canvas.toDataURL();
  canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, cancelable: true }));
  found.turns = await until(() => canvas.toDataURL() !== first);
  home();
  found.turnsBack = await until(() => canvas.toDataURL() === first);
  document.title = JSON.stringify(found);
});
</script>
"""


def test_what_the_script_adds(browser, page, tmp_path):
    copy = tmp_path / "probe.html"
    text = page.read_text().replace("<head>", "<head>" + FRAMES, 1)
    copy.write_text(text.replace("</body>", PROBE + "</body>"))
    done = browser("--window-size=1300,1000", "--dump-dom", copy.as_uri())
    assert console(done) == []
    found = json.loads(html.unescape(re.search(r"<title>(.*?)</title>", done.stdout).group(1)))
    assert found == dict.fromkeys(("tip", "left", "hiddenIsSilent", "legend", "tabs", "turns", "turnsBack"), True)
