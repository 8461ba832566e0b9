// Money moves between two accounts: both or none, never below zero, and once, however often a transfer is sent.
//
//     node money_transfer.js [--nodes HOST:PORT,...] FROM TO AMOUNT [ID]      the same ID again: the same transfer
//     node money_transfer.js --check [SECONDS]
//
// One TXN is one entry of the log. It stands in ONCE, so its outcome is kept under the transfer's id, and a transfer whose answer was lost is sent again.
'use strict';
const { Clustron, unique } = require('./clustron.js');
const { program } = require('./program.js');

const KEEP_MS = 24 * 3600 * 1000;

// Whether it was moved; false: there is not enough. The id is the transfer's, made before its first attempt.
async function transfer(db, id, from, to, amount) {
  if (!Number.isSafeInteger(amount) || amount <= 0) throw new RangeError(`an amount is a whole number above 0, not ${amount}`);
  const [moved] = await db.once(`transfer:${id}`, KEEP_MS,
    'TXN', 'IF', 1, 'VALUE', from, '>=', amount,
    'THEN', 3, 3, 'DECRBY', from, amount, 3, 'INCRBY', to, amount, 3, 'RPUSH', 'transfers', `${id} ${from} ${to} ${amount}`);
  return moved === 1;
}

async function main(endpoints, [from, to, amount, id = unique('transfer')]) {
  if (!to || !amount) throw new Error('FROM TO AMOUNT [ID] is wanted');
  const db = new Clustron(endpoints);
  console.log(`transfer ${id}: ${(await transfer(db, id, from, to, Number(amount))) ? 'done' : 'refused, there is not enough'}`);
  console.log(`${from} has ${await db.repeat('GET', from)}, ${to} has ${await db.repeat('GET', to)}`);
  db.close();
}

// Clerks at all nodes; every fourth transfer is sent twice, by another clerk. The sum stays, no account is overdrawn, the journal has each transfer once.
async function check(endpoints, run) {
  const bank = unique('check-bank');
  const accounts = [0, 1, 2, 3, 4, 5].map((i) => `${bank}:${i}`);
  const db = new Clustron(endpoints);
  for (const account of accounts) await db.repeat('SET', account, 100);
  const moved = new Set();
  let refused = 0, doubled = 0;
  const clerks = [0, 1, 2, 3, 4, 5].map((at) => new Clustron(endpoints, { at }));
  await Promise.all(clerks.map(async (clerk, at) => {
    for (let i = 0; !run.over; i++) {
      const from = Math.floor(Math.random() * 6), to = (from + 1 + Math.floor(Math.random() * 5)) % 6;
      const id = `${bank}/${at}/${i}`;
      const one = (by) => transfer(by, id, accounts[from], accounts[to], 1 + (i % 60));
      const outcomes = await Promise.all(i % 4 ? [one(clerk)] : [one(clerk), one(clerks[(at + 1) % 6])]);
      doubled += outcomes.length - 1;
      if (outcomes.some((outcome) => outcome !== outcomes[0])) throw new Error(`${id}: ${outcomes}`);
      if (outcomes[0]) moved.add(id);
      else refused++;
      run.step();
    }
  }));
  const balances = (await db.repeat('MGET', ...accounts)).map(Number);
  const journal = (await db.repeat('LRANGE', 'transfers', 0, -1)).map((line) => line.split(' ')[0]).filter((id) => id.startsWith(bank));
  if (balances.reduce((a, b) => a + b) !== 600 || balances.some((b) => b < 0)) throw new Error(`the books are wrong: ${balances}`);
  if (journal.length !== moved.size || journal.some((id) => !moved.has(id))) throw new Error(`${moved.size} moved, ${journal.length} in the journal`);
  if (!moved.size || !refused) throw new Error(`${moved.size} moved, ${refused} refused: nothing was shown`);
  await db.repeat('DEL', 'transfers', ...accounts);
  return `${moved.size} moved, ${refused} refused, ${doubled} sent twice`;
}

program({ main, check });
