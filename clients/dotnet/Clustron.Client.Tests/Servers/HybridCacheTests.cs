using System.Buffers;
using System.Text;
using Clustron.Caching;
using Clustron.Testing;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Clustron.Tests;

/// <summary>Hybrid caches of several processes, as far as that is several clients: on a node alone, and on three whose leader is killed.</summary>
[Collection(nameof(SingleServer))]
public class HybridCacheTests(SingleServer single) : ServerTest
{
    /// <summary>A cache of a process of its own, whose local entries are live.</summary>
    private async Task<ClustronHybridCache> CacheAsync(ClustronServer? server = null, Action<ClustronHybridCacheOptions>? configure = null)
    {
        var options = new ClustronHybridCacheOptions { Prefix = Name };
        configure?.Invoke(options);
        var cache = new ClustronHybridCache(await Connect(server ?? single.Server), Options.Create(options), NullLogger<ClustronHybridCache>.Instance);
        await Wait.Until(() => cache.GetStatistics().LocalIsLive, "it hears of changes");
        return cache;
    }

    private static ValueTask<string> Get(HybridCache cache, string key, string value, params string[] tags) =>
        cache.GetOrCreateAsync(key, _ => ValueTask.FromResult(value), null, tags);

    private static Task Turns(ClustronHybridCache cache, string key, string value) => Wait.Until(() => Get(cache, key, value).AsTask().Result == value, $"{key} is {value}", 2000);

    [Fact]
    public async Task A_value_is_created_once_and_found_by_all()
    {
        await using ClustronHybridCache a = await CacheAsync(), b = await CacheAsync();
        int created = 0;
        string[] all = await Task.WhenAll(Enumerable.Range(0, 50).Select(async _ => await a.GetOrCreateAsync("k", async stop =>
        {
            Interlocked.Increment(ref created);
            await Task.Delay(50, stop);
            return "v";
        })));
        Assert.Equal((1, 50), (created, all.Count(v => v == "v")));
        Assert.Equal("v", await Get(b, "k", "other")); // from the cluster
        Assert.Equal("v", await Get(b, "k", "other")); // from memory
        ClustronHybridCacheStatistics ofA = a.GetStatistics(), ofB = b.GetStatistics();
        Assert.Equal((1, 0, 49), (ofA.Created, ofA.DistributedHits, ofA.Joined));
        Assert.Equal((0, 1, 1), (ofB.Created, ofB.DistributedHits, ofB.LocalHits));
    }

    [Fact]
    public async Task Changes_and_removals_reach_the_memory_of_others()
    {
        await using ClustronHybridCache a = await CacheAsync(), b = await CacheAsync();
        await Get(a, "k", "one");
        await Get(b, "k", "one");
        await a.SetAsync("k", "two");
        Assert.Equal("two", await Get(a, "k", "x"));
        await Turns(b, "k", "two");
        Assert.Equal(0, b.GetStatistics().Created);
        await b.RemoveAsync("k");
        Assert.Equal("three", await Get(b, "k", "three"));
        await Turns(a, "k", "three");
        await a.RemoveAsync(["k", "nosuch"]);
        Assert.Equal("four", await Get(a, "k", "four"));
        Assert.True(a.GetStatistics().Invalidated >= 1 && b.GetStatistics().Invalidated >= 1);
    }

    [Fact]
    public async Task Tags_remove_everywhere()
    {
        await using ClustronHybridCache a = await CacheAsync(), b = await CacheAsync();
        await Get(a, "1", "old", "red", "big");
        await Get(a, "2", "old", "red");
        await Get(a, "3", "old", "blue");
        await Get(a, "4", "old");
        foreach (string key in (string[])["1", "2", "3", "4"]) Assert.Equal("old", await Get(b, key, "x"));
        await b.RemoveByTagAsync("red"); // whose calls named no tags: the entry has them
        Assert.Equal("new new old old", $"{await Get(b, "1", "new")} {await Get(b, "2", "new")} {await Get(b, "3", "new")} {await Get(b, "4", "new")}");
        await Turns(a, "1", "new");
        await Turns(a, "2", "new");
        Assert.Equal("old", await Get(a, "3", "x"));
        await a.RemoveByTagAsync(["blue", "nosuch"]);
        Assert.Equal("new", await Get(a, "3", "new"));
        Assert.Equal("old", await Get(a, "4", "x"));
        await a.RemoveByTagAsync("*");
        Assert.Equal("all", await Get(a, "4", "all"));
        await Turns(b, "4", "all");
        Assert.Equal("all", await Get(b, "1", "all"));
    }

