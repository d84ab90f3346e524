// Figures of points on two axes, such as regret against speed-up: a point per setting, a line through the settings of a method.
(function () {
  "use strict";
  const SYMBOLS = { solid: "circle", dash: "square", dot: "diamond", dashdot: "triangle-up" };
  const LINE = 17, AROUND = [[1, 0], [1, -1], [1, 1], [-1, 0], [-1, -1], [-1, 1], [0, -1], [0, 1]], REACH = [12, 26, 44, 64];

  function traces(figure, curves, tools) {
    const colour = tools.colourOf;
    return curves.flatMap((curve) => [
      { x: curve.line.map((p) => p[0]), y: curve.line.map((p) => Math.sqrt(p[1])), type: "scatter", mode: "lines",
        line: { color: colour(curve), width: 1.6, dash: curve.dash }, hoverinfo: "skip", meta: "line" },
      { x: curve.points.map((p) => p.x), y: curve.points.map((p) => Math.sqrt(p.y)), type: "scatter", mode: "markers", cliponaxis: false,
        error_y: { type: "data", symmetric: false, thickness: 1.4, width: 3, color: colour(curve),
          array: curve.points.map((p) => Math.sqrt(p.y + p.error) - Math.sqrt(p.y)),
          arrayminus: curve.points.map((p) => Math.sqrt(p.y) - Math.sqrt(Math.max(0, p.y - p.error))) },
        marker: { color: colour(curve), size: 10, symbol: SYMBOLS[curve.dash], line: { color: tools.css("--card"), width: 1 } },
        text: curve.points.map((p) => tools.plain(p.about)), hovertemplate: "<b>" + tools.plain(curve.name) + "</b><br>%{text}<extra></extra>" },
    ]);
  }

  const overlap = (a, b) => Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) *
    Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));

  // A name near its method's first point, where it covers no other name, and as few points and lines as can be.
  function labels(figure, curves, box, size, most, tools) {
    const high = Math.sqrt(figure.top);
    const at = (x, y) => [(Math.log(x) / Math.log(figure.right)) * box.width, (1 - Math.sqrt(y) / high) * box.height];
    const dots = curves.flatMap((curve) => curve.points.map((p) => at(p.x, p.y))).map(([x, y]) => (
      { left: x - 7, right: x + 7, top: y - 7, bottom: y + 7, weight: 6 }));
    const lines = curves.flatMap((curve) => curve.line.slice(1).flatMap((p, i) => [0.15, 0.35, 0.5, 0.65, 0.85].map((share) => {
      const [x0, y0] = at(curve.line[i][0], curve.line[i][1]), [x1, y1] = at(p[0], p[1]);
      const x = x0 + share * (x1 - x0), y = y0 + share * (y1 - y0);
      return { left: x - 3, right: x + 3, top: y - 3, bottom: y + 3, weight: 1 };
    })));
    const limit = at(figure.ceiling, 0)[0];
    const taken = dots.concat(lines, [{ left: limit - 4, right: limit + 4, top: -20, bottom: box.height, weight: 4 }]);
    return curves.filter((curve) => curve.points.length).map((curve) => {
      const text = tools.short(curve.name, most), wide = text.length * size * 0.6 + 6;
      const [x, y] = at(curve.points[0].x, curve.points[0].y);
      const choices = REACH.flatMap((reach) => AROUND.map(([dx, dy]) => {
        const left = x + dx * reach + (dx < 0 ? -wide : dx > 0 ? 0 : -wide / 2), middle = y + dy * reach;
        const place = { left: left, right: left + wide, top: middle - LINE / 2, bottom: middle + LINE / 2, weight: 30 };
        const outside = Math.max(0, -left) + Math.max(0, place.right - box.width - box.margin) +
          Math.max(0, -place.top - 8) + Math.max(0, place.bottom - box.height);
        const cost = taken.reduce((sum, other) => sum + other.weight * overlap(place, other), 0) + 900 * outside + reach;
        return { place: place, cost: cost, dx: dx, ax: dx * reach, ay: dy * reach };
      }));
      const best = choices.reduce((a, b) => (b.cost < a.cost ? b : a));
      taken.push(best.place);
      return { x: Math.log10(curve.points[0].x), y: Math.sqrt(curve.points[0].y), xref: "x", yref: "y", ax: best.ax, ay: best.ay,
        text: text, xanchor: best.dx > 0 ? "left" : best.dx < 0 ? "right" : "center", showarrow: true, arrowhead: 0, arrowwidth: 1,
        arrowcolor: tools.colourOf(curve), borderpad: 1, font: { size: size, color: tools.css("--ink") } };
    });
  }

  function layout(figure, curves, width, frame, tools) {
    const small = width < 560, size = small ? 11 : 13, margin = { l: small ? 54 : 68, r: small ? 12 : 28, t: 22, b: 52 };
    const box = { width: width - margin.l - margin.r, height: frame.height - margin.t - margin.b, margin: margin.r };
    const axis = tools.axis(small), xticks = tools.spaced(figure.xticks, box.width);
    return Object.assign({}, frame, {
      margin: margin,
      xaxis: Object.assign({}, axis, { type: "log", range: [0, Math.log10(figure.right)], title: { text: figure.counts, font: { size: 13 } },
        tickvals: xticks, ticktext: xticks.map((v) => v + "×"), tickangle: 0 }),
      yaxis: Object.assign({}, axis, { type: "linear", range: [0, Math.sqrt(figure.top)], title: { text: figure.title, font: { size: 13 } },
        tickvals: figure.yticks.map(Math.sqrt), ticktext: figure.yticks.map(String) }),
      shapes: [{ type: "line", yref: "paper", y0: 0, y1: 1, x0: figure.ceiling, x1: figure.ceiling, layer: "below",
        line: { color: tools.css("--muted"), width: 1.6, dash: "dash" } }],
      annotations: labels(figure, curves, box, size, small ? 14 : 24, tools).concat([{ x: Math.log10(figure.ceiling), y: 1, xref: "x",
        yref: "paper", yanchor: "bottom", xanchor: "right", showarrow: false, text: "ceiling " + figure.ceiling.toFixed(1) + "×",
        font: { size: small ? 11 : 12, color: tools.css("--muted") } }]),
    });
  }

  window.warmnasPoints = { traces: traces, layout: layout };
})();
