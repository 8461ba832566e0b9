using System.Collections.Concurrent;
using StackExchange.Redis;

namespace Clustron.Scenarios;

/// <summary>
/// Scenario 1: what services do with such a server, as raw commands of StackExchange.Redis, by 100 tasks at once on one multiplexer. Each way checks
/// what it promises; what several tasks share is added up at the end.
/// </summary>
internal sealed class Samples : Scenario
{
    private readonly Func<int, int, Task>[] _ways;
    private readonly long[] _rounds;
    private readonly ConcurrentDictionary<int, (int Asked, int Allowed)> _windows = new();
    private int _casDone, _jobs;

    public Samples(Pass pass) : base(pass)
    {
        _ways = [BasicAsync, CasAsync, LimitAsync, LeaseAsync, ElectAsync, WorkAsync, TransactAsync, WatchAsync, SearchAsync, PresenceAsync, CacheAsync, PermitAsync];
        _rounds = new long[_ways.Length];
    }

    public override int Number => 1;
    public override string Title => "samples by 100 tasks at once";
    public override int StepsBehindAKill => 300;

    public override async Task<string> RunAsync()
    {
        await Caller.CallAsync("INDEX", "CREATE", Name + "people", "ON", "HASH", "PREFIX", 1, Name + "person:", "FIELDS", 3, "team", "TAG", "age", "NUM", "name", "TAG");
        await Caller.CallAsync("INDEX", "CREATE", Name + "jobs", "ON", "HASH", "PREFIX", 1, Name + "job:", "FIELDS", 1, "state", "TAG");
        await Caller.CallAsync("INDEX", "CREATE", Name + "labels", "ON", "LABELS", "PREFIX", 1, Name, "FIELDS", 1, "topic", "TAG");
        await LoopsAsync(100, async (n, round) =>
        {
            int way = n % _ways.Length;
            await _ways[way](n, round);
            Interlocked.Increment(ref _rounds[way]);
            Step(100);
            await PauseAsync(50);
        });
        await AddUpAsync();
        return $"rounds: {string.Join(", ", _ways.Select((w, i) => $"{w.Method.Name[..^5].ToLowerInvariant()} {_rounds[i]}"))}";
    }

    /// <summary>What all tasks of a way have left.</summary>
    private async Task AddUpAsync()
    {
        Check.Equal(_casDone, (int)(await Caller.CallAsync("GET", Key(Name + "cas"))).Number(), "successes of compare-and-set");
        foreach (var (window, (asked, allowed)) in _windows) Check.Equal(Math.Min(asked, 5), allowed, $"what was allowed of {asked} calls in window {window}");
        await Check.UntilAsync(async () => await WorkOnceAsync("last") == 0, "the last job");
        Check.Equal(_jobs, (int)(await Caller.CallAsync("GET", Key(Name + "results"))).Number(), "results of jobs");
        long[] terms = [.. (await Caller.CallAsync("LRANGE", Key(Name + "terms"), 0, -1)).Array().Select(r => r.Number())];
        Check.That(terms.Length > 1 && terms.SequenceEqual(terms.Order()), "terms of leaders are in the order of their writes");
        Check.That(_rounds.All(r => r > 0), "each way was gone");
    }

    /// <summary>A value with an end and a label, a counter, an end for it, and removal by prefix.</summary>
    private async Task BasicAsync(int n, int round)
    {
        string name = $"{Name}basic:{n}.{round}:";
        await Caller.OnceAsync("SET", Key(name + "a"), "value", "PX", 30_000);
        await Caller.OnceAsync("INDEX", "LABEL", Key(name + "a"), 1, "topic", name);
        Check.Equal("value", (await Caller.CallAsync("GET", Key(name + "a"))).Text(), "the value");
        Check.That((await Caller.CallAsync("PTTL", Key(name + "a"))).Number() is > 0 and <= 30_000, "its end");
        Check.Equal(name + "a", (await Caller.CallAsync("INDEX", "QUERY", Name + "labels", "WHERE", $"topic = '{name}'")).Array()[2].Array()[0].Text(), "the key by its label");
        for (int i = 1; i <= 3; ++i) Check.Equal(i, (await Caller.OnceAsync("INCR", Key(name + "n"))).Number(), "the counter");
        Check.Equal(1, (await Caller.OnceAsync("PEXPIRE", Key(name + "n"), 30_000)).Number(), "an end for the counter");
        Check.Equal(2, (await Caller.OnceAsync("FLUSHDB", "PREFIX", name)).Number(), "keys removed by their prefix");
        Check.That((await Caller.CallAsync("GET", Key(name + "a"))).IsNull, "the value is gone");
    }

