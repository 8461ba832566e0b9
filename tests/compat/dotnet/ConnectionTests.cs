using System.Collections.Concurrent;
using StackExchange.Redis;

namespace Compat;

/// <summary>One connection for many users, messages, and connections that are cut.</summary>
public static class ConnectionTests
{
    public static async Task PubSub(Context x)
    {
        var mux = await x.Connect();
        var other = await x.Connect();
        var queue = await mux.GetSubscriber().SubscribeAsync(x.Channel("news"));
        int handled = 0, matched = 0;
        await mux.GetSubscriber().SubscribeAsync(x.Channel("news"), (_, _) => Interlocked.Increment(ref handled));
        await mux.GetSubscriber().SubscribeAsync(x.Pattern("n?ws"), (_, _) => Interlocked.Increment(ref matched));
        const int Count = 500;
        for (int i = 0; i < Count; i++) await other.GetSubscriber().PublishAsync(x.Channel("news"), i);
        for (int i = 0; i < Count; i++)
        {
            using var patience = new CancellationTokenSource(5_000);
            Check.Equal(i, (int)(await queue.ReadAsync(patience.Token)).Message, "in order, none missing");
        }
        await Check.Soon(() => handled == Count && matched == Count, "handlers saw every message");
        await mux.GetSubscriber().UnsubscribeAllAsync();
        await other.GetSubscriber().PublishAsync(x.Channel("news"), "late");
        await Task.Delay(100);
        Check.Equal(Count, handled, "nothing after leaving");
    }

    public static async Task KeyspaceNotifications(Context x)
    {
        var mux = await x.Connect();
        foreach (var server in mux.GetServers()) await server.ConfigSetAsync("notify-keyspace-events", "KEA");
        var seen = new ConcurrentQueue<string>();
        (await mux.GetSubscriber().SubscribeAsync(RedisChannel.Pattern($"__keyspace@0__:{x.Key("watched*")}"))).OnMessage(m => seen.Enqueue(m.Message!));
        var db = mux.GetDatabase();
        await db.StringSetAsync(x.Key("watched"), "v");
        await db.KeyExpireAsync(x.Key("watched"), TimeSpan.FromMilliseconds(50));
        await Check.Soon(() => seen.Contains("expired"), "notifications, got " + string.Join(",", seen));
        Check.Same(["set", "expire", "expired"], seen, "events");
        // What the library knows to be about many keys it subscribes at every master, and here that is every node.
        int times = 0;
        await mux.GetSubscriber().SubscribeAsync(RedisChannel.KeySpacePrefix(x.Key("everywhere"), 0), (_, _) => Interlocked.Increment(ref times));
        await db.StringSetAsync(x.Key("everywhere"), "v");
        await Check.Soon(() => times == mux.GetEndPoints().Length, "once for each endpoint");
        await Task.Delay(50);
        Check.Equal(mux.GetEndPoints().Length, times, "and no more");
        foreach (var server in mux.GetServers()) await server.ConfigSetAsync("notify-keyspace-events", "");
    }

