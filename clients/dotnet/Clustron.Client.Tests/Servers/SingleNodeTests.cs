using System.Diagnostics;
using System.Threading.RateLimiting;
using Clustron.DistributedLock;
using Medallion.Threading;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Clustron.Tests;

/// <summary>Every part against a node alone, by both protocols.</summary>
[Collection(nameof(SingleServer))]
public class SingleNodeTests(SingleServer single) : ServerTest
{
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(10);

    private static async Task<List<T>> All<T>(IAsyncEnumerable<T> rows)
    {
        var all = new List<T>();
        await foreach (T row in rows) all.Add(row);
        return all;
    }

    private Task<ClustronClient> Connect(RedisProtocol protocol) => Connect(single.Server, protocol);

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task Values_carry_revisions_and_are_compared_and_set(RedisProtocol protocol)
    {
        KeyValueStore kv = (await Connect(protocol)).KeyValue;
        string key = Name + "k";
        Assert.False((await kv.GetAsync(key)).Exists);
        KeyValueResult created = await kv.PutAsync(key, "one", new PutOptions { IfAbsent = true });
        Assert.True(created.Done && !created.Existed && created.Revision > 0);
        KeyValueResult again = await kv.PutAsync(key, "two", new PutOptions { IfAbsent = true });
        Assert.Equal(new KeyValueResult(KeyValueStatus.Conflict, created.Revision, true), again);
        KeyValueEntry entry = await kv.GetAsync(key);
        Assert.Equal(("one", created.Revision, (TimeSpan?)null), ((string?)entry.Value, entry.Revision, entry.TimeToLive));
        KeyValueResult changed = await kv.PutAsync(key, "two", new PutOptions { IfRevision = entry.Revision, Ttl = Ttl, Request = RequestId.New() });
        Assert.True(changed.Done && changed.Existed && changed.Revision > created.Revision);
        Assert.InRange((await kv.GetAsync(key)).TimeToLive!.Value, Ms(5000), Ttl);
        Assert.Equal(KeyValueStatus.Conflict, (await kv.PutAsync(key, "x", new PutOptions { IfRevision = entry.Revision })).Status);
        Assert.Equal(KeyValueStatus.Conflict, (await kv.DeleteAsync(key, entry.Revision)).Status);
        KeyValueResult deleted = await kv.DeleteAsync(key, changed.Revision);
        Assert.True(deleted.Done && deleted.Revision > changed.Revision);
        Assert.Equal(KeyValueStatus.NotFound, (await kv.DeleteAsync(key)).Status);
        Assert.True((await kv.PutAsync(key, "new", new PutOptions { IfRevision = 0 })).Done);
        await Assert.ThrowsAsync<ClustronException>(async () =>
        {
            await kv.DeleteAsync(key);
            await Connect(protocol).Result.Database.HashSetAsync(key, "f", 1);
            await kv.GetAsync(key);
        });
    }

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task Many_keys_at_one_revision_and_by_prefix(RedisProtocol protocol)
    {
        KeyValueStore kv = (await Connect(protocol)).KeyValue;
        string prefix = Name + "*[x]\\:";
        long revision = await kv.PutManyAsync(Enumerable.Range(0, 5).Select(i => KeyValuePair.Create<RedisKey, RedisValue>(prefix + i, i)).ToArray(), Ttl, RequestId.New());
        KeyValueEntry[] entries = await kv.GetManyAsync([prefix + 0, prefix + 9, prefix + 4]);
        Assert.Equal([0, null, 4], entries.Select(e => (int?)e.Value));
        Assert.Equal([revision, 0, revision], entries.Select(e => e.Revision));
        Assert.Equal([true, false, true], entries.Select(e => e.TimeToLive > Ms(1000)));
        await kv.PutAsync(Name + "x[x]:1", "another");
        Assert.Equal(5, (await All(kv.ScanAsync(prefix))).Distinct().Count());
        Assert.Equal(2, await kv.DeleteManyAsync([prefix + 0, prefix + 1, prefix + 9]));
        Assert.Equal(3, await kv.ClearAsync(prefix));
        Assert.True(await kv.ExistsAsync(Name + "x[x]:1"));
        Assert.True(await kv.ExpireAsync(Name + "x[x]:1", Ttl));
        Assert.True(await kv.PersistAsync(Name + "x[x]:1"));
    }

