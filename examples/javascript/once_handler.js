// An HTTP handler whose requests take effect once, however often a client sends them, to whatever server, over whatever failure.
//
//     node once_handler.js [--nodes HOST:PORT,...] [PORT]      serves on 127.0.0.1:PORT (8080)
//     node once_handler.js --check [SECONDS]
//
//     redis-cli -p 7001 SET stock:book 10
//     curl -d '{"item":"book","quantity":1}' -H 'Idempotency-Key: order-1' localhost:8080/orders
//
// The client makes the key when it makes the request, and sends the same one until it has an answer. ONCE keeps the reply under it for a day, and the
// answer is a function of that reply alone: whoever asks again, at another server too, gets the same one.
'use strict';
const http = require('http');
const { Clustron, ServerError, sleep, unique } = require('./clustron.js');
const { program } = require('./program.js');

const KEEP_MS = 24 * 3600 * 1000;

async function order(db, key, { item, quantity }) {
  const [done, revision, replies] = await db.once(`http:${key}`, KEEP_MS,
    'TXN', 'IF', 1, 'VALUE', `stock:${item}`, '>=', quantity,
    'THEN', 2, 3, 'DECRBY', `stock:${item}`, quantity, 3, 'RPUSH', `orders:${item}`, `${key} ${quantity}`,
    'ELSE', 1, 2, 'GET', `stock:${item}`);
  return done === 1 ? [201, { order: revision, left: replies[0] }] : [409, { error: 'not enough in stock', left: Number(replies[0] ?? 0) }];
}

function parsed(body) {
  try {
    const { item, quantity } = JSON.parse(body);
    if (/^[a-z]{1,40}$/.test(item) && Number.isSafeInteger(quantity) && quantity > 0) return { item, quantity };
  } catch (e) {
    // told below
  }
  return null;
}

async function answer(db, request, body) {
  const key = request.headers['idempotency-key'];
  if (request.method !== 'POST' || request.url !== '/orders') return [404, { error: 'POST /orders' }];
  if (!key || key.length > 128) return [400, { error: 'an Idempotency-Key of 1 to 128 characters is wanted' }];
  const wanted = parsed(body);
  if (!wanted) return [400, { error: 'item (letters a to z) and quantity (a whole number above 0) are wanted' }];
  try {
    return await order(db, key, wanted);
  } catch (e) {
    if (e instanceof ServerError && /request id was used/.test(e.message)) return [422, { error: 'this Idempotency-Key was used for another request' }];
    if (e instanceof ServerError) return [500, { error: e.message }];
    // Unavailable or Uncertain: it may take effect, or not. Sent again with the same key it is told which.
    return [503, { error: 'no answer from the cluster yet: send the same request again' }, { 'Retry-After': '1' }];
  }
}

function serve(endpoints, port, at = 0) {
  const db = new Clustron(endpoints, { at, repeatMs: 5000 });
  const server = http.createServer((request, response) => {
    let body = '';
    request.on('error', () => {});
    request.on('data', (part) => {
      body += part;
      if (body.length > 10000) request.destroy();
    });
    request.on('end', async () => {
      const [status, value, headers] = await answer(db, request, body);
      response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
      response.end(JSON.stringify(value) + '\n');
    });
  });
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)));
}

async function main(endpoints, [port = '8080']) {
  await serve(endpoints, Number(port));
  console.log(`http://127.0.0.1:${port}/orders`);
}

// Two servers; clients send each order to one or both, give up after some milliseconds, and send it again until it is answered.
async function check(endpoints, run) {
  const STOCK = 300;
  const item = `check${Array.from({ length: 12 }, () => String.fromCharCode(97 + Math.floor(Math.random() * 26))).join('')}`;
  const db = new Clustron(endpoints);
  await db.repeat('SET', `stock:${item}`, STOCK);
  const servers = await Promise.all([0, 1].map((at) => serve(endpoints, 0, at)));
  const urls = servers.map((server) => `http://127.0.0.1:${server.address().port}/orders`);
  let sent = 0, refused = 0, bought = 0;
  const orders = new Map();
  const send = async (url, key, quantity) => {
    for (let patience = 2 + 20 * Math.random(), tries = 1; ; patience = Math.min(1.5 * patience, 1000), tries++) {
      if (tries > 40) throw new Error(`${key} is not answered`);
      try {
        sent++;
        const response = await fetch(url, {
          method: 'POST',
          headers: { 'Idempotency-Key': key },
          body: JSON.stringify({ item, quantity }),
          signal: AbortSignal.timeout(Math.ceil(patience)),
        });
        const text = await response.text();
        if (response.status === 503) continue;
        return `${response.status} ${text}`;
      } catch (e) {
        if (e.name !== 'TimeoutError' && !(e instanceof TypeError)) throw e;
        await sleep(5); // given up, or the connection broke
      }
    }
  };
  const client = async (at) => {
    for (let i = 0; !run.over; i++) {
      const key = `${item}-${at}-${i}`, quantity = 1 + (i % 9);
      const answers = await Promise.all((i % 2 ? urls : [urls[at % 2]]).map((url) => send(url, key, quantity)));
      if (answers.some((text) => text !== answers[0])) throw new Error(`${key} was answered ${answers.join(' and ')}`);
      if (answers[0].startsWith('201')) orders.set(key, quantity);
      else if (answers[0].startsWith('409')) refused++;
      else throw new Error(answers[0]);
      run.step();
      await sleep(20);
    }
  };
  await Promise.all([0, 1, 2, 3].map(client));
  for (const quantity of orders.values()) bought += quantity;
  const reused = await send(urls[0], orders.keys().next().value, 999999);
  if (!reused.startsWith('422')) throw new Error(`a key that was used for another order: ${reused}`);
  const [, , [left, rows]] = await db.repeat('TXN', 'THEN', 2, 2, 'GET', `stock:${item}`, 4, 'LRANGE', `orders:${item}`, 0, -1);
  if (Number(left) !== STOCK - bought || rows.length !== orders.size)
    throw new Error(`${bought} were bought in ${orders.size} orders, ${left} are left, ${rows.length} orders are known`);
  if (sent < 1.2 * (orders.size + refused)) throw new Error(`${sent} requests for ${orders.size} orders: nothing was shown`);
  await db.repeat('DEL', `stock:${item}`, `orders:${item}`);
  return `${orders.size} orders, ${refused} refused, by ${sent} requests`;
}

program({ main, check });
