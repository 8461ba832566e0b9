// Runs named tests one after the other, each within a limit; the last line is "N passed, N failed".
'use strict';

const prefix = 'compat:' + process.pid + ':' + Date.now().toString(36) + ':';
const tests = [];

exports.test = (name, body) => tests.push({ name, body });
exports.key = (name) => prefix + name;
exports.sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

exports.until = async (condition, what, ms = 10000) => {
  for (const end = Date.now() + ms; !(await condition()); await exports.sleep(10)) {
    if (Date.now() > end) throw new Error('not in time: ' + what);
  }
};

exports.endpoint = () => {
  const [host, port] = process.argv[2].split(':');
  return { host, port: Number(port) };
};

exports.run = async () => {
  let passed = 0;
  let failed = 0;
  for (const { name, body } of tests) {
    const began = Date.now();
    let timer;
    try {
      const limit = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('not done within 20 s')), 20000); });
      await Promise.race([body(), limit]);
      passed++;
      console.log(`ok      ${name} (${Date.now() - began} ms)`);
    } catch (e) {
      failed++;
      console.log(`FAILED  ${name}: ${e.stack}`);
    }
    clearTimeout(timer);
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
};
