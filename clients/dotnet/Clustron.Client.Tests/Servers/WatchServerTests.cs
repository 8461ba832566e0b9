using Clustron.Testing;
using StackExchange.Redis;

namespace Clustron.Tests;

/// <summary>Watches of a real server. The stage leaves them out, and says so, where the server has no WATCHKEY.</summary>
[Trait("Needs", "WATCHKEY")]
public class WatchServerTests : ServerTest
{
    /// <summary>What a watcher knows: applied as it is told.</summary>
    private sealed class View
    {
        public readonly Dictionary<string, string?> Values = [];
        public readonly List<WatchEvent> Events = [];

        public ValueTask Apply(WatchEvent e, CancellationToken stop)
        {
            lock (Events)
            {
                Events.Add(e);
                if (e.Kind == WatchEventKind.Reset) Values.Clear();
                else if (e.Kind == WatchEventKind.Put) Values[e.Key!] = (string?)e.Value;
                else Values.Remove(e.Key!);
            }
            return ValueTask.CompletedTask;
        }

        public int Count
        {
            get
            {
                lock (Events) return Events.Count;
            }
        }
    }

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task A_key_s_changes_with_reasons_and_values(RedisProtocol protocol)
    {
        await using ClustronServer server = await ClustronServer.StartAsync();
        ClustronClient client = await Connect(server, protocol);
        await client.KeyValue.PutAsync("k", "before");
        var view = new View();
        await using WatchSubscription watch = await client.Watch.KeyAsync("k", view.Apply, new WatchOptions { PreviousValues = true });
        KeyValueResult put = await client.KeyValue.PutAsync("k", "one");
        await client.KeyValue.PutAsync("other", "x");
        await client.KeyValue.PutAsync("k", "two", new PutOptions { Ttl = Ms(100) });
        await Wait.Until(() => view.Count == 3, "two puts and the expiry");
        Assert.Equal([("Put", "one", "before"), ("Put", "two", "one"), ("Delete", null, "two")],
            view.Events.Select(e => ($"{e.Kind}", (string?)e.Value, (string?)e.PreviousValue)));
        Assert.Equal("expire", view.Events[2].Reason);
        Assert.Equal(put.Revision, view.Events[0].Revision);
        await client.Database.ExecuteAsync("FLUSHALL");
        await Wait.Until(() => view.Count == 4, "the flush");
        Assert.Equal((WatchEventKind.Reset, "flush"), (view.Events[3].Kind, view.Events[3].Reason));
    }

    [Fact]
    public async Task A_snapshot_and_what_follows_are_the_state()
    {
        await using ClustronServer server = await ClustronServer.StartAsync();
        ClustronClient client = await Connect(server);
        var view = new View();
        using var stop = new CancellationTokenSource();
        Task[] writers = [.. Enumerable.Range(0, 8).Select(n => Task.Run(async () =>
        {
            var random = new Random(n);
            while (!stop.IsCancellationRequested)
            {
                string key = "p:" + random.Next(20);
                if (random.Next(3) == 0) await client.KeyValue.DeleteAsync(key);
                else await client.KeyValue.PutAsync(key, random.Next());
            }
        }))];
        await Task.Delay(200);
        await using WatchSubscription watch = await client.Watch.PrefixAsync("p:", view.Apply, new WatchOptions { Snapshot = true });
        await Task.Delay(1000);
        await stop.CancelAsync();
        await Task.WhenAll(writers);
        long end = await client.Watch.RevisionAsync();
        await client.KeyValue.PutAsync("p:end", "end");
        await Wait.Until(() => watch.Revision > end, "the end");
        await Wait.Until(() => view.Values.ContainsKey("p:end"), "the end");
        KeyValueEntry[] state = await client.KeyValue.GetManyAsync([.. Enumerable.Range(0, 20).Select(i => (RedisKey)("p:" + i))]);
        foreach (KeyValueEntry entry in state) Assert.Equal((string?)entry.Value, view.Values.GetValueOrDefault((string)entry.Key!));
        long[] revisions = [.. view.Events.Where(e => !e.IsSnapshot).Select(e => e.Revision)];
        Assert.Equal(revisions.Order(), revisions);
        Assert.Equal(revisions.Distinct().Count(), revisions.Length); // each write here is a revision of its own
    }

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task Nothing_is_missed_or_told_twice_while_nodes_are_killed(RedisProtocol protocol)
    {
        await using ClustronServer server = await ClustronServer.StartClusterAsync();
        ClustronClient client = await Connect(server, protocol);
        var views = new List<View>();
        var watches = new List<WatchSubscription>();
        // Each client's subscriptions are on some node: all nodes have one, most likely.
        for (int i = 0; i < 4; ++i)
        {
            views.Add(new View());
            watches.Add(await (await Connect(server, protocol)).Watch.PrefixAsync("w:", views[i].Apply, new WatchOptions { WhenCompacted = WhenCompacted.Fail }));
        }
        using var stop = new CancellationTokenSource();
        var written = new int[4];
        Task[] writers = [.. Enumerable.Range(0, 4).Select(n => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await client.KeyValue.PutAsync($"w:{n}", written[n] + 1, new PutOptions { Request = RequestId.New() });
                ++written[n];
            }
        }))];
        for (int round = 0; round < 2; ++round)
        {
            await Task.Delay(700);
            ClustronNode node = round == 0 ? await server.LeaderAsync() : server.Nodes.First(n => n.IsRunning);
            node.Kill();
            await Task.Delay(1000);
            node.Start();
            await server.WaitReadyAsync();
        }
        await stop.CancelAsync();
        await Wait.For(Task.WhenAll(writers), "the writers end");
        for (int i = 0; i < views.Count; ++i)
        {
            View view = views[i];
            await Wait.Until(() => watches[i].Completion.IsFaulted || (view.Count >= written.Sum()), "all is told", 30_000);
            Assert.False(watches[i].Completion.IsFaulted, watches[i].Completion.Exception?.ToString());
            for (int n = 0; n < 4; ++n)
                Assert.Equal(Enumerable.Range(1, written[n]), view.Events.Where(e => e.Key == $"w:{n}").Select(e => (int)e.Value));
            await watches[i].DisposeAsync();
        }
        Assert.All(written, n => Assert.True(n > 20));
    }

    [Fact]
    public async Task A_watch_goes_on_from_a_revision_by_another_client()
    {
        await using ClustronServer server = await ClustronServer.StartClusterAsync();
        ClustronClient client = await Connect(server);
        var view = new View();
        long left;
        await using (WatchSubscription watch = await client.Watch.KeyAsync("k", view.Apply))
        {
            await client.KeyValue.PutAsync("k", 1);
            await Wait.Until(() => view.Count == 1, "the first");
            left = watch.Revision;
        }
        for (int i = 2; i <= 5; ++i) await client.KeyValue.PutAsync("k", i);
        var seen = new List<int>();
        await foreach (WatchEvent e in (await Connect(server, RedisProtocol.Resp3)).Watch.KeyAsync("k", new WatchOptions { FromRevision = left }))
        {
            seen.Add((int)e.Value);
            if (seen.Count == 4) break;
        }
        Assert.Equal([2, 3, 4, 5], seen);
    }
}