    private sealed record Person(string Name, int Age);

    [Fact]
    public async Task Objects_are_JSON()
    {
        KeyValueStore kv = (await Connect(RedisProtocol.Resp3)).KeyValue;
        Assert.Null((await kv.GetJsonAsync<Person>(Name)).Value);
        KeyValueResult put = await kv.PutJsonAsync(Name, new Person("Ada", 36));
        var (person, entry) = await kv.GetJsonAsync<Person>(Name);
        Assert.Equal((new Person("Ada", 36), put.Revision), (person, entry.Revision));
    }

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task Leases_and_locks_are_listed(RedisProtocol protocol)
    {
        ClustronClient client = await Connect(protocol);
        await using Lease lease = await client.Leases.GrantAsync(Ttl, new LeaseOptions { Owner = Name });
        await client.KeyValue.PutAsync(Name + "k", 1, new PutOptions { LeaseId = lease.Id });
        LeaseRow row = (await All(client.Leases.ListAsync(Name))).Single();
        Assert.Equal((lease.Id, Ttl, Name, 1, lease.Revision), (row.Id, row.Ttl, row.Owner, row.Keys, row.Revision));
        var held = new List<LockHandle>();
        foreach (int i in Enumerable.Range(0, 3)) held.Add(await client.Locks.AcquireAsync(Name + i, Ttl, null, new LockOptions { Owner = "me" }));
        List<LockRow> rows = await All(client.Locks.ListAsync(Name));
        Assert.Equal(held.Select(h => (h.Name, h.Token)), rows.Select(r => (r.Name, r.Token)));
        Assert.All(rows, r => Assert.True(r.Holders == 1 && r.Waiters == 0 && r.Owner.StartsWith("me/", StringComparison.Ordinal)));
        foreach (LockHandle handle in held) await handle.DisposeAsync();
    }

