// Reads a bank file with Actual's parser and tells how long it took: node actual.js FILE (see bench/imports.py).
const api = require('@actual-app/api');
const fs = require('fs');
const os = require('os');
const path = require('path');

const say = console.log;
console.log = () => {};

(async () => {
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'actual-'));
  await api.init({ dataDir });
  await api.runImport('bench', async () => {});
  const began = process.hrtime.bigint();
  const parsed = await api.internal.send('transactions-parse-file', {
    filepath: process.argv[2],
    options: { hasHeaderRow: true, delimiter: ',' },
  });
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  // Of this process alone.
  const megabytes = Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
  const rows = (parsed.transactions || []).length;
  say(JSON.stringify({ rows, seconds, megabytes }));
  fs.rmSync(dataDir, { recursive: true, force: true });
  process.exit(0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
