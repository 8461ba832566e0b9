using System.Text;
using StackExchange.Redis;

namespace Compat;

/// <summary>The commands of the library's typed interface that do not need collections other than hashes.</summary>
public static class CommandTests
{
    public static async Task Handshake(Context x)
    {
        var mux = await x.Connect();
        foreach (var endpoint in mux.GetEndPoints())
        {
            var server = mux.GetServer(endpoint);
            Check.True(server.IsConnected, $"{endpoint} is connected");
            Check.Equal(ServerType.Standalone, server.ServerType, "server type");
            Check.Equal(x.Protocol, server.Protocol, "protocol");
            Check.Equal(16, server.DatabaseCount, "databases");
            Check.True(server.Version >= new Version(7, 0), $"version {server.Version}");
            Check.True((await server.InfoAsync("server")).Length > 0, "INFO server");
            Check.True((await server.ClientListAsync()).Length > 0, "CLIENT LIST");
            Check.True(await server.PingAsync() > TimeSpan.Zero, "PING");
            Check.True((await server.TimeAsync() - DateTime.UtcNow).Duration() < TimeSpan.FromMinutes(1), "TIME");
            Check.True(!server.IsReplica, $"{endpoint} takes writes, so the library must too");
        }
    }

    public static async Task StringsAndNumbers(Context x)
    {
        var db = (await x.Connect()).GetDatabase();
        RedisKey a = x.Key("a"), n = x.Key("n"), f = x.Key("f");
        Check.True((await db.StringGetAsync(a)).IsNull, "missing is null");
        Check.True(await db.StringSetAsync(a, "grüße"), "SET");
        Check.Equal("grüße", (string?)await db.StringGetAsync(a), "GET");
        Check.True(!await db.StringSetAsync(a, "no", when: When.NotExists), "SET NX on a key that is there");
        Check.True(!await db.StringSetAsync(x.Key("none"), "no", when: When.Exists), "SET XX on a missing key");
        Check.Equal("grüße", (string?)await db.StringSetAndGetAsync(a, "b"), "SET GET");
        Check.Equal(2L, await db.StringAppendAsync(a, "c"), "APPEND");
        Check.Equal("bc", (string?)await db.StringGetSetAsync(a, "abcdef"), "GETSET");
        Check.Equal("bcd", (string?)await db.StringGetRangeAsync(a, 1, 3), "GETRANGE");
        Check.Equal(6L, (long)await db.StringSetRangeAsync(a, 0, "X"), "SETRANGE");
        Check.Equal(6L, await db.StringLengthAsync(a), "STRLEN");
        Check.Equal(5L, await db.StringIncrementAsync(n, 5), "INCRBY");
        Check.Equal(4L, await db.StringDecrementAsync(n), "DECR");
        Check.Equal(1.25, await db.StringIncrementAsync(f, 1.25), "INCRBYFLOAT");
        Check.True(await db.StringSetAsync([new(x.Key("m1"), 1), new(x.Key("m2"), "two")]), "MSET");
        Check.True(!await db.StringSetAsync([new(x.Key("m2"), 1), new(x.Key("m3"), 1)], When.NotExists), "MSETNX");
        Check.Same(["1", null, "two"], (await db.StringGetAsync([x.Key("m1"), x.Key("m3"), x.Key("m2")])).Select(v => (string?)v), "MGET");
        Check.Equal("two", (string?)await db.StringGetDeleteAsync(x.Key("m2")), "GETDEL");
        Check.True(!await db.KeyExistsAsync(x.Key("m2")), "gone behind GETDEL");
        byte[] binary = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        RedisKey odd = x.Key("odd").Append(new byte[] { 0, 13, 10, 255 });
        await db.StringSetAsync(odd, binary);
        Check.Same(binary, (byte[])(await db.StringGetAsync(odd))!, "binary value under a binary key");
        using var lease = await db.StringGetLeaseAsync(odd);
        Check.Same(binary, lease!.Span.ToArray(), "the same as a lease");
        await db.StringSetBitAsync(x.Key("bits"), 70, true);
        Check.True(await db.StringGetBitAsync(x.Key("bits"), 70), "GETBIT");
        Check.Equal(1L, await db.StringBitCountAsync(x.Key("bits")), "BITCOUNT");
        Check.Equal(70L, await db.StringBitPositionAsync(x.Key("bits"), true), "BITPOS");
        var wrong = await Check.Throws<RedisServerException>(() => db.HashGetAllAsync(a), "a hash command on a string");
        Check.True(wrong.Message.StartsWith("WRONGTYPE"), wrong.Message);
        Check.Equal("XBCDEF", ((string?)db.StringGet(a))!.ToUpperInvariant(), "the synchronous way");
    }

