// The console: draws the charts from the JSON in the page, and asks for what has changed every few seconds.
(() => {
  const root = document.getElementById("ob-console");
  if (!root) return;
  const button = document.getElementById("ob-pause");
  const stamp = document.getElementById("ob-refreshed");
  const charts = {};

  const colour = (name) => {
    // Canvas needs a settled colour; the browser resolves variables on a real property.
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    root.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  const read = () => JSON.parse(document.getElementById("ob-chart").textContent);
  const short = new Intl.NumberFormat(document.documentElement.lang, { notation: "compact", maximumSignificantDigits: 3 });
  const time = (value) => (value >= 1000 ? `${short.format(value / 1000)} s` : `${short.format(value)} ms`);

  function options(unit, stacked) {
    const muted = colour("--ob-muted");
    const font = { family: "Inter, system-ui, sans-serif", size: 12 };
    // Latencies span milliseconds to minutes: powers of ten, each with its line.
    const scale = stacked ? { beginAtZero: true } : { type: "logarithmic" };
    const isShown = stacked ? Number.isInteger : (value) => Number.isInteger(Math.log10(value));
    const tick = (value) => (isShown(value) ? unit(value) : null);
    return {
      responsive: true, maintainAspectRatio: false, animation: false, interaction: { mode: "index", intersect: false },
      scales: {
        x: { stacked, grid: { display: false }, border: { color: colour("--ob-line") }, ticks: { color: muted, maxRotation: 0, autoSkipPadding: 24, font } },
        y: { ...scale, stacked, grid: { color: colour("--ob-line") }, border: { display: false }, ticks: { color: muted, maxTicksLimit: stacked ? 5 : 40, autoSkip: stacked, callback: tick, font } },
      },
      plugins: {
        legend: { align: "start", labels: { color: muted, boxWidth: 10, boxHeight: 10, font } },
        tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${item.raw === null ? "–" : unit(item.raw)}` } },
      },
    };
  }

  function draw() {
    const data = read();
    const bar = (key, name) => ({ label: data.words[key], data: data[key], backgroundColor: colour(name), borderWidth: 0, barPercentage: 1, categoryPercentage: 0.85 });
    const line = (key, name, dash) => ({ label: data.words[key], data: data[key], borderColor: colour(name), backgroundColor: colour(name), borderDash: dash, borderWidth: 2, pointRadius: 0, pointHitRadius: 8, tension: 0.2, spanGaps: true });
    const wanted = {
      "ob-throughput": ["bar", [bar("sent", "--ob-accent"), bar("failed", "--ob-failed"), bar("dead", "--ob-trouble")], options((value) => short.format(value), true)],
      "ob-latency": ["line", [line("median", "--ob-accent", []), line("p99", "--ob-failed", [4, 3])], options(time, false)],
    };
    for (const [id, [type, datasets, settings]] of Object.entries(wanted)) {
      const value = { labels: data.labels, datasets };
      if (charts[id]) Object.assign(charts[id], { data: value, options: settings });
      else charts[id] = new Chart(document.getElementById(id), { type, data: value, options: settings });
      charts[id].update("none");
    }
  }

  // What somebody is using with the keyboard must not be replaced under his hands.
  const inUse = () => document.getElementById("ob-tables").contains(document.activeElement);
  const isPaused = () => button.getAttribute("aria-pressed") === "true";

  async function refresh() {
    if (isPaused() || document.hidden || inUse()) return;
    await htmx.ajax("GET", root.dataset.live, { source: root, swap: "none" });
  }

  button.addEventListener("click", () => {
    const pausing = !isPaused();
    button.setAttribute("aria-pressed", String(pausing));
    button.textContent = pausing ? button.dataset.off : button.dataset.on;
    refresh();
  });
  root.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful) return;
    stamp.hidden = false;
    stamp.querySelector("time").textContent = new Date().toLocaleTimeString(document.documentElement.lang);
    // Parts of the page are swapped in after this event.
    setTimeout(draw);
  });
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["class"] });
  button.hidden = false;
  draw();
  setInterval(refresh, Number(root.dataset.seconds) * 1000);
})();
