// Draws the charts of a report from the JSON in the page.
"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const runs = data.runs;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const ink = dark ? "#98a2ae" : "#68717d", grid = dark ? "#2a313a" : "#e3e7ec";
  const palette = { hit: "#2f81f7", miss: "#e16f24", done: "#2f81f7", "206": "#1b9e77", "304": "#8957e5", "404": "#8b949e", "410": "#bf8700",
    "409": "#a0522d", "412": "#6e7781", "416": "#57606a", "429": "#d4a72c", "503": "#cf222e", "5xx": "#a40e26", "4xx": "#bc4c00",
    other: "#6e7781", broken: "#ff4d6d", left: "#6cb6ff", slow: "#56d4dd", all: dark ? "#e6eaef" : "#1b1f24" };
  const color = (name) => palette[name] || "#6e7781";
  for (const s of document.querySelectorAll(".swatch")) s.style.background = color(s.dataset.outcome);

  const ms = (v) => v == null ? "–" : v >= 1000 ? +(v / 1000).toPrecision(3) + " s" : v >= 1 ? +v.toPrecision(3) + " ms" : Math.round(v * 1000) + " µs";
  const number = (v) => v == null ? "–" : v >= 10000 ? +(v / 1000).toPrecision(3) + "k" : "" + +v.toPrecision(4);
  const axis = (more) => Object.assign({ stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font: "12px system-ui" }, more);
  const seconds = axis({ values: (u, at) => at.map((v) => +v.toFixed(2) + " s") });
  // On a logarithmic scale only powers of ten are labelled.
  const powers = (text) => (u, at) => at.map((v) => v != null && Math.abs(Math.log10(v) - Math.round(Math.log10(v))) < 1e-9 ? text(v) : "");

  function chart(id, options, columns) {
    const at = document.getElementById(id);
    if (!at || columns[0].length === 0) return;
    const size = () => ({ width: at.clientWidth || 500, height: at.closest(".wide") ? 300 : 250 });
    const u = new uPlot(Object.assign(size(), { padding: [10, 32, 0, 4], cursor: { y: false } }, options), columns, at);
    addEventListener("resize", () => u.setSize(size()));
  }
  // Series of different lengths on one axis.
  const join = (tables) => uPlot.join(tables);
  const label = (i, text) => runs.length > 1 ? (i ? "B " : "A ") + text : text;
  const dash = (i) => i ? [6, 4] : undefined;
  const line = (text, stroke, i, value, width) => ({ label: label(i, text), stroke, width: width || 2, dash: dash(i), value: (u, v) => value(v), points: { show: false }, spanGaps: true });

  // Latency by percentile: x is 1/(1-q), so that each nine has the same room.
  (function () {
    const tables = [], series = [{ label: "percentile", value: (u, v) => v == null ? "–" : "p" + +(100 * (1 - 1 / v)).toFixed(5) }];
    runs.forEach((run, i) => {
      const list = [run.all].concat(runs.length > 1 ? [] : run.outcomes.length > 1 ? run.outcomes.filter((o) => o.curve) : []);
      for (const o of list) {
        if (!o.curve || !o.curve.length) continue;
        tables.push([o.curve.map((p) => 1 / (1 - p.q)), o.curve.map((p) => p.ms)]);
        series.push(line(o.name, runs.length > 1 ? (i ? "#e16f24" : "#2f81f7") : color(o.name), i, ms, o.name === "all" ? 2.5 : 1.5));
      }
    });
    if (!tables.length) return;
    const names = { 1: "p0", 10: "p90", 100: "p99", 1000: "p99.9", 10000: "p99.99", 100000: "p99.999", 1000000: "p99.9999", 10000000: "p99.99999" };
    chart("curve", { scales: { x: { time: false, distr: 3 }, y: { distr: 3 } }, series,
      axes: [axis({ values: powers((v) => names[Math.round(v)] || "") }), axis({ size: 62, values: powers(ms) })] }, join(tables));
  })();

  // Throughput, failures below it.
  (function () {
    const tables = [], series = [{ label: "time", value: (u, v) => v == null ? "–" : +v.toFixed(1) + " s" }];
    runs.forEach((run, i) => {
      const at = run.over_time.map((s) => s.at);
      tables.push([at, run.over_time.map((s) => Object.values(s.counts).reduce((a, b) => a + b, 0) / s.span), run.over_time.map((s) => s.failed / s.span)]);
      series.push(line("answers", i ? "#e16f24" : "#2f81f7", i, number), line("failed", "#cf222e", i, number, 1.5));
    });
    chart("throughput", { scales: { x: { time: false }, y: { range: (u, lo, hi) => [0, (hi || 1) * 1.08] } }, series,
      axes: [seconds, axis({ size: 58, values: (u, at) => at.map(number) })] }, join(tables));
  })();

  // Latency of each second.
  (function () {
    const tables = [], series = [{ label: "time", value: (u, v) => v == null ? "–" : +v.toFixed(1) + " s" }];
    runs.forEach((run, i) => {
      const some = run.over_time.filter((s) => s.latency.count > 0);
      const of = (k) => some.map((s) => s.latency[k]);
      const both = runs.length > 1;
      tables.push([some.map((s) => s.at), of("p50"), of("p99")].concat(both ? [] : [of("max")]));
      series.push(line("p50", both ? (i ? "#e16f24" : "#2f81f7") : "#2f81f7", i, ms), line("p99", both ? (i ? "#bf8700" : "#8957e5") : "#e16f24", i, ms));
      if (!both) series.push(line("greatest", "#8b949e", i, ms, 1));
    });
    chart("over", { scales: { x: { time: false }, y: { distr: 3 } }, series, axes: [seconds, axis({ size: 62, values: powers(ms) })] }, join(tables));
  })();

  // Outcomes, stacked: each band reaches from the sum below it to its own.
  (function () {
    const run = runs[runs.length - 1], over = run.over_time;
    const names = run.outcomes.map((o) => o.name).sort((a, b) => (run.outcomes.find((o) => o.name === b).count - run.outcomes.find((o) => o.name === a).count));
    const totals = over.map((s) => Object.values(s.counts).reduce((a, b) => a + b, 0) || 1);
    const columns = [over.map((s) => s.at)], series = [{ label: "time", value: (u, v) => v == null ? "–" : +v.toFixed(1) + " s" }], sums = over.map(() => 0), shares = [];
    for (const name of names) {
      const own = over.map((s, k) => 100 * (s.counts[name] || 0) / totals[k]);
      own.forEach((v, k) => { sums[k] += v; });
      columns.push(sums.slice());
      shares.push(own);
    }
    // The uppermost first, so that the lower ones are drawn over it.
    const stacked = [columns[0]].concat(columns.slice(1).reverse());
    names.slice().reverse().forEach((name, r) => {
      const own = shares[names.length - 1 - r];
      series.push({ label: name, stroke: color(name), fill: color(name) + "cc", width: 1, points: { show: false }, value: (u, v, si, k) => k == null ? "–" : +own[k].toFixed(2) + " %" });
    });
    chart("mix", { scales: { x: { time: false }, y: { range: [0, 100] } }, series, axes: [seconds, axis({ values: (u, at) => at.map((v) => v + " %") })] }, stacked);
  })();

  // The knee: latency by rate.
  (function () {
    const c = runs[0].capacity;
    if (!c) return;
    const steps = c.steps.slice().sort((a, b) => a.rate - b.rate);
    const of = (k) => steps.map((s) => s[k]);
    const dots = (text, stroke) => Object.assign(line(text, stroke, 0, ms), { points: { show: true, size: 7, fill: stroke } });
    chart("knee", { scales: { x: { time: false }, y: { distr: 3 } }, series: [{ label: "asked for", value: (u, v) => number(v) + "/s" }, dots("p50", "#2f81f7"), dots("p99", "#e16f24"), dots("p99.9", "#8957e5")],
      axes: [axis({ values: (u, at) => at.map((v) => number(v) + "/s") }), axis({ size: 62, values: powers(ms) })],
      hooks: { draw: [(u) => {
        if (!c.knee) return;
        const x = u.valToPos(c.knee, "x", true), ctx = u.ctx;
        ctx.save(); ctx.strokeStyle = "#1a7f37"; ctx.lineWidth = 2 * devicePixelRatio; ctx.setLineDash([6, 6]); ctx.beginPath(); ctx.moveTo(x, u.bbox.top); ctx.lineTo(x, u.bbox.top + u.bbox.height); ctx.stroke(); ctx.restore();
      }] } }, [of("rate"), of("p50"), of("p99"), of("p99_9")]);
  })();
})();