    public static async Task Hashes(Context x)
    {
        var mux = await x.Connect();
        var db = mux.GetDatabase();
        RedisKey h = x.Key("h"), big = x.Key("big");
        await db.HashSetAsync(h, [new("a", 1), new("b", "two")]);
        Check.True(await db.HashSetAsync(h, "c", 3), "a new field");
        Check.True(!await db.HashSetAsync(h, "c", 4), "an old field");
        Check.True(!await db.HashSetAsync(h, "c", 5, When.NotExists), "HSETNX");
        Check.Same(["1", null, "4"], (await db.HashGetAsync(h, ["a", "none", "c"])).Select(v => (string?)v), "HMGET");
        Check.Equal(3L, await db.HashLengthAsync(h), "HLEN");
        Check.Equal(7L, await db.HashIncrementAsync(h, "c", 3), "HINCRBY");
        Check.Equal(7.5, await db.HashIncrementAsync(h, "c", 0.5), "HINCRBYFLOAT");
        Check.Equal(3L, await db.HashStringLengthAsync(h, "b"), "HSTRLEN");
        Check.Same(["a", "b", "c"], (await db.HashKeysAsync(h)).Select(v => (string?)v).Order(), "HKEYS");
        Check.Same(["1", "7.5", "two"], (await db.HashValuesAsync(h)).Select(v => (string?)v).Order(), "HVALS");
        Check.Equal(2L, await db.HashDeleteAsync(h, ["a", "b", "none"]), "HDEL");
        Check.Equal("c", (string?)await db.HashRandomFieldAsync(h), "HRANDFIELD");
        await db.HashSetAsync(big, [.. Enumerable.Range(0, 20_000).Select(i => new HashEntry("f" + i, i))]);
        var all = (await db.HashGetAllAsync(big)).ToDictionary(e => (string)e.Name!, e => (int)e.Value);
        Check.True(all.Count == 20_000 && all.All(e => e.Key == "f" + e.Value), "HGETALL of a big hash");
        var scanned = new HashSet<string>();
        await foreach (var e in db.HashScanAsync(big, "f1*", 500)) scanned.Add(e.Name!);
        Check.Equal(all.Keys.Count(k => k.StartsWith("f1")), scanned.Count, "HSCAN MATCH");
    }

    public static async Task Lists(Context x)
    {
        var mux = await x.Connect();
        var db = mux.GetDatabase();
        RedisKey l = x.Key("l"), m = x.Key("m"), big = x.Key("big");
        Check.Equal(3L, await db.ListRightPushAsync(l, ["a", "b", "c"]), "RPUSH");
        Check.Equal(4L, await db.ListLeftPushAsync(l, "first"), "LPUSH");
        Check.Equal(0L, await db.ListRightPushAsync(x.Key("none"), "x", When.Exists), "RPUSHX");
        Check.Same(["first", "a", "b", "c"], (await db.ListRangeAsync(l)).Select(v => (string?)v), "LRANGE");
        Check.Equal("c", (string?)await db.ListGetByIndexAsync(l, -1), "LINDEX");
        Check.Equal(2L, await db.ListPositionAsync(l, "b"), "LPOS");
        Check.Equal(5L, await db.ListInsertBeforeAsync(l, "b", "x"), "LINSERT");
        await db.ListSetByIndexAsync(l, 0, "FIRST");
        Check.Equal(1L, await db.ListRemoveAsync(l, "x"), "LREM");
        Check.Equal("FIRST", (string?)await db.ListMoveAsync(l, m, ListSide.Left, ListSide.Right), "LMOVE");
        Check.Equal("c", (string?)await db.ListRightPopLeftPushAsync(l, m), "RPOPLPUSH");
        Check.Same(["a", "b"], (await db.ListLeftPopAsync(l, 5))!.Select(v => (string?)v), "LPOP with a count");
        Check.True((await db.ListLeftPopAsync(l)).IsNull && await db.ListLengthAsync(l) == 0, "an empty list is none");
        var popped = await db.ListRightPopAsync([l, m], 2);
        Check.True(popped.Key == m && popped.Values.Length == 2, "LMPOP");
        await db.ListRightPushAsync(big, [.. Enumerable.Range(0, 20_000).Select(i => (RedisValue)i)]);
        await db.ListTrimAsync(big, 10_000, -1);
        Check.Equal(10_000, (int)(await db.ListRangeAsync(big, 0, 0))[0], "LTRIM");
        Check.True(await db.KeyDumpAsync(big) is { } dump && dump.Length > 10_000, "DUMP");
        await db.KeyRestoreAsync(m, (await db.KeyDumpAsync(big))!, TimeSpan.FromMinutes(5));
        Check.Equal(10_000L, await db.ListLengthAsync(m), "RESTORE");
    }

