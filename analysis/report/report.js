"use strict";
// The page is whole without this script; it adds the views of a plot, the pointer's reading, and a turning structure.
document.documentElement.classList.add("js");

for (const figure of document.querySelectorAll("figure.chart")) {
  const drawings = [...figure.querySelectorAll(".drawing")];
  const tabs = [...figure.querySelectorAll(".tabs button")];
  const hidden = new Set();
  const show = (chosen) => {
    drawings.forEach((drawing, i) => { drawing.hidden = i !== chosen; });
    tabs.forEach((tab, i) => tab.setAttribute("aria-pressed", String(i === chosen)));
  };
  tabs.forEach((tab, i) => tab.addEventListener("click", () => show(i)));
  show(0);

  for (const button of figure.querySelectorAll(".legend button")) {
    button.addEventListener("click", () => {
      const series = button.dataset.series;
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      if (on) hidden.delete(Number(series)); else hidden.add(Number(series));
      for (const part of figure.querySelectorAll(`[data-series="${series}"]:not(button)`)) part.classList.toggle("off", !on);
    });
  }

  for (const drawing of drawings) {
    const data = drawing.querySelector("script.points");
    const svg = drawing.querySelector("svg");
    if (!data || !svg) continue;
    const points = JSON.parse(data.textContent);
    const tip = document.createElement("div");
    const dot = document.createElement("div");
    tip.className = "tip"; dot.className = "dot"; tip.hidden = dot.hidden = true;
    drawing.append(dot, tip);
    const leave = () => { tip.hidden = dot.hidden = true; };
    const read = (event) => {
      const box = svg.getBoundingClientRect();
      const scale = box.width / svg.viewBox.baseVal.width;
      const x = (event.clientX - box.left) / scale, y = (event.clientY - box.top) / scale;
      let best = null, least = 26;
      for (const point of points) {
        if (hidden.has(point[2])) continue;
        const distance = Math.hypot(point[0] - x, point[1] - y);
        if (distance < least) { least = distance; best = point; }
      }
      if (!best) return leave();
      tip.hidden = dot.hidden = false;
      tip.textContent = best[3];
      dot.style.left = `${best[0] * scale}px`; dot.style.top = `${best[1] * scale}px`;
      const left = Math.min(Math.max(best[0] * scale - tip.offsetWidth / 2, 0), box.width - tip.offsetWidth);
      const above = best[1] * scale - tip.offsetHeight - 12;
      tip.style.left = `${left}px`;
      tip.style.top = `${above > 0 ? above : best[1] * scale + 14}px`;
    };
    drawing.addEventListener("pointermove", read);
    drawing.addEventListener("pointerdown", read);
    drawing.addEventListener("pointerleave", leave);
  }
}