    [Theory, InlineData("key"), InlineData("tag"), InlineData("all")]
    public async Task What_is_removed_while_it_is_created_is_not_kept(string by)
    {
        await using ClustronHybridCache a = await CacheAsync(), b = await CacheAsync();
        var go = new TaskCompletionSource();
        var begun = new TaskCompletionSource();
        Task<string> slow = a.GetOrCreateAsync("k", async stop =>
        {
            begun.SetResult();
            await go.Task.WaitAsync(stop);
            return "outdated";
        }, null, ["tag"]).AsTask();
        await begun.Task;
        await (by == "key" ? b.RemoveAsync("k") : b.RemoveByTagAsync(by == "tag" ? "tag" : "*"));
        go.SetResult();
        Assert.Equal("outdated", await slow);
        Assert.Equal(1, a.GetStatistics().Outdated);
        Assert.Equal("fresh", await Get(b, "k", "fresh", "tag"));
        Assert.Equal("fresh", await Get(a, "k", "x", "tag"));
    }

    private sealed record Basket(List<string> Items);

    [Fact]
    public async Task Objects_that_can_be_changed_are_each_caller_s_own()
    {
        await using ClustronHybridCache cache = await CacheAsync();
        ValueTask<Basket> Ask() => cache.GetOrCreateAsync("k", _ => ValueTask.FromResult(new Basket(["apple"])));
        (await Ask()).Items.Add("mine");
        Assert.Equal("apple", (await Ask()).Items.Single());
        Assert.Same(await Get(cache, "s", "text"), await Get(cache, "s", "text"));
        Assert.Equal(7, await cache.GetOrCreateAsync("n", _ => ValueTask.FromResult(7)));
        Assert.Equal(new byte[] { 1, 2 }, await cache.GetOrCreateAsync("b", _ => ValueTask.FromResult<byte[]>([1, 2])));
        Assert.Null(await cache.GetOrCreateAsync<Basket?>("null", _ => ValueTask.FromResult<Basket?>(null)));
        Assert.Null(await cache.GetOrCreateAsync<Basket?>("null", _ => throw new InvalidDataException("it is kept")));
    }