    public static async Task KeysAndExpiry(Context x)
    {
        var mux = await x.Connect();
        var db = mux.GetDatabase();
        var leader = mux.GetServers().First(s => s.IsConnected && !s.IsReplica);
        RedisKey a = x.Key("a"), b = x.Key("b");
        await db.StringSetAsync(a, "x", TimeSpan.FromMinutes(1));
        Check.Between(50, 60, (await db.KeyTimeToLiveAsync(a))?.TotalSeconds, "TTL");
        Check.True(await db.KeyPersistAsync(a), "PERSIST");
        Check.True(await db.KeyTimeToLiveAsync(a) is null, "no TTL");
        Check.True(await db.KeyExpireAsync(a, DateTime.UtcNow.AddMinutes(5)), "EXPIREAT");
        Check.Between(250, 300, ((await db.KeyExpireTimeAsync(a)) - DateTime.UtcNow)?.TotalSeconds, "PEXPIRETIME");
        Check.True(!await db.KeyExpireAsync(a, TimeSpan.FromMinutes(9), ExpireWhen.HasNoExpiry), "EXPIRE NX");
        Check.True(await db.KeyRenameAsync(a, b), "RENAME");
        Check.Equal(RedisType.String, await db.KeyTypeAsync(b), "TYPE");
        Check.True(await db.KeyCopyAsync(b, a), "COPY");
        Check.Equal(2L, await db.KeyExistsAsync([a, b, x.Key("none")]), "EXISTS");
        Check.Equal(2L, await db.KeyTouchAsync([a, b]), "TOUCH");
        Check.Equal(2, leader.Keys(pattern: x.Key("*").ToString(), pageSize: 100).Count(), "SCAN MATCH");
        Check.True(await db.KeyMoveAsync(b, 5), "MOVE");
        Check.Equal("x", (string?)await mux.GetDatabase(5).StringGetAsync(b), "in the other database");
        Check.True(await mux.GetDatabase(5).KeyDeleteAsync(b), "UNLINK");
        await db.StringSetAsync(x.Key("short"), "x", TimeSpan.FromMilliseconds(60));
        await Check.Soon(async () => !await db.KeyExistsAsync(x.Key("short")), "expiry");
        Check.Equal("x", (string?)await db.StringGetSetExpiryAsync(a, TimeSpan.FromSeconds(30)), "GETEX");
        var withTtl = await db.StringGetWithExpiryAsync(a);
        Check.Between(20, 30, withTtl.Expiry?.TotalSeconds, "GET with its TTL");
    }

    public static async Task Transactions(Context x)
    {
        var db = (await x.Connect()).GetDatabase();
        RedisKey state = x.Key("state"), hits = x.Key("hits"), h = x.Key("h");
        await db.StringSetAsync(state, "open");
        var yes = db.CreateTransaction();
        yes.AddCondition(Condition.StringEqual(state, "open"));
        yes.AddCondition(Condition.KeyNotExists(x.Key("none")));
        yes.AddCondition(Condition.HashNotExists(h, "f"));
        var hit = yes.StringIncrementAsync(hits);
        var field = yes.HashSetAsync(h, "f", "v");
        Check.True(await yes.ExecuteAsync(), "conditions hold");
        Check.Equal(1L, await hit, "INCR in EXEC");
        Check.True(await field, "HSET in EXEC");

        var no = db.CreateTransaction();
        var condition = no.AddCondition(Condition.StringEqual(state, "closed"));
        var never = no.StringIncrementAsync(hits);
        Check.True(!await no.ExecuteAsync() && !condition.WasSatisfied, "a condition that does not hold");
        await Check.Throws<TaskCanceledException>(() => never, "its command");
        Check.Equal(1L, (long)await db.StringGetAsync(hits), "untouched");

        var lengths = db.CreateTransaction();
        lengths.AddCondition(Condition.StringLengthEqual(state, 4));
        lengths.AddCondition(Condition.HashLengthGreaterThan(h, 0));
        lengths.AddCondition(Condition.HashEqual(h, "f", "v"));
        var wrong = lengths.HashGetAsync(state, "f");
        var right = lengths.StringGetAsync(state);
        Check.True(await lengths.ExecuteAsync(), "length conditions");
        await Check.Throws<RedisServerException>(() => wrong, "one command fails");
        Check.Equal("open", (string?)await right, "the other does not");
    }

