using System.Diagnostics;
using Clustron.Testing;
using StackExchange.Redis;

namespace Clustron.Tests;

/// <summary>Three nodes: leaders that are killed, nodes that say nothing. Each test has a cluster of its own.</summary>
public class ClusterTests : ServerTest
{
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(5);

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task A_hundred_tasks_over_one_connection_while_the_leader_is_killed(RedisProtocol protocol)
    {
        await using ClustronServer server = await ClustronServer.StartClusterAsync();
        ClustronClient client = await Connect(server, protocol);
        var tokens = new long[4];
        var inside = new int[4];
        int lost = 0, held = 0, overlaps = 0, falls = 0;
        using var stop = new CancellationTokenSource();
        // A handle that is held all the time must not be lost by the kill.
        await using LockHandle steady = await client.Locks.AcquireAsync(Name + "steady", Ttl);
        await using Lease lease = await client.Leases.GrantAsync(Ttl);
        Task[] tasks = [.. Enumerable.Range(0, 100).Select(i => Task.Run(async () =>
        {
            int n = i % 4;
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    await using LockHandle handle = await client.Locks.AcquireAsync($"{Name}{n}", Ttl, cancellation: stop.Token);
                    if (Interlocked.Increment(ref inside[n]) != 1) Interlocked.Increment(ref overlaps);
                    if (handle.Token <= Interlocked.Exchange(ref tokens[n], handle.Token)) Interlocked.Increment(ref falls);
                    await handle.ExecuteAsync(Command.Increment($"{Name}count{n}"), RequestId.New());
                    Interlocked.Increment(ref held);
                    if (handle.LostToken.IsCancellationRequested) Interlocked.Increment(ref lost);
                    Interlocked.Decrement(ref inside[n]);
                }
                catch (OperationCanceledException) when (stop.IsCancellationRequested) { }
            }
        }))];
        await Wait.Until(() => Volatile.Read(ref held) > 50, "the tasks are at work");
        ClustronNode leader = await server.LeaderAsync();
        leader.Kill();
        int before = Volatile.Read(ref held);
        // A ticket whose grant was told to nobody is found at its next CLAIM, 2 s later at most.
        await Wait.Until(() => Volatile.Read(ref held) > before + 100, "the tasks go on", 15_000);
        leader.Start();
        await Task.Delay(500);
        await stop.CancelAsync();
        await Wait.For(Task.WhenAll(tasks), "all tasks end", 20_000);
        Assert.Equal((0, 0, 0), (overlaps, falls, lost));
        Assert.False(steady.LostToken.IsCancellationRequested);
        Assert.False(lease.LostToken.IsCancellationRequested);
        Assert.True(await steady.CheckAsync());
        long counted = 0;
        for (int n = 0; n < 4; ++n) counted += await client.Counters.GetAsync($"{Name}count{n}") ?? 0;
        Assert.InRange(counted, held, held + 4); // one that was stopped between its write and its count, a lock
    }

    [Fact]
    public async Task Counts_and_transfers_are_exact_while_the_leader_is_killed()
    {
        await using ClustronServer server = await ClustronServer.StartClusterAsync();
        ClustronClient client = await Connect(server);
        string[] accounts = [.. Enumerable.Range(0, 5).Select(i => $"{Name}account{i}")];
        foreach (string account in accounts) await client.KeyValue.PutAsync(account, 100);
        long acknowledged = 0;
        int transfers = 0;
        using var stop = new CancellationTokenSource();
        Task[] tasks = [.. Enumerable.Range(0, 12).Select(i => Task.Run(async () =>
        {
            var random = new Random(i);
            while (!stop.IsCancellationRequested)
            {
                await client.Counters.AddAsync(Name + "n", 1, new CounterOptions { Request = RequestId.New() });
                Interlocked.Increment(ref acknowledged);
                string from = accounts[random.Next(5)], to = accounts[random.Next(5)];
                await client.Transactions.Create()
                    .If(TxnCondition.Value(from, 10, Comparison.GreaterOrEqual))
                    .Then(Command.Increment(from, -10), Command.Increment(to, 10))
                    .Else(Command.Get(from))
                    .ExecuteAsync(RequestId.New());
                Interlocked.Increment(ref transfers);
                if (i >= 4) continue;
                await client.Transactions.RunAsync(
                    async tx =>
                    {
                        long a = (long)await tx.GetAsync(from), b = (long)await tx.GetAsync(to);
                        if (from == to || a < 7) return false;
                        await tx.PutAsync(from, a - 7);
                        await tx.PutAsync(to, b + 7);
                        return true;
                    },
                    attempts: 1000);
            }
        }))];
        await Wait.Until(() => Volatile.Read(ref transfers) > 50, "the tasks are at work");
        (await server.LeaderAsync()).Kill();
        int before = Volatile.Read(ref transfers);
        await Wait.Until(() => Volatile.Read(ref transfers) > before + 100 || tasks.Any(t => t.IsFaulted), "the tasks go on", 15_000);
        await stop.CancelAsync();
        await Wait.For(Task.WhenAll(tasks), "all tasks end", 20_000);
        Assert.Equal(acknowledged, await client.Counters.GetAsync(Name + "n"));
        KeyValueEntry[] all = await client.KeyValue.GetManyAsync([.. accounts.Select(a => (RedisKey)a)]);
        Assert.Equal(500, all.Sum(e => (long)e.Value));
        Assert.All(all, e => Assert.True((long)e.Value >= 0));
    }

    [Fact]
    public async Task A_node_that_says_nothing_loses_no_lock_and_holds_nobody_up()
    {
        await using ClustronServer server = await ClustronServer.StartClusterAsync();
        ClustronClient client = await Connect(server);
        ClustronNode leader = await server.LeaderAsync();
        await using LockHandle handle = await client.Locks.AcquireAsync(Name, TimeSpan.FromSeconds(4));
        await using Lease lease = await client.Leases.GrantAsync(TimeSpan.FromSeconds(4));
        leader.Pause();
        long began = Stopwatch.GetTimestamp();
        // Another node is asked for what has no answer.
        LockHandle other = await client.Locks.AcquireAsync(Name + "other", Ttl, TimeSpan.FromSeconds(1));
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 0, 4);
        await Task.Delay(6000);
        Assert.False(handle.LostToken.IsCancellationRequested);
        Assert.False(lease.LostToken.IsCancellationRequested);
        Assert.True(await handle.CheckAsync());
        leader.Resume();
        await other.DisposeAsync();
        // The paused node's own late attempts are undone, too.
        for (int i = 0; i < 200 && await client.Locks.GetAsync(Name + "other") is not null; ++i) await Task.Delay(50);
        Assert.Null(await client.Locks.GetAsync(Name + "other"));
    }

    [Fact]
    public async Task When_no_node_says_anything_the_loss_is_known_before_the_ttl_is_over()
    {
        await using ClustronServer server = await ClustronServer.StartClusterAsync();
        ClustronClient client = await Connect(server);
        await using LockHandle handle = await client.Locks.AcquireAsync(Name, Ms(1500));
        var lostAfter = new TaskCompletionSource<TimeSpan>();
        await Task.Delay(700); // it has been renewed by now
        long paused = Stopwatch.GetTimestamp();
        handle.LostToken.Register(() => lostAfter.TrySetResult(Stopwatch.GetElapsedTime(paused)));
        // It was confirmed for so long, at least; nothing is confirmed that is sent later than the pause.
        TimeSpan left = handle.Remaining;
        foreach (ClustronNode node in server.Nodes) node.Pause();
        TimeSpan after = await Wait.For(lostAfter.Task, "the loss");
        Assert.InRange(after.TotalMilliseconds, left.TotalMilliseconds - 100, 1500);
        foreach (ClustronNode node in server.Nodes) node.Resume();
        await server.WaitReadyAsync();
        await using LockHandle next = await client.Locks.AcquireAsync(Name, Ttl, TimeSpan.FromSeconds(10));
        Assert.True(next.Token > handle.Token);
        await Assert.ThrowsAsync<FencedException>(() => handle.ExecuteAsync(Command.Set(Name, "late")));
    }

    [Fact]
    public async Task Without_a_majority_commands_fail_for_certain_or_say_that_they_don_t_know()
    {
        await using ClustronServer server = await ClustronServer.StartClusterAsync();
        ClustronClient client = await Connect(server, configure: o => o.RetryFor = TimeSpan.FromSeconds(3));
        await client.KeyValue.PutAsync(Name, 1);
        server.Nodes[0].Kill();
        server.Nodes[1].Kill();
        long began = Stopwatch.GetTimestamp();
        ClustronException error = await Assert.ThrowsAnyAsync<ClustronException>(() => client.KeyValue.PutAsync(Name, 2));
        Assert.True(error is UncertainException or UnavailableException, error.ToString());
        await Assert.ThrowsAsync<UnavailableException>(() => client.KeyValue.GetAsync(Name));
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 0, 15);
        server.Nodes[0].Start();
        await server.LeaderAsync();
        bool applied = (int)(await client.KeyValue.GetAsync(Name)).Value == 2;
        Assert.False(applied && error is UnavailableException);
    }
}
