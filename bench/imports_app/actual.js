// Actual's own reader and import over a budget of its own: node actual.js FILE DIRECTORY RESULT
const fs = require("fs");
const path = require("path");
const [file, directory, result] = process.argv.slice(2);
const api = require(path.join(directory, "node_modules", "@actual-app/api"));

const seconds = async (work) => {
  const start = process.hrtime.bigint();
  const value = await work();
  return [value, Number(process.hrtime.bigint() - start) / 1e9];
};

(async () => {
  const data = path.join(directory, "data");
  fs.mkdirSync(data, { recursive: true });
  await api.init({ dataDir: data });
  await api.runImport("bench", async () => {});
  const account = await api.createAccount({ name: "Checking" }, 0);
  const options = { hasHeaderRow: true, delimiter: ",", fallbackMissingPayeeToMemo: true };
  const before = process.cpuUsage();
  const [parsed, reading] = await seconds(() => api.internal.send("transactions-parse-file", { filepath: file, options }));
  const rows = parsed.transactions.map((row) => ({
    account,
    date: row.Date ?? row.date,
    amount: Math.round(parseFloat(row.Amount ?? row.amount) * 100),
    payee_name: row.Description ?? row.payee_name,
    imported_id: row.imported_id,
  }));
  const [answer, importing] = await seconds(() => api.importTransactions(account, rows));
  const used = process.cpuUsage(before);
  const processor = (used.user + used.system) / 1e6;
  const megabytes = process.resourceUsage().maxRSS / 1024;
  fs.writeFileSync(result, JSON.stringify({ rows: rows.length, added: answer.added.length, reading, importing, processor, megabytes }));
  await api.shutdown();
  process.exit(0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