    /// <summary>Two connections race with optimistic transactions: every success must count once.</summary>
    public static async Task RacingTransactions(Context x)
    {
        RedisKey n = x.Key("n");
        var muxes = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => x.Connect()));
        await muxes[0].GetDatabase().StringSetAsync(n, 0);
        int done = 0, lost = 0;
        await Task.WhenAll(muxes.Select(async mux =>
        {
            var db = mux.GetDatabase();
            for (int i = 0; i < 50;)
            {
                long seen = (long)await db.StringGetAsync(n);
                var t = db.CreateTransaction();
                t.AddCondition(Condition.StringEqual(n, seen));
                _ = t.StringSetAsync(n, seen + 1);
                if (await t.ExecuteAsync()) { i++; Interlocked.Increment(ref done); }
                else Interlocked.Increment(ref lost);
            }
        }));
        Check.Equal((long)done, (long)await muxes[0].GetDatabase().StringGetAsync(n), $"the sum ({lost} races lost)");
    }

    public static async Task Locks(Context x)
    {
        var db = (await x.Connect()).GetDatabase();
        RedisKey l = x.Key("lock");
        Check.True(await db.LockTakeAsync(l, "me", TimeSpan.FromSeconds(20)), "take");
        Check.True(!await db.LockTakeAsync(l, "you", TimeSpan.FromSeconds(20)), "taken");
        Check.Equal("me", (string?)await db.LockQueryAsync(l), "query");
        Check.True(!await db.LockExtendAsync(l, "you", TimeSpan.FromSeconds(50)), "extend by another");
        Check.True(await db.LockExtendAsync(l, "me", TimeSpan.FromSeconds(50)), "extend");
        Check.Between(40, 50, (await db.KeyTimeToLiveAsync(l))?.TotalSeconds, "extended");
        Check.True(!await db.LockReleaseAsync(l, "you"), "release by another");
        Check.True(await db.LockReleaseAsync(l, "me"), "release");
        Check.True(await db.LockTakeAsync(l, "you", TimeSpan.FromMilliseconds(80)), "take again");
        await Check.Soon(async () => await db.LockTakeAsync(l, "me", TimeSpan.FromSeconds(5)), "it runs out");
    }

    public static async Task Batches(Context x)
    {
        var db = (await x.Connect()).GetDatabase();
        var batch = db.CreateBatch();
        var sets = Enumerable.Range(0, 5_000).Select(i => batch.StringSetAsync(x.Key("b" + i), i)).ToArray();
        var gets = Enumerable.Range(0, 5_000).Select(i => batch.StringGetAsync(x.Key("b" + i))).ToArray();
        batch.Execute();
        Check.True((await Task.WhenAll(sets)).All(ok => ok), "5,000 SETs");
        Check.Same(Enumerable.Range(0, 5_000), (await Task.WhenAll(gets)).Select(v => (int)v), "5,000 GETs behind them");
        Check.Equal(5_000L, await db.KeyDeleteAsync([.. Enumerable.Range(0, 5_000).Select(i => x.Key("b" + i))]), "one UNLINK");
        for (int i = 0; i < 1_000; i++) db.StringIncrement(x.Key("ff"), flags: CommandFlags.FireAndForget);
        Check.Equal(1_000L, (long)await db.StringGetAsync(x.Key("ff")), "fire and forget, in order");
    }

    public static async Task LargeValues(Context x)
    {
        var db = (await x.Connect(o => o.AsyncTimeout = o.SyncTimeout = 30_000)).GetDatabase();
        foreach (int size in (int[])[70_000, 1_000_000, 20_000_000])
        {
            var value = new byte[size];
            new Random(size).NextBytes(value);
            Check.True(await db.StringSetAsync(x.Key("large"), value), "SET " + size);
            Check.Bytes(value, (byte[]?)await db.StringGetAsync(x.Key("large")), $"GET of {size} bytes");
            await db.HashSetAsync(x.Key("h"), "f", value);
            Check.Equal((long)size, await db.HashStringLengthAsync(x.Key("h"), "f"), "HSTRLEN");
        }
        await db.KeyDeleteAsync([x.Key("large"), x.Key("h")]);
    }

    public static async Task RawCommands(Context x)
    {
        var db = (await x.Connect()).GetDatabase();
        Check.Equal("hello", (string?)await db.ExecuteAsync("ECHO", "hello"), "Execute");
        await db.ExecuteAsync("SET", x.Key("k"), Encoding.UTF8.GetBytes("v"));
        Check.Equal("v", (string?)await db.StringGetAsync(x.Key("k")), "Execute SET");
        var error = await Check.Throws<RedisServerException>(() => db.ExecuteAsync("NOSUCHCOMMAND", "a"), "an unknown command");
        Check.True(error.Message.StartsWith("ERR unknown command"), error.Message);
    }
}