    /// <summary>Of several who saw the same revision one writes.</summary>
    private async Task CasAsync(int n, int round)
    {
        string own = $"{Name}cas:{n}.{round}";
        Check.Equal("OK", (await Caller.OnceAsync("SET", Key(own), 1, "NX")).Text(), "SET NX of a new key");
        Check.That((await Caller.OnceAsync("SET", Key(own), 2, "NX")).IsNull, "SET NX of a key that is there is refused");
        long revision = (await Caller.CallAsync("OBJECT", "REVISION", Key(own))).Number();
        Check.Equal("OK", (await Caller.OnceAsync("SET", Key(own), 3, "IFREV", revision)).Text(), "SET IFREV of the revision that was read");
        Check.That((await Caller.OnceAsync("SET", Key(own), 4, "IFREV", revision)).IsNull, "SET IFREV of an old revision is refused");
        Check.Equal(0, (await Caller.OnceAsync("DELEX", Key(own), "IFREV", revision)).Number(), "DELEX IFREV of an old revision");
        revision = (await Caller.CallAsync("OBJECT", "REVISION", Key(own))).Number();
        Check.Equal(1, (await Caller.OnceAsync("DELEX", Key(own), "IFREV", revision)).Number(), "DELEX IFREV of the revision that was read");
        RedisResult[] rows = (await Caller.CallAsync("WATCHKEY", "GET", Key(Name + "cas"))).Array()[1].Array();
        (long value, revision) = rows.Length == 0 ? (0, 0) : (rows[0].Array()[1].Number(), rows[0].Array()[2].Number());
        if (!(await Caller.OnceAsync("SET", Key(Name + "cas"), value + 1, "IFREV", revision)).IsNull) Interlocked.Increment(ref _casDone);
    }

    /// <summary>Five calls a window, whoever asks.</summary>
    private async Task LimitAsync(int n, int round)
    {
        RedisResult[] reply = (await Caller.OnceAsync("INCREX", Key($"{Name}limit:{round}"), "UBOUND", 5, "PX", 600_000, "ENX")).Array();
        int allowed = (int)reply[1].Number();
        _windows.AddOrUpdate(round, (1, allowed), (_, old) => (old.Asked + 1, old.Allowed + allowed));
    }

    /// <summary>Five keys by a lease, which is revoked.</summary>
    private async Task LeaseAsync(int n, int round)
    {
        string lease = $"{Name}lease:{n}.{round}:";
        RedisKey[] keys = [.. Enumerable.Range(0, 5).Select(i => Key(lease + i))];
        Check.Equal(lease, (await Caller.CallAsync("LEASE", "GRANT", 120_000, "ID", lease, "OWNER", lease)).Array()[0].Text(), "the lease");
        await Caller.OnceAsync("SET", keys[0], "v", "LEASE", lease);
        await Caller.OnceAsync(["LEASE", "DO", lease, "MSET", .. keys.Skip(1).SelectMany(k => (object[])[k, "v"])]);
        Check.Equal(5, (await Caller.CallAsync("LEASE", "TTL", lease, "KEYS")).Array()[3].Array().Length, "keys of the lease");
        Check.Equal(5, (await Caller.OnceAsync("LEASE", "REVOKE", lease)).Array()[1].Number(), "keys that go with it");
        Check.Equal(0, (await Caller.CallAsync(["EXISTS", .. keys])).Number(), "keys behind its end");
    }

    /// <summary>A leader writes in its term, and resigns. Late writes are fenced, so terms are in order.</summary>
    private async Task ElectAsync(int n, int round)
    {
        string lease = $"{Name}candidate:{n}.{round}";
        await Caller.CallAsync("LEASE", "GRANT", 8000, "ID", lease, "OWNER", lease);
        RedisResult[] reply;
        try { reply = (await Caller.CallAsync("LOCK", "ACQUIRE", Key(Name + "leader"), 0, "OWNER", lease, "LEASE", lease)).Array(); }
        catch (RedisServerException error) when (error.Message.StartsWith("NOLEASE", StringComparison.Ordinal)) { return; } // A slow machine.
        if (reply[0].Number() == 1)
        {
            long term = reply[1].Number();
            string error = await Caller.ErrorAsync(Caller.Once(lease, ["LOCK", "DO", Key(Name + "leader"), term, "RPUSH", Key(Name + "terms"), term]));
            Check.That(error == "" || error.StartsWith("FENCED", StringComparison.Ordinal), $"a leader's write: '{error}'");
        }
        await Caller.OnceAsync("LEASE", "REVOKE", lease);
    }

    /// <summary>A job is added, and some job is done: found by an index, under its lock, its result and its end in one step.</summary>
    private async Task WorkAsync(int n, int round)
    {
        await Caller.OnceAsync("HSET", Key($"{Name}job:{n}.{round}"), "state", "ready");
        Interlocked.Increment(ref _jobs);
        await WorkOnceAsync($"{n}.{round}");
    }

