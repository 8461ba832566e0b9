using System.Reflection;
using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron.Tests;

/// <summary>
/// Every call of the library, on a connection that breaks behind each command that is sent first: what is sent again has a request id, or
/// an owner, id or token that makes it the same one, or only reads. A call without that is not sent again, and says that it is uncertain.
/// </summary>
public class RepeatTests
{
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(30);
    private static readonly RequestId Request = new("r", TimeSpan.FromMinutes(1));
    private static readonly RedisKey[] Keys = ["a", "b"];
    private static readonly KeyValuePair<RedisKey, RedisValue>[] Values = [KeyValuePair.Create<RedisKey, RedisValue>("a", 1)];

    /// <summary>What makes a repeat harmless; what is not listed must be under ONCE.</summary>
    private static readonly string[] Harmless =
    [
        // By its owner, id or token.
        "LEASE GRANT", "LEASE KEEPALIVE", "LEASE REVOKE", "LOCK ACQUIRE", "LOCK RENEW", "LOCK RELEASE", "TXN BEGIN", "TXN COMMIT", "TXN ROLLBACK",
        // Reads.
        "GET", "EXISTS", "DBSIZE", "SCAN", "LEASE TTL", "LEASE LIST", "LOCK INFO", "LOCK LIST", "LOCK CHECK", "WATCHKEY", "TXN DO 1-1 GET",
        "TXN THEN 1 2 GET", "TXN THEN 3 2 GET", "TXN THEN 5 3 MGET", "INDEX LIST", "INDEX INFO", "INDEX LABELS", "INDEX QUERY", "INDEX AGGREGATE", "INDEX EXPLAIN",
    ];

    private sealed class Objects(ClustronClient client, FakePort port)
    {
        public ClustronClient Client => client;
        public FakePort Port => port;
        public required Lease Lease { get; init; }
        public required LockHandle Lock { get; init; }
        public required OpenTransaction Transaction { get; init; }
    }

