// Bars from zero for every canvas with data-bars: its figures stand in the page as JSON with finished texts, and in the table beneath.
(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const short = new Intl.NumberFormat(navigator.language, { notation: "compact", maximumSignificantDigits: 3 });
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
    const data = JSON.parse(document.getElementById(canvas.dataset.bars).textContent);
    Chart.getChart(canvas)?.destroy();
    const muted = token("--muted");
    const font = { family: "Inter", size: 12 };
    new Chart(canvas, {
      type: "bar",
      data: { labels: data.labels, datasets: [{ data: data.values.map(Number), backgroundColor: token("--chart-bar"), hoverBackgroundColor: token("--chart-line"), borderRadius: 3, maxBarThickness: 28 }] },
      options: {
        responsive: true, maintainAspectRatio: false, animation: still ? false : { duration: 150 },
        interaction: { mode: "index", intersect: false },
        scales: {
          x: { grid: { display: false }, border: { color: token("--hairline") }, ticks: { color: muted, maxRotation: 0, autoSkipPadding: 24, font } },
          y: { beginAtZero: true, grid: { color: token("--hairline") }, border: { display: false }, ticks: { color: muted, maxTicksLimit: 4, callback: (value) => short.format(value).replace("-", "−"), font } },
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            displayColors: false, backgroundColor: token("--raised"), titleColor: muted, bodyColor: token("--text"), borderColor: token("--hairline"), borderWidth: 1,
            padding: 12, cornerRadius: 8, titleFont: font, bodyFont: { family: "Inter", size: 14, weight: 600 },
            callbacks: { label: (item) => data.texts[item.dataIndex] },
          },
        },
      },
    });
  }

  const drawAll = () => document.querySelectorAll("canvas[data-bars]").forEach(draw);
  drawAll();
  document.addEventListener("lifeos:theme", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
