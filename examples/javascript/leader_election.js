// One leader at a time, for terms: what a deposed leader still sends is refused, even if he does not know yet that he is deposed.
//
//     node leader_election.js [--nodes HOST:PORT,...] [NAME]      a candidate; start several, and end the leader
//     node leader_election.js --check [SECONDS]
//
// The office is a lock that hangs on a lease. Its token is the term: each is above all before. A leader who dies is followed when his lease ends.
'use strict';
const { Clustron, grantLease, passes, sleep, unique } = require('./clustron.js');
const { program } = require('./program.js');

// Stands for `office` until `stop` aborts; leads by `lead(term)` whenever elected. `term.write(command ...)` is refused with FENCED once
// another term has begun; `term.lease.signal` aborts when the term can no longer be relied on.
async function campaign(endpoints, office, me, ttlMs, stop, lead) {
  const db = new Clustron(endpoints);
  const waiting = new Clustron(endpoints, { answerMs: 6000 }); // it stands in the queue
  while (!stop.aborted) {
    let lease;
    try {
      lease = await grantLease(db, ttlMs, me);
      const owner = unique(me); // of this candidacy alone
      let elected = false, number;
      while (!elected && lease.alive && !stop.aborted) {
        const reply = await waiting.repeat('LOCK', 'ACQUIRE', office, 0, 'OWNER', owner, 'LEASE', lease.id, 'WAIT', 1000);
        [elected, number] = [reply[0] === 1, reply[1]];
      }
      if (!elected || !lease.alive) continue;
      await lead({
        number,
        lease,
        // Under the guard of the term. What is sent again is done once: the id is the write's.
        write: (...command) => db.once(unique(office), 60000, 'LOCK', 'DO', office, number, ...command),
      });
    } catch (e) {
      // The term or the candidacy is over; whoever wants to lead stands again, and reads again what he knew.
      if (!passes(e) && !['FENCED', 'NOLEASE', 'UNBLOCKED'].includes(e.code)) throw e;
    } finally {
      if (lease && !lease.abandoned) await lease.revoke(); // with it the office, if we have it: who is next need not wait
    }
  }
  db.close();
  waiting.close();
}

async function main(endpoints, [me = `candidate-${process.pid}`]) {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  console.log(`${me} stands`);
  await campaign(endpoints, 'election', me, 5000, stop.signal, async (term) => {
    console.log(`${me} leads in term ${term.number}`);
    for (let i = 1; term.lease.alive && !stop.signal.aborted; i++) {
      await term.write('HSET', 'election', 'leader', me, 'work', i); // the key of the lock's name is guarded by it
      await sleep(1000);
    }
    console.log(`${me} leads no more`);
  });
}

// Candidates who resign, and some who vanish. Believed terms never overlap, terms rise, and nobody writes behind a later term's back.
async function check(endpoints, run) {
  const office = unique('check-election');
  const db = new Clustron(endpoints);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), run.ms);
  const terms = [];
  let leading = 0, late = 0;
  const believe = (term) => {
    if (++leading > 1) throw new Error(`two lead: term ${term.number} and another one`);
    let left = false;
    return () => {
      if (!left) leading--;
      left = true;
    };
  };
  const from = (at) => [...endpoints.slice(at), ...endpoints.slice(0, at)];
  const candidate = (at) => campaign(from(at), office, `c${at}`, 1500, stop.signal, async (term) => {
    const leave = believe(term);
    term.lease.signal.addEventListener('abort', leave);
    terms.push(term.number);
    await term.write('RPUSH', `${office}:terms`, term.number);
    for (let i = 0; i < 5 && term.lease.alive; i++) {
      await term.write('HSET', office, 'term', term.number);
      run.step();
      await sleep(100);
    }
    if (terms.length % 3) return leave();
    // Vanishes: nothing is renewed. Much later it wakes up, and writes as if nothing had been.
    term.lease.abandoned = true;
    term.lease.end();
    await sleep(3000);
    try {
      await term.write('HSET', office, 'term', term.number);
      if ((await db.repeat('LOCK', 'CHECK', office, term.number)) !== 1) throw new Error('a write of a term that was over');
    } catch (e) {
      late += e.code === 'FENCED';
      throw e;
    }
  });
  await Promise.all([0, 1, 2].map(candidate));
  const written = (await db.repeat('LRANGE', `${office}:terms`, 0, -1)).map(Number);
  if (written.some((term, i) => i > 0 && term <= written[i - 1])) throw new Error(`terms did not rise: ${written}`);
  if (written.length < 3 || late === 0) throw new Error(`${written.length} terms, ${late} late writes refused`);
  await db.repeat('DEL', office, `${office}:terms`);
  return `${written.length} terms, ${late} late writes refused`;
}

program({ main, check });