    /// <summary>Type.Method, and a call of it.</summary>
    private static readonly Dictionary<string, Func<Objects, Task>> Calls = new()
    {
        ["ClustronClient.ExecuteAsync"] = o => o.Client.ExecuteAsync(Command.Increment("a"), Request),
        ["ClustronClient.ReadAsync"] = o => o.Client.ReadAsync(Command.Get("a")),
        ["KeyValueStore.PutAsync"] = o => o.Client.KeyValue.PutAsync("a", 1, new PutOptions { Request = Request }),
        ["KeyValueStore.GetAsync"] = o => o.Client.KeyValue.GetAsync("a"),
        ["KeyValueStore.DeleteAsync"] = o => o.Client.KeyValue.DeleteAsync("a", null, null, Request),
        ["KeyValueStore.UpdateAsync"] = o => o.Client.KeyValue.UpdateAsync("a", _ => 2),
        ["KeyValueStore.GetManyAsync"] = o => o.Client.KeyValue.GetManyAsync(Keys),
        ["KeyValueStore.PutManyAsync"] = o => o.Client.KeyValue.PutManyAsync(Values, Ttl, Request),
        ["KeyValueStore.DeleteManyAsync"] = o => o.Client.KeyValue.DeleteManyAsync(Keys, Request),
        ["KeyValueStore.ExistsAsync"] = o => o.Client.KeyValue.ExistsAsync("a"),
        ["KeyValueStore.ExpireAsync"] = o => o.Client.KeyValue.ExpireAsync("a", Ttl),
        ["KeyValueStore.PersistAsync"] = o => o.Client.KeyValue.PersistAsync("a"),
        ["KeyValueStore.CountAsync"] = o => o.Client.KeyValue.CountAsync(),
        ["KeyValueStore.ClearAsync"] = o => o.Client.KeyValue.ClearAsync("a"),
        ["KeyValueStore.ScanAsync"] = o => All(o.Client.KeyValue.ScanAsync("a")),
        ["Counters.AddAsync"] = o => o.Client.Counters.AddAsync("a", 1, new CounterOptions { Request = Request }),
        ["Counters.GetAsync"] = o => o.Client.Counters.GetAsync("a"),
        ["Counters.SetAsync"] = o => o.Client.Counters.SetAsync("a", 3),
        ["Leases.GrantAsync"] = o => o.Client.Leases.GrantAsync(Ttl, new LeaseOptions { KeepAlive = false }),
        ["Leases.GetAsync"] = o => o.Client.Leases.GetAsync("l"),
        ["Leases.RevokeAsync"] = o => o.Client.Leases.RevokeAsync("l"),
        ["Leases.DetachAsync"] = o => o.Client.Leases.DetachAsync(Keys),
        ["Leases.ListAsync"] = o => All(o.Client.Leases.ListAsync()),
        ["Lease.AttachAsync"] = o => o.Lease.AttachAsync(Keys),
        ["Lease.KeepAliveAsync"] = o => o.Lease.KeepAliveAsync(),
        ["Lease.RevokeAsync"] = o => o.Lease.RevokeAsync(),
        ["Lease.DisposeAsync"] = o => o.Lease.DisposeAsync().AsTask(),
        ["Locks.AcquireAsync"] = o => o.Client.Locks.AcquireAsync("n", Ttl, null, Still),
        ["Locks.TryAcquireAsync"] = o => o.Client.Locks.TryAcquireAsync("n", Ttl, default, Still),
        ["Locks.AcquireSharedAsync"] = o => o.Client.Locks.AcquireSharedAsync("n", Ttl, null, Still),
        ["Locks.TryAcquireSharedAsync"] = o => o.Client.Locks.TryAcquireSharedAsync("n", Ttl, default, Still),
        ["Locks.AcquirePermitAsync"] = o => o.Client.Locks.AcquirePermitAsync("n", 2, Ttl, null, Still),
        ["Locks.TryAcquirePermitAsync"] = o => o.Client.Locks.TryAcquirePermitAsync("n", 2, Ttl, default, Still),
        ["Locks.GetAsync"] = o => o.Client.Locks.GetAsync("n"),
        ["Locks.ListAsync"] = o => All(o.Client.Locks.ListAsync()),
        ["Locks.BreakAsync"] = o => o.Client.Locks.BreakAsync("n"),
        ["LockHandle.ExecuteAsync"] = o => o.Lock.ExecuteAsync(Command.Increment("n"), Request),
        ["LockHandle.CheckAsync"] = o => o.Lock.CheckAsync(),
        ["LockHandle.RenewAsync"] = o => o.Lock.RenewAsync(),
        ["LockHandle.ReleaseAsync"] = o => o.Lock.ReleaseAsync(),
        ["LockHandle.DisposeAsync"] = o => o.Lock.DisposeAsync().AsTask(),
        ["Elections.CampaignAsync"] = o => o.Client.Elections.CampaignAsync("n", "me", Ttl),
        ["Elections.RunAsync"] = o => o.Client.Elections.RunAsync("n", "me", Ttl, (_, _) => Task.CompletedTask, CancellationToken.None),
        ["Elections.GetLeaderAsync"] = o => o.Client.Elections.GetLeaderAsync("n"),
        ["Elections.ObserveAsync"] = o => First(o.Client.Elections.ObserveAsync("n")),
        ["Transactions.BeginAsync"] = o => o.Client.Transactions.BeginAsync(),
        ["Transactions.RunAsync"] = o => o.Client.Transactions.RunAsync(async tx => await tx.GetAsync("a"), 1),
        ["TransactionBuilder.ExecuteAsync"] = o => o.Client.Transactions.Create().Then(Command.Increment("a")).ExecuteAsync(Request),
        ["TransactionBuilder.ReadAsync"] = o => o.Client.Transactions.Create().Then(Command.Get("a")).ReadAsync(),
        ["OpenTransaction.ReadAsync"] = o => o.Transaction.ReadAsync(Command.Get("a")),
        ["OpenTransaction.GetAsync"] = o => o.Transaction.GetAsync("a"),
        ["OpenTransaction.StageAsync"] = o => o.Transaction.StageAsync(Command.Increment("a")),
        ["OpenTransaction.PutAsync"] = o => o.Transaction.PutAsync("a", 1),
        ["OpenTransaction.DeleteAsync"] = o => o.Transaction.DeleteAsync("a"),
        ["OpenTransaction.CommitAsync"] = o => o.Transaction.CommitAsync(),
        ["OpenTransaction.RollbackAsync"] = o => o.Transaction.RollbackAsync(),
        ["OpenTransaction.DisposeAsync"] = o => o.Transaction.DisposeAsync().AsTask(),
        ["Once.ExecuteAsync"] = o => o.Client.Once.ExecuteAsync(Command.Increment("a"), Request),
        ["Watches.RevisionAsync"] = o => o.Client.Watch.RevisionAsync(),
        ["Watches.KeyAsync"] = async o =>
        {
            await using WatchSubscription watch = await o.Client.Watch.KeyAsync("a", (_, _) => ValueTask.CompletedTask);
            await Wait.Until(() => o.Port.Count("WATCHKEY SINCE 7 KEY a LIMIT 1000") == 2, "it has caught up");
        },
        ["Watches.PrefixAsync"] = async o =>
        {
            await using WatchSubscription watch = await o.Client.Watch.PrefixAsync("a", (_, _) => ValueTask.CompletedTask);
            await Wait.Until(() => o.Port.Count("WATCHKEY SINCE 7 PREFIX a LIMIT 1000") == 2, "it has caught up");
        },
        ["Indexes.CreateAsync"] = o => o.Client.Indexes.CreateAsync("i", new IndexDefinition { Kind = IndexKind.Keys }),
        ["Indexes.DropAsync"] = o => o.Client.Indexes.DropAsync("i"),
        ["Indexes.GetAsync"] = o => o.Client.Indexes.GetAsync("i"),
        ["Indexes.ListAsync"] = o => o.Client.Indexes.ListAsync(),
        ["Indexes.WaitReadyAsync"] = o => o.Client.Indexes.WaitReadyAsync("i"),
        ["Indexes.LabelAsync"] = o => o.Client.Indexes.LabelAsync("a", [new("tag", "x")]),
        ["Indexes.UnlabelAsync"] = o => o.Client.Indexes.UnlabelAsync("a"),
        ["Indexes.LabelsAsync"] = o => o.Client.Indexes.LabelsAsync("a"),
        ["IndexQuery.KeysAsync"] = o => All(o.Client.Indexes.Query("i").KeysAsync()),
        ["IndexQuery.ValuesAsync"] = o => All(o.Client.Indexes.Query("i").ValuesAsync()),
        ["IndexQuery.FieldsAsync"] = o => All(o.Client.Indexes.Query("i").FieldsAsync(["f"])),
        ["IndexQuery.PageAsync"] = o => o.Client.Indexes.Query("i").PageAsync(),
        ["IndexQuery.CountAsync"] = o => o.Client.Indexes.Query("i").CountAsync(),
        ["IndexQuery.ExplainAsync"] = o => o.Client.Indexes.Query("i").ExplainAsync(),
        ["IndexQuery.AggregateAsync"] = o => o.Client.Indexes.Query("i").AggregateAsync([], Reduce.Count),
        ["IndexQuery.PurgeAsync"] = o => o.Client.Indexes.Query("i").Where(IndexField.Tag("t") == "x").PurgeAsync(),
    };