    [Fact]
    public async Task Ends_flags_and_bounds()
    {
        await using ClustronHybridCache cache = await CacheAsync(null, o => o.MaximumPayloadBytes = 10);
        var brief = new HybridCacheEntryOptions { Expiration = Ms(300) };
        ValueTask<string> Ask(string key, string value, HybridCacheEntryFlags flags) =>
            cache.GetOrCreateAsync(key, _ => ValueTask.FromResult(value), new HybridCacheEntryOptions { Flags = flags });
        await cache.SetAsync("e", "one", brief);
        Assert.Equal("one", await Get(cache, "e", "x"));
        await Task.Delay(400);
        Assert.Equal("two", await Get(cache, "e", "two"));
        Assert.Null(await Ask("f", "x", HybridCacheEntryFlags.DisableUnderlyingData));
        Assert.Equal("x", await Ask("f", "x", HybridCacheEntryFlags.DisableDistributedCacheWrite | HybridCacheEntryFlags.DisableLocalCacheWrite));
        Assert.Equal("y", await Ask("f", "y", HybridCacheEntryFlags.DisableDistributedCacheWrite)); // in memory only
        Assert.Equal("y", await Get(cache, "f", "x"));
        Assert.Equal("z", await Ask("f", "z", HybridCacheEntryFlags.DisableLocalCacheRead)); // the cluster has none
        Assert.Equal("w", await Ask("f", "w", HybridCacheEntryFlags.DisableLocalCacheRead | HybridCacheEntryFlags.DisableDistributedCacheRead));
        string large = new('x', 11);
        Assert.Equal(large, await Get(cache, "l", large));
        Assert.Equal("small", await Get(cache, "l", "small"));
        await Assert.ThrowsAsync<ArgumentException>(async () => await cache.SetAsync("l", large));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Get(cache, "t", "v", [.. Enumerable.Range(0, 65).Select(i => $"{i}")]));
        await Assert.ThrowsAsync<ArgumentException>(async () => await cache.RemoveByTagAsync(new string('x', 257)));
        await Assert.ThrowsAsync<InvalidDataException>(async () => await cache.GetOrCreateAsync<string>("x", _ => throw new InvalidDataException()));
    }

    [Fact]
    public async Task It_is_a_service_with_serializers()
    {
        await using ServiceProvider services = new ServiceCollection().AddClustron(single.Server.Configuration)
            .AddSingleton<IHybridCacheSerializer<Basket>>(new BasketSerializer()).AddClustronHybridCache(o => o.Prefix = Name).BuildServiceProvider();
        var cache = services.GetRequiredService<HybridCache>();
        Assert.IsType<ClustronHybridCache>(cache);
        await cache.SetAsync("k", new Basket(["a", "b"]));
        Assert.Equal("a,b", (string?)await services.GetRequiredService<ClustronClient>().Database.HashGetAsync(Name + "k:k", "d"));
        Assert.Equal("a b", string.Join(' ', (await cache.GetOrCreateAsync<Basket>("k", _ => throw new InvalidDataException())).Items));
    }

    private sealed class BasketSerializer : IHybridCacheSerializer<Basket>
    {
        public Basket Deserialize(ReadOnlySequence<byte> source) => new([.. Encoding.UTF8.GetString(source).Split(',')]);
        public void Serialize(Basket value, IBufferWriter<byte> target) => Encoding.UTF8.GetBytes(string.Join(',', value.Items), target);
    }

    [Fact]
    public async Task Nothing_outdated_stays_while_the_leader_is_killed()
    {
        await using ClustronServer server = await ClustronServer.StartClusterAsync();
        await using ClustronHybridCache a = await CacheAsync(server), b = await CacheAsync(server), c = await CacheAsync(server);
        ClustronHybridCache[] all = [a, b, c];
        int[] truth = new int[5]; // "the database"
        int early = 0, reads = 0, rounds = 0;
        using var stop = new CancellationTokenSource();
        ValueTask<int> Read(ClustronHybridCache cache, int n) => cache.GetOrCreateAsync($"k{n}", async _ =>
        {
            int value = Volatile.Read(ref truth[n]);
            await Task.Delay(Random.Shared.Next(4), CancellationToken.None);
            return value;
        }, null, [$"tag{n}"]);
        Task[] readers = [.. all.Select(cache => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await Read(cache, Random.Shared.Next(5));
                if (Interlocked.Increment(ref reads) % 50 == 0) await Task.Delay(1);
            }
        }))];
        Task writer = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                int n = rounds % 5, value = ++truth[n];
                ClustronHybridCache mine = all[rounds % 3];
                if (rounds % 2 == 0) await mine.RemoveByTagAsync($"tag{n}");
                else await mine.RemoveAsync($"k{n}");
                // Who has removed sees nothing from before.
                if (await Read(mine, n) < value) ++early;
                ++rounds;
            }
        });
        await Wait.Until(() => Volatile.Read(ref rounds) > 20, "it is at work", 20_000);
        (await server.LeaderAsync()).Kill();
        int before = Volatile.Read(ref rounds);
        await Wait.Until(() => Volatile.Read(ref rounds) > before + 20 || writer.IsFaulted, "it goes on", 30_000);
        await stop.CancelAsync();
        await Wait.For(Task.WhenAll([writer, .. readers]), "all end", 20_000);
        Assert.Equal(0, early);
        foreach (ClustronHybridCache cache in all)
        {
            for (int n = 0; n < 5; ++n) await Wait.Until(() => Read(cache, n).AsTask().Result == truth[n], $"k{n} is up to date", 5000);
            Assert.True(cache.GetStatistics().LocalHits > 0);
        }
    }
}