for (const stage of document.querySelectorAll(".stage")) {
  const data = stage.querySelector("script.model");
  if (!data) continue;
  const model = JSON.parse(data.textContent);
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  if (!pen) continue;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${stage.querySelector("img").alt}. Arrow keys turn it.`);
  stage.append(canvas);
  stage.classList.add("live");
  stage.parentElement.querySelector(".hint").hidden = false;

  const middle = [0, 1, 2].map((k) => (model.cell[0][k] + model.cell[1][k] + model.cell[2][k]) / 2);
  const items = model.atoms.map((atom) => [atom[0] - middle[0], atom[1] - middle[1], atom[2] - middle[2], atom[3]]);
  const corner = (i, j, k) => [0, 1, 2].map((a) => i * model.cell[0][a] + j * model.cell[1][a] + k * model.cell[2][a] - middle[a]);
  const pieces = 16;
  const edges = [];
  for (const [p, q] of [[0, 1], [0, 2], [0, 4], [1, 3], [1, 5], [2, 3], [2, 6], [3, 7], [4, 5], [4, 6], [5, 7], [6, 7]]) {
    const from = corner(p & 1, (p >> 1) & 1, p >> 2), to = corner(q & 1, (q >> 1) & 1, q >> 2);
    for (let s = 0; s < pieces; s++) {
      const at = (t) => from.map((value, a) => value + (to[a] - value) * t);
      edges.push([at(s / pieces), at((s + 1) / pieces)]);
    }
  }
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((c) => corner(c & 1, (c >> 1) & 1, c >> 2));
  const reach = Math.max(...corners.map((p) => Math.hypot(...p)));
  let [azimuth, elevation] = model.view.map((angle) => angle * Math.PI / 180);
  const home = [azimuth, elevation];

  const sprites = model.elements.map(([, colour]) => {
    const sprite = document.createElement("canvas");
    sprite.width = sprite.height = 96;
    const brush = sprite.getContext("2d");
    const light = brush.createRadialGradient(36, 32, 4, 48, 48, 47);
    light.addColorStop(0, "#ffffff"); light.addColorStop(0.32, colour); light.addColorStop(0.8, colour);
    light.addColorStop(1, "#00000055");
    brush.beginPath(); brush.arc(48, 48, 47, 0, 7); brush.fillStyle = colour; brush.fill();
    brush.fillStyle = light; brush.fill();
    return sprite;
  });

  const draw = () => {
    const ratio = window.devicePixelRatio || 1;
    const width = stage.clientWidth, height = stage.clientHeight;
    if (!width) return;
    if (canvas.width !== Math.round(width * ratio)) { canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio); }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const ca = Math.cos(azimuth), sa = Math.sin(azimuth), ce = Math.cos(elevation), se = Math.sin(elevation);
    const distance = 6 * reach;
    let wide = 0, high = 0;
    for (const p of corners) {
      const t = sa * p[0] + ca * p[1], near = distance / (distance - (se * p[2] - ce * t));
      wide = Math.max(wide, near * Math.abs(ca * p[0] - sa * p[1]));
      high = Math.max(high, near * Math.abs(se * t + ce * p[2]));
    }
    const size = Math.min(0.47 * width / (wide + 0.5), 0.47 * height / (high + 0.5), 0.75 * Math.min(width, height) / reach);
    const see = (p) => {
      const x = ca * p[0] - sa * p[1], t = sa * p[0] + ca * p[1];
      const y = se * t + ce * p[2], z = -ce * t + se * p[2];
      const near = distance / (distance - z);
      return [width / 2 + size * near * x, height / 2 - size * near * y, z, size * near];
    };
    const scene = items.map((item) => [see(item), item[3], null]);
    for (const [from, to] of edges) {
      const a = see(from), b = see(to);
      scene.push([[0, 0, (a[2] + b[2]) / 2, 1], -1, [a, b]]);
    }
    scene.sort((one, two) => one[0][2] - two[0][2]);
    const line = getComputedStyle(stage).color;
    for (const [at, kind, ends] of scene) {
      const depth = Math.min(Math.max((at[2] / reach + 1) / 2, 0), 1);
      if (ends) {
        pen.globalAlpha = 0.25 + 0.4 * depth;
        pen.strokeStyle = line; pen.lineWidth = 1.1;
        pen.beginPath(); pen.moveTo(ends[0][0], ends[0][1]); pen.lineTo(ends[1][0], ends[1][1]); pen.stroke();
      } else {
        const radius = model.elements[kind][2] * at[3];
        pen.globalAlpha = 0.45 + 0.55 * depth;
        pen.drawImage(sprites[kind], at[0] - radius, at[1] - radius, 2 * radius, 2 * radius);
      }
    }
    pen.globalAlpha = 1;
  };
  let waiting = false;
  const redraw = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  };
  const turn = (across, up) => {
    azimuth += across;
    elevation = Math.min(Math.max(elevation + up, -Math.PI / 2), Math.PI / 2);
    redraw();
  };
  let last = null;
  canvas.addEventListener("pointerdown", (event) => { last = [event.clientX, event.clientY]; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    turn((event.clientX - last[0]) * 0.011, (event.clientY - last[1]) * 0.011);
    last = [event.clientX, event.clientY];
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { last = null; });
  canvas.addEventListener("dblclick", () => { [azimuth, elevation] = home; redraw(); });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-0.12, 0], ArrowRight: [0.12, 0], ArrowUp: [0, -0.12], ArrowDown: [0, 0.12] }[event.key];
    if (step) { event.preventDefault(); turn(...step); }
  });
  new ResizeObserver(redraw).observe(stage);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  draw();
}

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.from).innerText;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(document.getElementById(button.dataset.from));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "Selected";
    }
  });
}

const links = new Map([...document.querySelectorAll("nav.contents a")].map((link) => [link.hash.slice(1), link]));
const watch = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) {
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(entry.target.id)?.setAttribute("aria-current", "true");
  }
}, { rootMargin: "-10% 0px -75% 0px" });
for (const id of links.keys()) { const target = document.getElementById(id); if (target) watch.observe(target); }