    /// <summary>64 users share one multiplexer: asynchronous, synchronous, transactions and messages mixed; every reply must be its own.</summary>
    public static async Task ManyUsersOfOneConnection(Context x)
    {
        var mux = await x.Connect(o => o.SyncTimeout = o.AsyncTimeout = 15_000);
        using var stop = new CancellationTokenSource(x.Soak);
        long operations = 0, published = 0, heard = 0;
        // A queue hands its messages on in order; plain handlers run side by side.
        (await mux.GetSubscriber().SubscribeAsync(x.Channel("seq"))).OnMessage(m => { if ((long)m.Message == Volatile.Read(ref heard)) Interlocked.Increment(ref heard); });
        var users = Enumerable.Range(0, 48).Select(id => Task.Run(async () =>
        {
            var db = mux.GetDatabase();
            var random = new Random(id);
            for (long i = 1; !stop.IsCancellationRequested; i++)
            {
                var increment = db.StringIncrementAsync(x.Key("n" + id));
                var payload = new byte[random.Next(random.Next(8) == 0 ? 60_000 : 300)];
                random.NextBytes(payload);
                var set = db.StringSetAsync(x.Key("v" + id), payload);
                var get = db.StringGetAsync(x.Key("v" + id));
                string nonce = Guid.NewGuid().ToString();
                var echo = db.ExecuteAsync("ECHO", nonce);
                Check.Equal(i, await increment, "own counter");
                Check.True(await set, "own write");
                Check.Bytes(payload, (byte[]?)await get, "own value");
                Check.Equal(nonce, (string?)await echo, "own echo");
                var t = db.CreateTransaction();
                t.AddCondition(Condition.StringEqual(x.Key("n" + id), i));
                var field = t.HashIncrementAsync(x.Key("h" + id), "rounds");
                Check.True(await t.ExecuteAsync(), "own transaction");
                Check.Equal(i, await field, "own rounds");
                Interlocked.Add(ref operations, 6);
            }
        })).ToList();
        users.AddRange(Enumerable.Range(48, 16).Select(id => Task.Factory.StartNew(() =>
        {
            var db = mux.GetDatabase();
            for (long i = 1; !stop.IsCancellationRequested; i++)
            {
                db.HashSet(x.Key("h" + id), [new("i", i), new("id", id)]);
                Check.Same([i, (long)id], db.HashGet(x.Key("h" + id), ["i", "id"]).Select(v => (long)v), "own hash");
                Interlocked.Add(ref operations, 2);
            }
        }, TaskCreationOptions.LongRunning)));
        users.Add(Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested) await mux.GetSubscriber().PublishAsync(x.Channel("seq"), published++);
        }));
        await Task.WhenAll(users);
        await Check.Soon(() => Volatile.Read(ref heard) == published, $"published {published}, heard in order {heard}");
        Check.Equal(0L, mux.GetCounters().TotalOutstanding, "outstanding");
        Console.WriteLine($"        {operations} operations, {published} messages");
    }

    /// <summary>Every connection of the multiplexer is cut again and again while it is in use; it must come back, without a lost or doubled count.</summary>
    public static async Task ComesBackAfterDrops(Context x)
    {
        var mux = await x.Connect(o => o.ReconnectRetryPolicy = new LinearRetry(50));
        var admin = await x.Connect(o => { o.ReconnectRetryPolicy = new LinearRetry(50); o.ClientName = "admin"; });
        var db = mux.GetDatabase();
        int heard = 0, errors = 0;
        await mux.GetSubscriber().SubscribeAsync(x.Channel("news"), (_, _) => Interlocked.Increment(ref heard));
        long[] tried = new long[16], done = new long[16];
        using var stop = new CancellationTokenSource();
        var users = Enumerable.Range(0, 16).Select(id => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                tried[id]++;
                try
                {
                    await db.StringIncrementAsync(x.Key("n" + id));
                    done[id]++;
                }
                catch (Exception e) when (IsDrop(e)) { Interlocked.Increment(ref errors); await Task.Delay(1); }
            }
        })).ToArray();
        for (int drop = 0; drop < 8; drop++)
        {
            await Task.Delay(150);
            foreach (var server in admin.GetServers().Where(s => s.IsConnected))
            {
                foreach (string kind in (string[])["normal", "pubsub"])
                {
                    try { await server.ExecuteAsync("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"); }
                    catch (Exception e) when (IsDrop(e)) { } // the admin's own connection to another node of the cluster may go too
                }
            }
            long before = done.Sum();
            await Check.Soon(() => done.Sum() > before + 100, "work goes on after a drop");
        }
        stop.Cancel();
        await Task.WhenAll(users);
        for (int id = 0; id < 16; id++)
        {
            long value = 0;
            await Check.Soon(async () =>
            {
                try { value = (long)await db.StringGetAsync(x.Key("n" + id)); return true; }
                catch (Exception e) when (IsDrop(e)) { return false; }
            }, "the connection");
            Check.Between(done[id], tried[id], value, "acknowledged, counted, tried");
        }
        int already = heard;
        await Check.Soon(async () =>
        {
            try { await admin.GetSubscriber().PublishAsync(x.Channel("news"), "again"); } catch (Exception e) when (IsDrop(e)) { }
            return heard > already;
        }, "the subscription is made anew");
        Console.WriteLine($"        {done.Sum()} acknowledged, {errors} errors");
    }

    /// <summary>What the library throws for an operation whose connection went away under it.</summary>
    internal static bool IsDrop(Exception e) => e is RedisConnectionException or RedisTimeoutException or IOException or TaskCanceledException or ObjectDisposedException;

    /// <summary>
    /// Without INFO the library knows a server's role by HELLO alone (RESP3), when only its client name tells who it is. A name of
    /// one's own hides that; cluster-advertise-role is for those.
    /// </summary>
    public static async Task WritesWithoutInfo(Context x)
    {
        var admin = await x.Connect();
        foreach (var endpoint in admin.GetEndPoints())
        {
            var server = admin.GetServer(endpoint);
            async Task<IServer> Writes(string? name, bool leaderOnly)
            {
                var mux = await x.Connect(o =>
                {
                    o.EndPoints.Clear();
                    o.EndPoints.Add(endpoint);
                    o.CommandMap = CommandMap.Create(["INFO"], available: false);
                    if (name != null) o.ClientName = name;
                });
                var there = mux.GetServer(endpoint);
                if (leaderOnly && there.IsReplica) return there;
                Check.True(!there.IsReplica, $"{endpoint} takes writes from '{name}'");
                Check.True(await mux.GetDatabase().StringSetAsync(x.Key("no info"), name ?? "-"), "SET");
                Check.Equal(name ?? "-", (string?)await admin.GetDatabase().StringGetAsync(x.Key("no info")), "read by another connection");
                return there;
            }
            await Writes(null, leaderOnly: false);
            try
            {
                await server.ConfigSetAsync("cluster-advertise-role", "all");
                await Writes("mine", leaderOnly: false);
                await server.ConfigSetAsync("cluster-advertise-role", "leader");
                bool follows = (string?)((RedisResult[])(await server.ExecuteAsync("ROLE"))!)[0] == "slave";
                // RESP2 has no HELLO, and so no role without INFO.
                Check.Equal(follows && x.Protocol == RedisProtocol.Resp3, (await Writes("mine", leaderOnly: true)).IsReplica, "the truth, if it is wanted");
            }
            finally { await server.ConfigSetAsync("cluster-advertise-role", "auto"); }
        }
    }

    public static async Task ManyConnections(Context x)
    {
        var all = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => x.Connect()));
        await Task.WhenAll(all.Select((mux, i) => mux.GetDatabase().StringSetAsync(x.Key("c" + i), i)));
        for (int i = 0; i < all.Length; i++) Check.Equal(i, (int)all[(i + 1) % all.Length].GetDatabase().StringGet(x.Key("c" + i)), "read by another connection");
    }
}