    /// <summary>How many jobs were ready.</summary>
    private async Task<int> WorkOnceAsync(string attempt)
    {
        RedisResult[] jobs = (await Caller.CallAsync("INDEX", "QUERY", Name + "jobs", "WHERE", "state = 'ready'", "LIMIT", 4)).Array()[2].Array();
        foreach (string job in jobs.Select(j => j.Text()!))
        {
            RedisResult[] held = (await Caller.CallAsync("LOCK", "ACQUIRE", Key(job), 3000, "OWNER", $"{attempt}/{Guid.NewGuid():N}")).Array();
            if (held[0].Number() != 1) continue;
            long token = held[1].Number();
            string error = await Caller.ErrorAsync(Caller.Once(Guid.NewGuid().ToString("N"),
            [
                "TXN", "IF", 2, "LOCK", Key(job), token, "FIELD", Key(job), "state", "=", "ready",
                "THEN", 3, 4, "HSET", Key(job), "state", "done", 2, "INCR", Key(Name + "results"), 4, "LOCK", "RELEASE", Key(job), token,
                "ELSE", 1, 4, "LOCK", "RELEASE", Key(job), token,
            ]));
            Check.That(error == "" || error.StartsWith("LOCKED", StringComparison.Ordinal), $"the end of a job: '{error}'");
        }
        return jobs.Length;
    }

    /// <summary>Two keys are read and written together; a change in between is a conflict; a rollback leaves nothing.</summary>
    private async Task TransactAsync(int n, int round)
    {
        string name = $"{Name}txn:{n}.{round}:";
        RedisKey a = Key(name + "a"), b = Key(name + "b");
        await Caller.OnceAsync("MSET", a, 100, b, 0);
        RedisResult[] reply = (await Caller.OnceAsync("TXN", "IF", 1, "VALUE", a, ">=", 60, "THEN", 2, 3, "DECRBY", a, 60, 3, "INCRBY", b, 60)).Array();
        Check.Equal("[1 40 60]", $"[{reply[0].Shown()} {reply[2].Shown().Trim('[', ']')}]", "a transfer in one step");
        try
        {
            string id = (await Caller.CallAsync("TXN", "BEGIN")).Text()!;
            Check.Equal("40", (await DoAsync(id, "GET", a)).Text(), "what an open transaction reads");
            await DoAsync(id, "SET", a, "lost");
            await Caller.CallAsync("TXN", "ROLLBACK", id);
            id = (await Caller.CallAsync("TXN", "BEGIN")).Text()!;
            await DoAsync(id, "GET", a);
            await DoAsync(id, "SET", b, "lost");
            await Caller.OnceAsync("INCRBY", a, 1);
            Check.Equal($"[0 {a}", (await Caller.CallAsync("TXN", "COMMIT", id)).Shown().Split(' ') is [var zero, var key, ..] ? $"{zero} {key}" : "", "a conflict");
        }
        // The node that held it has died, and it with it.
        catch (RedisServerException error) when (error.Message.StartsWith("NOTXN", StringComparison.Ordinal) || IsHeldByOther(error.Message)) { }
        string left = (await Caller.CallAsync("MGET", a, b)).Shown();
        Check.That(left is "[41 60]" or "[40 60]", $"what is left behind a rollback and a conflict: {left}");
    }

    private async Task<RedisResult> DoAsync(string id, params object[] words) =>
        (await Caller.SendAsync(["TXN", "DO", id, .. words], null, error => IsHeldByOther(error) || error.Split(' ')[0] is not ("CLUSTERDOWN" or "UNCERTAIN" or "LOADING"))).Result;

    private static bool IsHeldByOther(string error) => error.Contains("holds the transaction", StringComparison.Ordinal);

    /// <summary>Changes behind a revision, of a prefix and of a key in it.</summary>
    private async Task WatchAsync(int n, int round)
    {
        string name = $"{Name}watch:{n}.{round}:";
        long since = (await Caller.CallAsync("WATCHKEY", "REV")).Array()[0].Number();
        await Caller.OnceAsync("SET", Key(name + "a"), 1);
        await Caller.OnceAsync("SET", Key(name + "b"), 2);
        await Caller.OnceAsync("DEL", Key(name + "a"));
        Check.Equal("put a 1, put b 2, del a ", await ChangesAsync(since, name, "PREFIX", name), "changes of a prefix");
        Check.Equal("put a 1, del a ", await ChangesAsync(since, name, "KEY", Key(name + "a")), "changes of a key");
        await Caller.OnceAsync("DEL", Key(name + "b"));
    }

