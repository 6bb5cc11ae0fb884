// Draws every canvas with data-chart, which names the JSON in the page that has its figures and their finished texts; the table below says the same.
// The JSON is {type, axis, labels, sets: [{label, values, texts}]}; with only one set its values and texts may be given directly. Bars by default.
(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const short = new Intl.NumberFormat(document.documentElement.lang || undefined, { notation: "compact", maximumSignificantDigits: 3 });
  const token = (name) => {
    // Canvas needs a settled colour: light-dark() is resolved by the browser on a real property.
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  };

  function draw(canvas) {
    const data = JSON.parse(document.getElementById(canvas.dataset.chart).textContent);
    const sets = data.sets ?? [data];
    const type = data.type ?? canvas.dataset.type ?? "bar";
    const axis = data.axis ?? "x";
    const several = sets.length > 1;
    const muted = token("--muted");
    const raised = token("--raised");
    const hairline = token("--hairline");
    const line = token("--chart-line");
    const font = { family: "Inter", size: 12 };
    // Of two sets over time (income, spending) the second has the strong colour; of rows and what they are compared with, the first.
    const colours = several && axis === "x" ? ["--chart-bar-quiet", "--chart-bar"] : ["--chart-bar", "--chart-bar-quiet"];
    const look = (index) =>
      type === "line"
        ? {
            borderColor: line, backgroundColor: token("--chart-fill"), fill: "origin", borderWidth: 2, tension: 0.25, pointRadius: 0,
            pointHoverRadius: 5, pointHoverBackgroundColor: line, pointHoverBorderColor: raised, pointHoverBorderWidth: 2,
          }
        : { backgroundColor: token(colours[index % 2]), borderRadius: 3, maxBarThickness: 36, ...(several ? {} : { hoverBackgroundColor: line }) };
    const amounts = {
      beginAtZero: true, grid: { color: hairline }, border: { display: false }, grace: type === "line" ? "8%" : 0,
      ticks: { color: muted, maxTicksLimit: 5, callback: (value) => short.format(value).replace("-", "−"), font },
    };
    const names = { grid: { display: false }, border: { color: hairline }, ticks: { color: muted, maxRotation: 0, autoSkip: axis === "x", autoSkipPadding: 24, font } };
    Chart.getChart(canvas)?.destroy();
    new Chart(canvas, {
      type,
      data: { labels: data.labels, datasets: sets.map((set, index) => ({ label: set.label, data: set.values.map(Number), ...look(index) })) },
      options: {
        responsive: true, maintainAspectRatio: false, animation: still ? false : { duration: 150 }, indexAxis: axis,
        interaction: { mode: "index", axis, intersect: false },
        scales: axis === "x" ? { x: names, y: amounts } : { x: amounts, y: names },
        plugins: {
          legend: { display: several, labels: { color: muted, boxWidth: 12, boxHeight: 12, font } },
          tooltip: {
            displayColors: several, backgroundColor: raised, titleColor: muted, bodyColor: token("--text"), borderColor: hairline, borderWidth: 1,
            padding: 12, cornerRadius: 8, titleFont: { ...font, weight: 400 }, bodyFont: { family: "Inter", size: 14, weight: 600 },
            callbacks: { label: (item) => `${several ? `${item.dataset.label}: ` : ""}${sets[item.datasetIndex].texts[item.dataIndex]}` },
          },
        },
      },
    });
  }

  const drawAll = () => document.querySelectorAll("canvas[data-chart]").forEach(draw);
  drawAll();
  document.addEventListener("lifeos:theme", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