    [Fact]
    public async Task Updates_of_many_tasks_are_all_there()
    {
        KeyValueStore kv = (await Connect(RedisProtocol.Resp2)).KeyValue;
        await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
        {
            for (int i = 0; i < 5; ++i) await kv.UpdateAsync(Name + "n", e => (long)(e.Exists ? e.Value : 0) + 1);
        }));
        Assert.Equal(50, (long)(await kv.GetAsync(Name + "n")).Value);
        await kv.ExpireAsync(Name + "n", Ttl);
        Assert.InRange((await kv.UpdateAsync(Name + "n", e => (long)e.Value + 1)).TimeToLive!.Value, Ms(5000), Ttl);
        Assert.InRange((await kv.GetAsync(Name + "n")).TimeToLive!.Value, Ms(5000), Ttl); // it is kept
        await kv.UpdateAsync(Name + "n", e => (long)e.Value + 1, new PutOptions { Ttl = TimeSpan.FromMinutes(1) });
        Assert.True((await kv.GetAsync(Name + "n")).TimeToLive > Ttl);
        await kv.UpdateAsync(Name + "n", _ => RedisValue.Null);
        Assert.False(await kv.ExistsAsync(Name + "n"));
    }

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task Counters_keep_their_bounds(RedisProtocol protocol)
    {
        Counters counters = (await Connect(protocol)).Counters;
        var bounds = new CounterOptions { Min = 0, Max = 10 };
        Assert.Null(await counters.GetAsync(Name));
        Assert.Equal(new CounterResult(7, 7), await counters.AddAsync(Name, 7, bounds));
        Assert.Equal(new CounterResult(7, 0), await counters.AddAsync(Name, 4, bounds));
        CounterResult filled = await counters.AddAsync(Name, 4, bounds with { Saturate = true, Request = RequestId.New() });
        Assert.Equal((10, 3, 7), (filled.Current, filled.Added, filled.Previous));
        await counters.SetAsync(Name, 2);
        Assert.Equal(2, await counters.GetAsync(Name));
        Assert.Equal(new CounterResult(2, 0), await counters.AddAsync(Name, -3, bounds));
    }

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task One_shot_transactions(RedisProtocol protocol)
    {
        ClustronClient client = await Connect(protocol);
        string a = Name + "a", b = Name + "b";
        await client.KeyValue.PutAsync(a, 100);
        TransactionBuilder Transfer() => client.Transactions.Create()
            .If(TxnCondition.Value(a, 60, Comparison.GreaterOrEqual))
            .Then(Command.Increment(a, -60), Command.Increment(b, 60))
            .Else(Command.Get(a));
        TransactionResult done = await Transfer().ExecuteAsync(RequestId.New());
        Assert.True(done.Succeeded);
        Assert.Equal([40, 60], done.Replies.Select(r => (int)r));
        TransactionResult refused = await Transfer().ExecuteAsync();
        Assert.False(refused.Succeeded);
        Assert.Equal(40, (int)refused.Replies.Single());
        Assert.Equal(done.Revision, (await client.KeyValue.GetAsync(b)).Revision);
        ClustronException error = await Assert.ThrowsAsync<ClustronException>(
            () => client.Transactions.Create().Then(Command.Increment(a, 1), Command.HashSet(a, "f", 1)).ExecuteAsync());
        Assert.Equal("WRONGTYPE", error.Code);
        Assert.Equal(40, (int)(await client.KeyValue.GetAsync(a)).Value);
    }

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task Open_transactions(RedisProtocol protocol)
    {
        ClustronClient client = await Connect(protocol);
        string key = Name + "k";
        await client.KeyValue.PutAsync(key, 5);
        await using (OpenTransaction tx = await client.Transactions.BeginAsync())
        {
            int n = (int)await tx.GetAsync(key);
            await tx.PutAsync(key, n * 2);
            await tx.StageAsync(Command.Increment(key, 3));
            Assert.Equal(13, (int)await tx.GetAsync(key));
            Assert.Equal(5, (int)(await client.KeyValue.GetAsync(key)).Value);
            CommitResult commit = await tx.CommitAsync();
            Assert.True(commit.Committed);
            Assert.Equal(13, (int)commit.Replies[1]);
            Assert.Equal(commit.Revision, (await client.KeyValue.GetAsync(key)).Revision);
            Assert.True((await tx.CommitAsync()).Committed); // its outcome stays known
        }
        await using (OpenTransaction tx = await client.Transactions.BeginAsync())
        {
            await tx.GetAsync(key);
            KeyValueResult other = await client.KeyValue.PutAsync(key, 1);
            await tx.PutAsync(key, 2);
            CommitResult commit = await tx.CommitAsync();
            Assert.Equal((false, key, other.Revision), (commit.Committed, commit.ConflictKey, commit.ActualRevision));
        }
        OpenTransaction rolled = await client.Transactions.BeginAsync(Ttl);
        await rolled.DeleteAsync(key);
        await rolled.DisposeAsync();
        Assert.Equal(1, (int)(await client.KeyValue.GetAsync(key)).Value);
        await Assert.ThrowsAsync<NoTransactionException>(() => rolled.CommitAsync());
    }

    [Fact]
    public async Task Transactions_that_conflict_run_again()
    {
        ClustronClient client = await Connect(RedisProtocol.Resp2);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => client.Transactions.RunAsync(
            async tx =>
            {
                int n = (int)await tx.GetAsync(Name);
                await tx.PutAsync(Name, n + 1);
                return n;
            },
            attempts: 100)));
        Assert.Equal(8, (int)(await client.KeyValue.GetAsync(Name)).Value);
    }

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task Once_is_once(RedisProtocol protocol)
    {
        ClustronClient client = await Connect(protocol);
        RequestId request = RequestId.New();
        for (int i = 0; i < 3; ++i) Assert.Equal(1, (int)await client.Once.ExecuteAsync(Command.Increment(Name), request));
        await Assert.ThrowsAsync<ClustronException>(() => client.Once.ExecuteAsync(Command.Increment(Name, 2), request));
    }

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task Leases_hold_keys_and_are_lost(RedisProtocol protocol)
    {
        ClustronClient client = await Connect(protocol);
        string key = Name + "service";
        Lease lease = await client.Leases.GrantAsync(Ms(600), new LeaseOptions { Owner = "me" });
        await client.KeyValue.PutAsync(key, "host:port", new PutOptions { LeaseId = lease.Id });
        await client.ExecuteAsync(lease.Wrap(Command.HashSet(Name + "h", "f", 1)));
        await Task.Delay(1000);
        LeaseInfo info = (await client.Leases.GetAsync(lease.Id, true))!;
        Assert.Equal(("me", 2), (info.Owner, info.Keys.Count));
        Assert.False(lease.IsLost);
        Assert.Equal(2, await client.Leases.RevokeAsync(lease.Id)); // by an operator
        await Wait.Until(() => lease.LostToken.IsCancellationRequested, "the lease is known to be lost", 1000);
        Assert.False(await client.KeyValue.ExistsAsync(key));
        await Assert.ThrowsAsync<NoLeaseException>(() => client.KeyValue.PutAsync(key, "x", new PutOptions { LeaseId = lease.Id }));
        await lease.DisposeAsync();
        await using (Lease brief = await client.Leases.GrantAsync(Ttl)) await client.KeyValue.PutAsync(key, "y", new PutOptions { LeaseId = brief.Id });
        Assert.False(await client.KeyValue.ExistsAsync(key));
        await using Lease same = await client.Leases.GrantAsync(Ttl, new LeaseOptions { Id = Name, Owner = "a" });
        await Assert.ThrowsAsync<ClustronException>(() => client.Leases.GrantAsync(Ttl, new LeaseOptions { Id = Name, Owner = "b" }));
    }

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task A_lock_guards_its_key_and_fences_who_lost_it(RedisProtocol protocol)
    {
        ClustronClient client = await Connect(protocol);
        string key = Name + "job";
        LockHandle handle = await client.Locks.AcquireAsync(key, Ttl, TimeSpan.Zero);
        await Assert.ThrowsAsync<LockedException>(() => client.KeyValue.PutAsync(key, "stolen"));
        Assert.Null(await client.Locks.TryAcquireAsync(key, Ttl));
        await Assert.ThrowsAsync<TimeoutException>(() => client.Locks.AcquireAsync(key, Ttl, Ms(50)));
        await handle.ExecuteAsync(Command.Set(key, "mine"), RequestId.New());
        Assert.True((await client.KeyValue.PutAsync(key, "mine too", new PutOptions { Lock = handle })).Done);
        Assert.True(await handle.CheckAsync());
        Assert.True(await handle.RenewAsync());
        LockInfo info = (await client.Locks.GetAsync(key))!;
        Assert.Equal(handle.Token, info.Holders.Single().Token);
        Assert.True(await client.Locks.BreakAsync(key));
        await using LockHandle next = await client.Locks.AcquireAsync(key, Ttl, TimeSpan.Zero);
        Assert.True(next.Token > handle.Token);
        FencedException fenced = await Assert.ThrowsAsync<FencedException>(() => handle.ExecuteAsync(Command.Set(key, "late")));
        Assert.Equal(next.Token, fenced.CurrentToken);
        await Assert.ThrowsAsync<FencedException>(() => client.KeyValue.PutAsync(key, "late", new PutOptions { Lock = handle }));
        Assert.False(await handle.ReleaseAsync());
        Assert.True(await next.ReleaseAsync());
        Assert.Null(await client.Locks.GetAsync(key));
    }

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task A_hundred_tasks_share_a_lock_over_one_connection(RedisProtocol protocol)
    {
        ClustronClient client = await Connect(protocol);
        int inside = 0, sum = 0;
        long last = 0;
        long began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, 100).Select(async _ =>
        {
            await using LockHandle handle = await client.Locks.AcquireAsync(Name, Ttl, TimeSpan.FromSeconds(60));
            Assert.Equal(1, Interlocked.Increment(ref inside));
            Assert.True(handle.Token > last);
            last = handle.Token;
            sum = (int)await handle.ExecuteAsync(Command.Increment(Name));
            Interlocked.Decrement(ref inside);
        }));
        Assert.Equal(100, sum);
        // No polling: each hand-over is a few round trips, not a part of a ticket's time.
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 0, 10);
        Assert.Null(await client.Locks.GetAsync(Name));
    }

    [Fact]
    public async Task Waiters_don_t_hold_up_other_commands()
    {
        ClustronClient client = await Connect(RedisProtocol.Resp3);
        await using LockHandle holder = await client.Locks.AcquireAsync(Name, Ttl);
        using var stop = new CancellationTokenSource();
        Task<LockHandle>[] waiters = [.. Enumerable.Range(0, 50).Select(_ => client.Locks.AcquireAsync(Name, Ttl, cancellation: stop.Token))];
        await Task.Delay(300);
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < 20; ++i) await client.Database.PingAsync();
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalMilliseconds, 0, 1000);
        await stop.CancelAsync();
        foreach (Task<LockHandle> waiter in waiters) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiter);
        for (int i = 0; i < 100 && (await client.Locks.GetAsync(Name))!.Waiters > 0; ++i) await Task.Delay(20);
        Assert.Equal(0, (await client.Locks.GetAsync(Name))!.Waiters);
    }

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task Readers_share_and_a_writer_waits_for_them(RedisProtocol protocol)
    {
        Locks locks = (await Connect(protocol)).Locks;
        LockHandle one = await locks.AcquireSharedAsync(Name, Ttl), two = await locks.AcquireSharedAsync(Name, Ttl);
        Task<LockHandle> writer = locks.AcquireAsync(Name, Ttl);
        await Task.Delay(100);
        Assert.False(writer.IsCompleted);
        Assert.Null(await locks.TryAcquireSharedAsync(Name, Ttl)); // writers don't starve
        await one.DisposeAsync();
        await two.DisposeAsync();
        await using LockHandle writes = await Wait.For(writer, "the writer");
        Assert.True(writes.Token > two.Token);
    }

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task Permits_are_limited(RedisProtocol protocol)
    {
        Locks locks = (await Connect(protocol)).Locks;
        int inside = 0, most = 0;
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            await using LockHandle permit = await locks.AcquirePermitAsync(Name, 3, Ttl);
            int now = Interlocked.Increment(ref inside);
            lock (locks) most = Math.Max(most, now);
            await Task.Delay(10);
            Interlocked.Decrement(ref inside);
        }));
        Assert.Equal(3, most);
    }

    [Fact]
    public async Task A_break_is_told_and_an_unrenewed_lock_is_lost_in_time()
    {
        Locks locks = (await Connect(RedisProtocol.Resp2)).Locks;
        await using LockHandle watched = await locks.AcquireAsync(Name, TimeSpan.FromMinutes(1), null, new LockOptions { NotifyLoss = true });
        await locks.BreakAsync(Name);
        await Wait.Until(() => watched.LostToken.IsCancellationRequested, "the break is told", 1000);
        long began = Stopwatch.GetTimestamp();
        await using LockHandle brief = await locks.AcquireAsync(Name, Ms(400), null, new LockOptions { AutoRenew = false });
        await Wait.Until(() => brief.LostToken.IsCancellationRequested, "the end", 1000);
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalMilliseconds, 350, 450);
    }

    [Fact]
    public async Task Elections_have_terms_and_observers()
    {
        ClustronClient client = await Connect(RedisProtocol.Resp3);
        var seen = new List<Leader>();
        using var stop = new CancellationTokenSource();
        Task observer = Task.Run(async () =>
        {
            await foreach (Leader leader in client.Elections.ObserveAsync(Name, stop.Token))
            {
                lock (seen) seen.Add(leader);
            }
        });
        await Wait.Until(() => seen.Count == 1, "nobody leads");
        Leadership first = await client.Elections.CampaignAsync(Name, "alpha", Ttl);
        await Wait.Until(() => seen.Count == 2, "alpha leads");
        Task<Leadership> second = client.Elections.CampaignAsync(Name, "beta", Ttl);
        await Task.Delay(100);
        Assert.False(second.IsCompleted);
        await first.ResignAsync();
        await using Leadership later = await Wait.For(second, "beta leads");
        Assert.True(later.Term > first.Term);
        Assert.Equal(new Leader(later.Term, "beta"), await client.Elections.GetLeaderAsync(Name));
        await Assert.ThrowsAsync<FencedException>(() => client.ExecuteAsync(first.Wrap(Command.Set(Name + "x", 1))));
        await client.ExecuteAsync(later.Wrap(Command.Set(Name + "x", 1)));
        await Wait.Until(() => seen[^1].Candidate == "beta", "beta is seen");
        Assert.Equal(Leader.None, seen[0]);
        Assert.Equal(seen.Skip(1).Where(l => l.Term > 0).Select(l => l.Term).Order(), seen.Where(l => l.Term > 0).Select(l => l.Term));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => observer);
    }

    [Fact]
    public async Task A_leader_that_is_broken_campaigns_again()
    {
        ClustronClient client = await Connect(RedisProtocol.Resp2);
        var terms = new List<long>();
        Task run = client.Elections.RunAsync(
            Name, "me", Ttl,
            async (office, stop) =>
            {
                terms.Add(office.Term);
                if (terms.Count == 1) await client.Locks.BreakAsync(Name);
                if (terms.Count == 1) await Task.Delay(Timeout.Infinite, stop);
            },
            CancellationToken.None);
        await Wait.For(run, "the second term");
        Assert.True(terms is [var a, var b] && b > a);
        Assert.Equal(Leader.None, await client.Elections.GetLeaderAsync(Name));
    }

    [Fact]
    public async Task A_rate_limit_is_shared()
    {
        var options = new ClustronRateLimiterOptions { PermitLimit = 5, Window = Ms(1500), QueueLimit = 3 };
        await using RateLimiter one = (await Connect(RedisProtocol.Resp2)).CreateRateLimiter(Name, options), two = (await Connect(RedisProtocol.Resp3)).CreateRateLimiter(Name, options);
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < 5; ++i) Assert.True((await (i % 2 == 0 ? one : two).AcquireAsync()).IsAcquired);
        RateLimitLease refused = one.AttemptAcquire();
        Assert.False(refused.IsAcquired);
        Assert.True(refused.TryGetMetadata(MetadataName.RetryAfter, out TimeSpan after) && after > TimeSpan.Zero && after <= Ms(1500));
        Assert.True((await two.AcquireAsync(2)).IsAcquired); // it waited for the next window
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalMilliseconds, 1490, 5000);
        Assert.True(one.AttemptAcquire(0).IsAcquired);
        Assert.Throws<ArgumentOutOfRangeException>(() => one.AttemptAcquire(6));
        Assert.Equal(1, one.GetStatistics()!.TotalFailedLeases);
    }

    [Fact]
    public async Task Services_share_one_client()
    {
        await using ServiceProvider services = new ServiceCollection().AddClustron(single.Server.Configuration).BuildServiceProvider();
        var locks = services.GetRequiredService<Locks>();
        Assert.Same(services.GetRequiredService<ClustronClient>().Locks, locks);
        await using (await locks.AcquireAsync(Name, Ttl)) Assert.Null(await services.GetRequiredService<Locks>().TryAcquireAsync(Name, Ttl));
        using var mux = await ConnectionMultiplexer.ConnectAsync(single.Server.Configuration);
        await using ServiceProvider over = new ServiceCollection().AddSingleton<IConnectionMultiplexer>(mux).AddClustron(o => o.Database = 3).BuildServiceProvider();
        Assert.Same(mux, over.GetRequiredService<ClustronClient>().Multiplexer);
        Assert.Equal(3, over.GetRequiredService<ClustronClient>().Database.Database);
        Assert.True((await over.GetRequiredService<KeyValueStore>().PutAsync(Name, 1)).Done);
        Assert.False(await services.GetRequiredService<KeyValueStore>().ExistsAsync(Name));
    }

    [Fact]
    public async Task Medallion_s_interfaces()
    {
        var provider = new ClustronDistributedSynchronizationProvider(await Connect(RedisProtocol.Resp2), Ttl);
        await using (IDistributedSynchronizationHandle handle = await provider.AcquireLockAsync(Name))
        {
            Assert.True(handle.HandleLostToken.CanBeCanceled);
            Assert.Null(await provider.TryAcquireLockAsync(Name));
            await Assert.ThrowsAsync<TimeoutException>(async () => await provider.AcquireLockAsync(Name, Ms(50)));
        }
        using (provider.AcquireLock(Name)) Assert.Null(provider.TryAcquireLock(Name));
        using (provider.AcquireReadLock(Name + "rw"))
        {
            using IDistributedSynchronizationHandle? second = provider.TryAcquireReadLock(Name + "rw");
            Assert.NotNull(second);
            Assert.Null(provider.TryAcquireWriteLock(Name + "rw"));
        }
        using (provider.AcquireSemaphore(Name + "s", 2))
        using (provider.AcquireSemaphore(Name + "s", 2))
            Assert.Null(provider.TryAcquireSemaphore(Name + "s", 2));
    }
}