    private async Task<string> ChangesAsync(long since, string name, params object[] target)
    {
        RedisResult[] rows = (await Caller.CallAsync(["WATCHKEY", "SINCE", since, .. target])).Array()[1].Array();
        return string.Join(", ", rows.SelectMany(r => r.Array().Skip(1)).Select(e => e.Array()).Select(e => $"{e[0].Text()} {e[3].Text()![name.Length..]} {e[4].Text()}"));
    }

    /// <summary>Thirty-one people: by a value, a range, both, the beginning of a name; sorted, counted, with one field.</summary>
    private async Task SearchAsync(int n, int round)
    {
        string team = $"{n}.{round}", name = $"{Name}person:{team}:";
        object[] rows = [.. Enumerable.Range(0, 31).SelectMany(i => (object[])[8, "HSET", Key(name + i.ToString("D2", null)), "team", team, "age", i, "name", i % 2 == 0 ? "Ada" : "Bob"])];
        await Caller.OnceAsync(["TXN", "THEN", 31, .. rows]);
        Check.Equal(31, await CountAsync($"team = '{team}'"), "people of the team");
        Check.Equal(11, await CountAsync($"team = '{team}' AND age >= 20"), "people of an age");
        Check.Equal(5, await CountAsync($"team = '{team}' AND age > 20 AND name ^= 'B'"), "people by three conditions");
        RedisResult[] page = (await Caller.CallAsync("INDEX", "QUERY", Name + "people", "WHERE", $"team = '{team}'", "SORT", 1, "age", "DESC", "LIMIT", 2, "RETURN", "FIELDS", 1, "age")).Array();
        Check.Equal("30 29", string.Join(' ', page[2].Array().Select(r => r.Array()[2].Text())), "the oldest two");
        Check.Equal(31, (await Caller.OnceAsync("FLUSHDB", "PREFIX", name)).Number(), "people removed by their prefix");
        Check.Equal(0, await CountAsync($"team = '{team}'"), "people of a team that is gone");
    }

    private async Task<long> CountAsync(string where) => (await Caller.CallAsync("INDEX", "QUERY", Name + "people", "WHERE", where, "RETURN", "COUNT")).Array()[0].Number();

    /// <summary>Who is there.</summary>
    private async Task PresenceAsync(int n, int round)
    {
        string room = $"{Name}room:{n}.{round}";
        foreach (string guest in (string[])["a", "b"]) await Caller.CallAsync("LEASE", "GRANT", 120_000, "ID", room + guest, "OWNER", room);
        Check.Equal($"{room}a {room}b", await GuestsAsync(room), "who is there");
        await Caller.OnceAsync("LEASE", "REVOKE", room + "a");
        Check.Equal(room + "b", await GuestsAsync(room), "who is left");
        await Caller.OnceAsync("LEASE", "REVOKE", room + "b");
    }

    private async Task<string> GuestsAsync(string room) =>
        string.Join(' ', (await Caller.CallAsync("LEASE", "LIST", "OWNER", room)).Array().Select(r => r.Array()[0].Text()));

    /// <summary>A value is made if it is not there, and dropped by its tag.</summary>
    private async Task CacheAsync(int n, int round)
    {
        string name = $"{Name}cache:{n}.{round}";
        Check.That((await Caller.CallAsync("GET", Key(name))).IsNull, "nothing is cached yet");
        await Caller.OnceAsync("TXN", "THEN", 2, 5, "SET", Key(name), "made", "PX", 60_000, 6, "INDEX", "LABEL", Key(name), 1, "topic", name);
        Check.Equal("made", (await Caller.CallAsync("GET", Key(name))).Text(), "what is cached");
        Check.Equal(1, (await Caller.OnceAsync("INDEX", "PURGE", Name + "labels", "WHERE", $"topic = '{name}'")).Number(), "entries of the tag");
        Check.That((await Caller.CallAsync("GET", Key(name))).IsNull, "what the tag's removal left");
    }

    /// <summary>Three at a time; a request that is sent twice takes effect once.</summary>
    private async Task PermitAsync(int n, int round)
    {
        RedisResult[] got = (await Caller.CallAsync("LOCK", "ACQUIRE", Key(Name + "permits"), 3000, "OWNER", $"{n}.{round}", "LIMIT", 3)).Array();
        if (await Caller.CallAsync("LOCK", "INFO", Key(Name + "permits")) is { IsNull: false } info)
            Check.That(info.Array()[3].Array().Length <= 3, "more than three hold a permit");
        if (got[0].Number() == 1) await Caller.OnceAsync("LOCK", "RELEASE", Key(Name + "permits"), got[1].Number());
        object[] request = Caller.Once($"{Name}request:{n}.{round}", ["INCRBY", Key($"{Name}stock:{n}"), 2]);
        Check.Equal(2 * (round + 1), (await Caller.CallAsync(request)).Number(), "the first reply");
        Check.Equal(2 * (round + 1), (await Caller.CallAsync(request)).Number(), "the reply to its repeat");
    }
}
