// At most so many calls in a window, over all nodes and processes.
//
//     node rate_limit.js [--nodes HOST:PORT,...] fixed|sliding NAME [LIMIT [WINDOW-MS]]      asks ten times a second
//     node rate_limit.js --check [SECONDS]
//
// fixed: INCREX counts up to a bound; the first call of a window sets its end. Up to twice the limit may come around the border of two windows.
// sliding: each allowed call holds one of LIMIT permits and never gives it back: it ends by itself when the window is over. So in no stretch
// of time as long as the window there are more. It costs a holder's row for each call in the window (at most 65,536).
'use strict';
const { Clustron, Uncertain, now, sleep, unique } = require('./clustron.js');
const { program } = require('./program.js');

// What is not known to be counted is not allowed: then there are never more calls than the limit, and nothing has to be sent again.
async function fixedWindow(db, name, limit, windowMs) {
  try {
    const [, added] = await db.call('INCREX', `calls:${name}`, 'UBOUND', limit, 'PX', windowMs, 'ENX');
    return { allowed: Number(added) === 1 };
  } catch (e) {
    if (e instanceof Uncertain) return { allowed: false };
    throw e;
  }
}

// OWNER is the call's: sent again it gets the permit that it has. ADVISORY is not needed: with LIMIT above 1 a lock guards no key.
async function slidingWindow(db, name, limit, windowMs) {
  const [got, , left] = await db.repeat('LOCK', 'ACQUIRE', `calls:${name}`, windowMs, 'LIMIT', limit, 'OWNER', unique('call'));
  return got === 1 ? { allowed: true } : { allowed: false, retryAfterMs: left };
}

async function main(endpoints, [kind, name, limit = '5', windowMs = '1000']) {
  const ask = { fixed: fixedWindow, sliding: slidingWindow }[kind];
  if (!ask || !name) throw new Error('fixed|sliding NAME [LIMIT [WINDOW-MS]] is wanted');
  const db = new Clustron(endpoints);
  for (;;) {
    const { allowed, retryAfterMs } = await ask(db, name, Number(limit), Number(windowMs));
    console.log(allowed ? 'allowed' : `refused${retryAfterMs ? `, at most ${retryAfterMs} ms more` : ''}`);
    await sleep(100);
  }
}

// Of n + 1 allowed calls the last was answered no sooner than a window after the first was sent. (Of 2n + 1 where the window is fixed.)
function judge(what, calls, inWindow, windowMs) {
  const sent = calls.map((c) => c.sent).sort((a, b) => a - b);
  const answered = calls.map((c) => c.answered).sort((a, b) => a - b);
  for (let i = 0; i + inWindow < calls.length; i++) {
    const took = answered[i + inWindow] - sent[i];
    if (took < windowMs) throw new Error(`${what}: ${inWindow + 1} calls in ${took} ms`);
  }
}

async function check(endpoints, run) {
  const LIMIT = 20, WINDOW_MS = 700;
  const name = unique('check-calls');
  const told = [];
  for (const [what, ask, inWindow] of [['fixed', fixedWindow, 2 * LIMIT], ['sliding', slidingWindow, LIMIT]]) {
    told.push((async () => {
      const calls = [];
      let refused = 0;
      await Promise.all([0, 1, 2, 3, 4, 5].map(async (at) => {
        const db = new Clustron(endpoints, { at });
        while (!run.over) {
          const sent = now();
          if ((await ask(db, `${name}:${what}`, LIMIT, WINDOW_MS)).allowed) {
            calls.push({ sent, answered: now() });
            run.step();
          } else {
            refused++;
          }
          await sleep(10);
        }
      }));
      judge(what, calls, inWindow, WINDOW_MS);
      if (calls.length <= 2 * LIMIT || !refused) throw new Error(`${what}: ${calls.length} allowed, ${refused} refused: nothing was shown`);
      return `${what}: ${calls.length} allowed, ${refused} refused`;
    })());
  }
  return (await Promise.all(told)).join('; ');
}

program({ main, check });
