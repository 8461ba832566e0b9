// Producers and consumers that wait: a part of failover.js. One queue is emptied with BLMOVE into a list of what is done, the other with
// BLPOP. What was pushed with an acknowledgement comes to one consumer, once; an element is missing only where the connection that it
// was taken for broke: with BLPOP at most one for each such break, with BLMOVE none, for then it is in the list of what is done.
'use strict';
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Queues {
  // `open(at)` gives a client of endpoint `at`; `count` is how many endpoints there are: as many consumers wait at each queue.
  constructor(open, count, run, onError) {
    Object.assign(this, { open, count, onError, moved: `${run}:moved`, done: `${run}:done`, popped: `${run}:popped` });
    this.pushed = { [this.moved]: [], [this.popped]: [] }; // acknowledged
    this.got = { [this.moved]: [], [this.popped]: [] };
    this.breaks = 0; // of connections on which BLPOP waits
    this.producing = true;
    this.consuming = true;
  }

  begin() {
    this.producers = [this.moved, this.popped].map((queue, i) => this.produce(queue, i));
    this.consumers = [...Array(2 * this.count).keys()].map((i) => this.consume(i < this.count ? this.moved : this.popped, i));
  }

  async produce(queue, at) {
    const db = this.open(at);
    for (let i = 0; this.producing; i++) {
      try {
        await db.push(queue, String(i));
        this.pushed[queue].push(String(i));
        await sleep(5);
      } catch (e) {
        await sleep(10);
      }
    }
    await db.close();
  }

  async consume(queue, at) {
    const db = this.open(at);
    for (;;) {
      try {
        const element = await (queue === this.moved ? db.waitMove(queue, this.done, 1) : db.waitPop(queue, 1));
        if (element !== null) this.got[queue].push(element);
        else if (!this.consuming) break; // a second without an element, and no more come
      } catch (e) {
        this.onError(e);
        await sleep(10);
      }
    }
    if (queue === this.popped) this.breaks += db.breaks();
    await db.close();
  }

  // How many elements came to consumers, and what is wrong with them.
  async end() {
    this.producing = false;
    await Promise.all(this.producers);
    this.consuming = false;
    const hang = sleep(20000).then(() => 'hang');
    const wrong = (await Promise.race([Promise.all(this.consumers), hang])) === 'hang' ? ['a consumer hangs'] : [];
    const db = this.open();
    for (const [queue, got] of Object.entries(this.got)) {
      const seen = new Set(got);
      if (seen.size !== got.length) wrong.push(`${queue}: ${got.length - seen.size} elements came twice`);
      const done = queue === this.moved ? await db.range(this.done) : [];
      if (new Set(done).size !== done.length) wrong.push(`${this.done}: elements stand twice`);
      const kept = new Set([...got, ...done]);
      const missing = this.pushed[queue].filter((e) => !kept.has(e));
      if (missing.length > (queue === this.popped ? this.breaks : 0)) wrong.push(`${queue}: ${missing.length} elements are missing: ${missing.slice(0, 5)}`);
    }
    await db.close();
    return { popped: Object.values(this.got).flat().length, wrong };
  }
}

module.exports = { Queues };
