// How the recipes are started and checked.
'use strict';
const { Clustron, disturbAnswers, now } = require('./clustron.js');

// Runs a recipe. Options of every one: --nodes HOST:PORT,... (ports 7001 to 7003), --check [SECONDS] (10): runs `check` with several of them,
// and fails if what the recipe promises does not hold, or if it stands still at the end. Other words are left to `main`.
async function program({ main, check }) {
  const words = process.argv.slice(2);
  const option = (name, fallback) => {
    const i = words.indexOf(name);
    if (i < 0) return null;
    const [, value] = words.splice(i, words[i + 1] && !words[i + 1].startsWith('-') ? 2 : 1);
    return value ?? fallback;
  };
  const endpoints = (option('--nodes') ?? '127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003').split(',');
  const seconds = option('--check', '10');
  try {
    if (seconds === null) return await main(endpoints, words);
    // The time of the check counts from when all nodes serve.
    for (const endpoint of endpoints) {
      const db = new Clustron([endpoint]);
      await db.repeat('EXISTS', 'a');
      db.close();
    }
    console.log('BEGUN');
    disturbAnswers();
    const run = new CheckRun(Number(seconds) * 1000);
    console.log(await check(endpoints, run));
    run.judge();
    console.log('OK');
    process.exit(0);
  } catch (e) {
    console.log(`FAILED ${seconds === null ? e.message : e.stack}`);
    process.exit(1);
  }
}

class CheckRun {
  constructor(ms) {
    Object.assign(this, { began: now(), ms, steps: [] });
  }

  get over() {
    return now() - this.began >= this.ms;
  }

  // Something was achieved.
  step() {
    this.steps.push(now() - this.began);
  }

  // It went on until the end, over whatever happened to the cluster.
  judge() {
    const late = this.steps.filter((at) => at > this.ms * 0.7).length;
    if (!late) throw new Error(`nothing was achieved in the last third: ${this.steps.length} steps before`);
  }
}

module.exports = { program };
