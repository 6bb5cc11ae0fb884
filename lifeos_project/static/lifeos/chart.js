// The net worth line. Its figures stand in the page as JSON with finished texts; the table beneath says the same.
(() => {
  const data = JSON.parse(document.getElementById("worth-data").textContent);
  const canvas = document.getElementById("worth-chart");
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
    const line = token("--chart-line");
    const raised = token("--raised");
    chart = new Chart(canvas, {
      type: "line",
      data: {
        labels: data.labels,
        datasets: [{
          data: data.values.map(Number), borderColor: line, backgroundColor: token("--chart-fill"), fill: "origin", borderWidth: 2,
          tension: 0.25, pointRadius: 0, pointHoverRadius: 5, pointHoverBackgroundColor: line, pointHoverBorderColor: raised, pointHoverBorderWidth: 2,
        }],
      },
      options: {
        responsive: true, maintainAspectRatio: false, animation: still ? false : { duration: 150 },
        interaction: { mode: "index", intersect: false },
        font: { family: "Inter, system-ui, sans-serif" },
        scales: {
          x: { grid: { display: false }, border: { color: token("--hairline") }, ticks: { color: muted, maxRotation: 0, autoSkipPadding: 24, font: { family: "Inter", size: 12 } } },
          y: { beginAtZero: true, grid: { color: token("--hairline") }, border: { display: false }, ticks: { color: muted, maxTicksLimit: 5, callback: (value) => short.format(value).replace("-", "−"), font: { family: "Inter", size: 12 } }, grace: "8%" },
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            displayColors: false, backgroundColor: raised, titleColor: muted, bodyColor: token("--text"), borderColor: token("--hairline"), borderWidth: 1,
            padding: 12, cornerRadius: 8, titleFont: { family: "Inter", size: 12, weight: 400 }, bodyFont: { family: "Inter", size: 14, weight: 600 },
            callbacks: { label: (item) => data.texts[item.dataIndex] },
          },
        },
      },
    });
  }

  draw();
  document.addEventListener("lifeos:theme", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