    /// <summary>Not sent again, so that their outcome may be uncertain; they say so.</summary>
    private static readonly string[] Uncertain =
        ["KeyValueStore.ClearAsync", "Locks.BreakAsync", "OpenTransaction.StageAsync", "OpenTransaction.PutAsync", "OpenTransaction.DeleteAsync"];

    private static LockOptions Still => new() { AutoRenew = false };

    public static TheoryData<string> Names => [.. Calls.Keys];

    [Fact]
    public void No_call_is_left_out()
    {
        Type[] types =
        [
            typeof(ClustronClient), typeof(KeyValueStore), typeof(Counters), typeof(Leases), typeof(Lease), typeof(Locks), typeof(LockHandle), typeof(Elections),
            typeof(Transactions), typeof(TransactionBuilder), typeof(OpenTransaction), typeof(Once), typeof(Watches), typeof(Indexes), typeof(IndexQuery),
        ];
        string[] all = [.. types
            .SelectMany(t => t.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(m => m.Name.EndsWith("Async", StringComparison.Ordinal))
            .Select(m => $"{m.DeclaringType!.Name}.{m.Name}")
            .Distinct()
            .Except(["ClustronClient.DisposeAsync"])
            .Order()];
        Assert.Equal(all, Calls.Keys.Order());
    }

    [Theory, MemberData(nameof(Names))]
    public async Task What_is_sent_again_is_the_same_command_under_an_id(string name)
    {
        var port = new FakePort { Answer = Answer };
        var client = new ClustronClient(port, new ClustronOptions());
        var objects = new Objects(client, port)
        {
            Lease = await client.Leases.GrantAsync(Ttl, new LeaseOptions { KeepAlive = false }),
            Lock = await client.Locks.AcquireAsync("n", Ttl, null, Still),
            Transaction = await client.Transactions.BeginAsync(),
        };
        int before = port.Sent.Count;
        var broken = new HashSet<string>();
        port.Answer = words => broken.Add(Inner(words)) ? Broken : Answer(words);
        Exception? error = await Record.ExceptionAsync(() => Calls[name](objects));
        if (Uncertain.Contains(name)) Assert.IsType<UncertainException>(error);
        else Assert.Null(error);
        var sent = port.Sent.Skip(before).GroupBy(Inner).ToArray();
        Assert.NotEmpty(sent);
        foreach (var same in sent)
        {
            if (Uncertain.Contains(name)) Assert.Single(same);
            else Assert.True(same.Count() >= 2, $"{same.Key} was not sent again");
            if (same.Count() == 1 || Harmless.Any(h => same.Key == h || same.Key.StartsWith(h + " ", StringComparison.Ordinal))) continue;
            Assert.StartsWith("ONCE ", same.First(), StringComparison.Ordinal);
            Assert.Single(same.Distinct()); // by the same request id
        }
    }

    [Fact]
    public async Task Without_a_request_id_a_write_is_not_sent_again()
    {
        var port = new FakePort { Answer = _ => Broken };
        var client = new ClustronClient(port, new ClustronOptions());
        await Assert.ThrowsAsync<UncertainException>(() => client.KeyValue.PutAsync("a", 1));
        await Assert.ThrowsAsync<UncertainException>(() => client.Counters.AddAsync("a"));
        await Assert.ThrowsAsync<UncertainException>(() => client.ExecuteAsync(Command.Increment("a")));
        await Assert.ThrowsAsync<UncertainException>(() => client.Transactions.Create().Then(Command.Increment("a")).ExecuteAsync());
        Assert.Equal(4, port.Sent.Count);
    }

    [Fact]
    public async Task Nothing_is_repeated_for_longer_than_its_reply_is_kept()
    {
        var clock = new FakeClock();
        var port = new FakePort { Answer = _ => Broken };
        var client = new ClustronClient(port, new ClustronOptions { TimeProvider = clock, RetryFor = TimeSpan.FromMinutes(5) });
        Task write = client.ExecuteAsync(Command.Increment("a"), new RequestId("r", TimeSpan.FromSeconds(4)));
        await clock.AdvanceAsync(1900);
        Assert.False(write.IsCompleted);
        await clock.AdvanceAsync(200);
        await Assert.ThrowsAsync<UncertainException>(() => Wait.For(write, "the end"));
    }

    private static Task<RedisResult> Broken => Task.FromException<RedisResult>(
        new RedisConnectionException(ConnectionFailureType.SocketClosed, "the connection broke", null, CommandStatus.Sent));

    private static string Inner(string words) => words.StartsWith("ONCE ", StringComparison.Ordinal) ? words.Split(' ', 4)[3] : words;

    /// <summary>What a server would say, as far as the library reads it.</summary>
    private static Task<RedisResult> Answer(string words) => Inner(words).Split(' ') switch
    {
        ["TXN", "BEGIN", ..] => FakePort.One("1-1"),
        ["TXN", "DO", ..] => FakePort.One("QUEUED"),
        ["TXN", "COMMIT", ..] => FakePort.Reply(1, 7, Array.Empty<object?>()),
        ["TXN", "ROLLBACK", ..] => FakePort.One("OK"),
        ["TXN", "THEN", _, _, "MGET", ..] => FakePort.Reply(1, 7, new object?[] { new object?[] { "x", "y" }, 7, 7, 5, 5 }),
        ["TXN", ..] => FakePort.Reply(1, 7, new object?[] { 1, 1, 7 }),
        ["LEASE", "GRANT", ..] => FakePort.Reply("l", 30_000, 7),
        ["LEASE", "KEEPALIVE", ..] => FakePort.Reply(30_000),
        ["LEASE", "REVOKE", ..] => FakePort.Reply(1, 2, 7),
        ["LEASE" or "LOCK" or "INDEX", "LIST", ..] => FakePort.Reply(),
        ["LEASE", "TTL", ..] => FakePort.Reply(30_000, 20_000, "me"),
        ["LOCK", "ACQUIRE", ..] => FakePort.Reply(1, 5, 30_000),
        ["LOCK", "INFO", ..] => FakePort.Nil,
        ["INDEX", "INFO", ..] => FakePort.Reply(
            "name", "i", "on", "KEYS", "entity", null, "prefixes", Array.Empty<object?>(), "fields", Array.Empty<object?>(), "keys", 1, "ready", 1, "percent", 100, "rev", 7),
        ["INDEX", "LABELS", ..] => FakePort.Nil,
        ["INDEX", "QUERY", ..] => FakePort.Reply(0, null, Array.Empty<object?>()),
        ["INDEX", "AGGREGATE" or "EXPLAIN", ..] => FakePort.Reply(),
        ["SCAN", ..] => FakePort.Reply("0", Array.Empty<object?>()),
        ["INCREX", ..] => FakePort.Reply(1, 1),
        ["WATCHKEY", "REV"] => FakePort.Reply(7, 1),
        ["WATCHKEY", ..] => FakePort.Reply(7, Array.Empty<object?>()),
        _ => FakePort.One(1),
    };

    private static async Task All<T>(IAsyncEnumerable<T> rows)
    {
        await foreach (T _ in rows) { }
    }

    private static async Task First<T>(IAsyncEnumerable<T> rows)
    {
        await foreach (T _ in rows) return;
    }
}
