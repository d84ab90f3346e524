// Draws the curves in the colours of the page, with legends that toggle, and makes tables sortable.
(function () {
  "use strict";
  const HEIGHT = 420, TOP = 16, BOTTOM = 52, GAP = 16;
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colourOf = (curve) => css("--series-" + curve.colour);
  const show = (v) => (v === 0 ? "0" : v >= 10 ? v.toFixed(1) : v >= 0.1 ? v.toFixed(2) : v.toPrecision(2));

  // Plotly reads a little markup in text, and a name may hold any.
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const short = (name, most) => plain(name.length > most ? name.slice(0, most - 1) + "…" : name);

  // Ticks from the right, each far enough from the next that their numbers do not touch.
  function spaced(ticks, pixels) {
    const low = Math.log10(ticks[0]), span = Math.log10(ticks[ticks.length - 1]) - low;
    const position = (tick) => ((Math.log10(tick) - low) / (span || 1)) * pixels;
    return ticks.reduceRight((kept, tick) =>
      kept.length && position(kept[0]) - position(tick) < 28 ? kept : [tick, ...kept], []);
  }

  function transparent(hex, alpha) {
    const n = parseInt(hex.slice(1), 16);
    return "rgba(" + [n >> 16, (n >> 8) & 255, n & 255, alpha].join(",") + ")";
  }

  function band(figure, curve) {
    const clip = (v) => Math.max(v, figure.floor);
    const upper = curve.mean.map((m, i) => clip(m + curve.error[i]));
    const lower = curve.mean.map((m, i) => clip(m - curve.error[i]));
    return {
      x: figure.at.concat(figure.at.slice().reverse()), y: upper.concat(lower.reverse()),
      type: "scatter", mode: "lines", fill: "toself", fillcolor: transparent(colourOf(curve), 0.16),
      line: { width: 0 }, hoverinfo: "skip", meta: "band",
    };
  }

  function line(figure, curve) {
    const single = figure.at.length === 1;
    const text = curve.mean.map((m, i) => show(m) + (curve.error ? " ± " + show(curve.error[i]) : ""));
    return {
      x: figure.at, y: curve.mean.map((m) => Math.max(m, figure.floor)), text: text, type: "scatter",
      mode: single ? "markers" : "lines",
      error_y: { type: "data", array: curve.error || [], visible: single && curve.error !== null, thickness: 1.6 },
      line: { color: colourOf(curve), width: 2.2, dash: curve.dash }, marker: { color: colourOf(curve), size: 9 },
      hovertemplate: "<b>" + plain(curve.name) + "</b><br>%{text} " + figure.unit + "<br>after %{x:,.6~g} " + figure.counts + "<extra></extra>",
    };
  }

  // Labels at line ends, moved apart so that none covers another; a leader in the line's colour ties each to its curve.
  function endLabels(figure, curves, size, most) {
    const [low, high] = figure.range.map((v) => scaled(figure, v));
    const plot = HEIGHT - TOP - BOTTOM;
    const labels = curves.map((curve) => {
      const value = scaled(figure, Math.max(curve.mean[curve.mean.length - 1], figure.floor));
      return { curve: curve, value: value, end: ((high - value) / (high - low)) * plot };
    }).sort((a, b) => a.end - b.end);
    labels.forEach((label, i) => { label.at = Math.max(label.end, i ? labels[i - 1].at + GAP : 0); });
    for (let i = labels.length - 1; i >= 0; i--) {
      labels[i].at = Math.min(labels[i].at, i < labels.length - 1 ? labels[i + 1].at - GAP : plot);
    }
    return labels.map((label) => ({
      x: Math.log10(figure.at[figure.at.length - 1]), y: label.value, xref: "x", yref: "y",
      ax: 22, ay: label.at - label.end, text: short(label.curve.name, most), xanchor: "left", showarrow: true, arrowhead: 0,
      arrowwidth: 1.6, arrowcolor: colourOf(label.curve), borderpad: 2, font: { size: size, color: css("--ink") },
    }));
  }

  // Regret has a logarithmic axis; figure.linear asks for a plain one, with a line at figure.ceiling where there is one.
  const scaled = (figure, v) => (figure.linear ? v : Math.log10(v));

  // What all figures have in common: the page's colours and letters.
  const frameOf = (width) => ({
    width: width, height: HEIGHT, showlegend: false, hovermode: "closest", dragmode: false,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: "system-ui, sans-serif", color: css("--muted") },
    hoverlabel: { bgcolor: css("--card"), bordercolor: css("--edge"), font: { color: css("--ink"), size: 13 } },
  });
  const axisOf = (small) => ({ type: "log", gridcolor: css("--grid"), linecolor: css("--edge"), zeroline: false, automargin: false,
    tickfont: { size: small ? 11 : 12 }, fixedrange: true, ticks: "outside", tickcolor: css("--edge"), showline: true });

  function layout(figure, curves, width) {
    const small = width < 560, size = small ? 11 : 13, most = small ? 14 : 20;
    const longest = Math.max(4, ...curves.map((curve) => curve.name.length));
    const start = figure.at[0], last = figure.at[figure.at.length - 1];
    const digits = Math.max(...figure.yticks.map((v) => String(v).length));  // the title stands left of the numbers
    const left = (small ? 38 : 52) + Math.max(2, digits) * 7.5, right = 36 + Math.min(longest, most) * size * 0.58;
    const xticks = spaced(figure.xticks, width - left - right);
    const axis = axisOf(small);
    const floor = figure.zero ? [figure.floor] : [], ceiling = figure.ceiling ? [figure.ceiling] : [];
    const across = (dash) => (v) => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: v, y1: v, layer: "below",
      line: { color: css("--muted"), width: dash === "dot" ? 1 : 1.6, dash: dash } });
    return Object.assign(frameOf(width), {
      margin: { l: left, t: TOP, b: BOTTOM, r: right },
      xaxis: Object.assign({}, axis, { title: { text: figure.counts, font: { size: 13 } },
        range: last > start ? [Math.log10(start), Math.log10(last)] : [Math.log10(last) - 0.3, Math.log10(last) + 0.3], tickvals: xticks,
        tickangle: 0, ticktext: xticks.map((v) => v.toLocaleString("en")) }),
      yaxis: Object.assign({}, axis, { title: { text: figure.title || "mean regret (" + figure.unit + ")", font: { size: 13 } },
        type: figure.linear ? "linear" : "log", range: figure.range.map((v) => scaled(figure, v)), tickvals: floor.concat(figure.yticks),
        ticktext: floor.map(() => "0").concat(figure.yticks.map(String)) }),
      shapes: floor.map(across("dot")).concat(ceiling.map(across("dash"))),
      annotations: endLabels(figure, curves, size, most).concat(floor.map((v) => ({ xref: "paper", x: 0.01, y: Math.log10(v),
        yanchor: "bottom", xanchor: "left", text: small ? "0: optimum" : "0: every run has found the optimum", showarrow: false,
        font: { size: small ? 11 : 12, color: css("--muted") } })), ceiling.map((v) => ({ xref: "paper", x: 0.01, y: v,
        yanchor: "bottom", xanchor: "left", text: "label-noise ceiling " + v.toFixed(2), showarrow: false,
        font: { size: small ? 11 : 12, color: css("--muted") } }))),
    });
  }

  function draw(plot, figure, hidden) {
    const curves = figure.curves.filter((curve) => !hidden.has(curve.name)), width = plot.clientWidth;
    if (figure.kind === "points") {
      const tools = { css: css, colourOf: colourOf, plain: plain, short: short, spaced: spaced, axis: (small) => axisOf(small) };
      const drawn = window.warmnasPoints;
      Plotly.react(plot, drawn.traces(figure, curves, tools), drawn.layout(figure, curves, width, frameOf(width), tools), { displayModeBar: false });
      return;
    }
    const bands = curves.filter((curve) => curve.error).map((curve) => band(figure, curve));
    const traces = bands.concat(curves.map((curve) => line(figure, curve)));
    Plotly.react(plot, traces, layout(figure, curves, width), { displayModeBar: false });
  }

  function legendButton(curve, toggle) {
    const button = document.createElement("button");
    const swatch = document.createElement("span");
    const patterns = { solid: "solid", dash: "dashed", dot: "dotted", dashdot: "double" };
    swatch.className = "swatch";
    swatch.style.borderTop = "3px " + patterns[curve.dash] + " var(--series-" + curve.colour + ")";
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.append(swatch, curve.name + (curve.deterministic ? " (deterministic)" : ""));
    button.addEventListener("click", () => button.setAttribute("aria-pressed", String(toggle(curve.name))));
    return button;
  }

  function setUpFigure(plot) {
    const figure = JSON.parse(document.getElementById(plot.dataset.figure).textContent);
    const hidden = new Set(), redraw = () => draw(plot, figure, hidden);
    const toggle = (name) => {
      const shown = hidden.delete(name);
      if (!shown) hidden.add(name);
      redraw();
      return shown;
    };
    figure.curves.forEach((curve) => plot.previousElementSibling.append(legendButton(curve, toggle)));
    let width = 0;
    new ResizeObserver(() => {
      if (plot.clientWidth === width) return;  // its own height changes too, and that asks for nothing
      width = plot.clientWidth;
      redraw();
    }).observe(plot);
    return redraw;
  }

  function sortBy(header) {
    const table = header.closest("table"), body = table.tBodies[0];
    const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    const key = (row) => row.cells[header.dataset.column].dataset.value;
    const words = header.dataset.kind === "text";
    const compare = (a, b) => {
      if (words) return direction * key(a).localeCompare(key(b));
      const x = parseFloat(key(a)), y = parseFloat(key(b));
      return isNaN(x) ? Number(!isNaN(y)) : isNaN(y) ? -1 : x === y ? 0 : direction * (x - y);  // absent ones last
    };
    table.querySelectorAll("th[aria-sort]").forEach((other) => other.setAttribute("aria-sort", "none"));
    header.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
    body.append(...Array.from(body.rows).sort(compare));
  }

  document.querySelectorAll("th[aria-sort] button").forEach((button) =>
    button.addEventListener("click", () => sortBy(button.closest("th"))));
  const redraws = Array.from(document.querySelectorAll(".plot"), setUpFigure);
  const all = () => redraws.forEach((redraw) => redraw());
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
})();
