// The chart of a report. Its figures stand in the page as JSON with finished texts; the table beneath says the same.
(() => {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const canvas = document.getElementById("report-chart");
  const token = (name) => {
    // Canvas needs a settled colour: light-dark() is resolved by the browser on a real property.
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  };
  const short = new Intl.NumberFormat(navigator.language, { notation: "compact", maximumSignificantDigits: 3 });
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let chart = null;

  function draw() {
    chart?.destroy();
    const muted = token("--muted");
    const raised = token("--raised");
    const isLine = data.type === "line";
    const font = { family: "Inter", size: 12 };
    const colours = data.sets.length > 1 && data.axis === "x" ? ["--chart-bar-quiet", "--chart-bar"] : ["--chart-bar", "--chart-bar-quiet"];
    const amounts = {
      beginAtZero: true, grid: { color: token("--hairline") }, border: { display: false },
      ticks: { color: muted, maxTicksLimit: 5, callback: (value) => short.format(value).replace("-", "−"), font },
    };
    const names = { grid: { display: false }, border: { color: token("--hairline") }, ticks: { color: muted, maxRotation: 0, autoSkip: data.axis === "x", autoSkipPadding: 24, font } };
    chart = new Chart(canvas, {
      type: data.type,
      data: {
        labels: data.labels,
        datasets: data.sets.map((set, index) => ({
          label: set.label, data: set.values.map(Number), borderRadius: 3, maxBarThickness: 36,
          backgroundColor: token(isLine ? "--chart-fill" : colours[index % 2]),
          ...(isLine ? { borderColor: token("--chart-line"), fill: "origin", borderWidth: 2, tension: 0.25, pointRadius: 0, pointHoverRadius: 5 } : {}),
        })),
      },
      options: {
        responsive: true, maintainAspectRatio: false, animation: still ? false : { duration: 150 }, indexAxis: data.axis,
        interaction: { mode: "index", axis: data.axis, intersect: false },
        scales: data.axis === "x" ? { x: names, y: amounts } : { x: amounts, y: names },
        plugins: {
          legend: { display: data.sets.length > 1, labels: { color: muted, boxWidth: 12, boxHeight: 12, font } },
          tooltip: {
            backgroundColor: raised, titleColor: muted, bodyColor: token("--text"), borderColor: token("--hairline"), borderWidth: 1,
            padding: 12, cornerRadius: 8, titleFont: { ...font, weight: 400 }, bodyFont: { family: "Inter", size: 14, weight: 600 },
            callbacks: { label: (item) => `${data.sets.length > 1 ? `${item.dataset.label}: ` : ""}${data.sets[item.datasetIndex].texts[item.dataIndex]}` },
          },
        },
      },
    });
  }

  draw();
  document.addEventListener("lifeos:theme", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
