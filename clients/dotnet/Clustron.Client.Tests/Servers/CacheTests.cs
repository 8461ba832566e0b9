using System.Buffers;
using Clustron.Caching;
using Clustron.Testing;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.StackExchangeRedis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Clustron.Tests;

/// <summary>The distributed cache on a node alone.</summary>
[Collection(nameof(SingleServer))]
public class CacheTests(SingleServer single) : ServerTest
{
    private async Task<(ClustronClient Client, IDistributedCache Cache)> CacheAsync(RedisProtocol protocol = RedisProtocol.Resp2)
    {
        ClustronClient client = await Connect(single.Server, protocol);
        return (client, new ClustronCache(client, Options.Create(new ClustronCacheOptions { InstanceName = Name })));
    }

    private static async Task<long> Ttl(ClustronClient client, string key) => (long)await client.ReadAsync(Command.Of("PTTL", (RedisKey)key));

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task Entries_are_written_read_and_removed(RedisProtocol protocol)
    {
        var (client, cache) = await CacheAsync(protocol);
        byte[] bytes = [0, 1, 255, 10];
        Assert.Null(await cache.GetAsync("k"));
        await cache.RefreshAsync("k");
        await cache.SetAsync("k", bytes, new() { AbsoluteExpirationRelativeToNow = TimeSpan.FromSeconds(10) });
        Assert.InRange(await Ttl(client, Name + "k"), 8000, 10_000);
        Assert.Equal(bytes, await cache.GetAsync("k"));
        await cache.SetAsync("k", [], new());
        Assert.Equal(-1, await Ttl(client, Name + "k")); // the end went with the value
        Assert.Empty((await cache.GetAsync("k"))!);
        cache.Set("k", bytes, new());
        cache.Refresh("k");
        Assert.Equal(bytes, cache.Get("k"));
        cache.Remove("k");
        await cache.RemoveAsync("k");
        Assert.Null(cache.Get("k"));
        var buffered = (IBufferDistributedCache)cache;
        var segments = new ArrayBufferWriter<byte>();
        await buffered.SetAsync("b", new ReadOnlySequence<byte>(bytes), new());
        Assert.True(await buffered.TryGetAsync("b", segments));
        Assert.True(buffered.TryGet("b", segments));
        Assert.Equal([.. bytes, .. bytes], segments.WrittenSpan.ToArray());
        Assert.False(await buffered.TryGetAsync("nosuch", segments));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => cache.SetAsync("k", bytes, new() { AbsoluteExpiration = DateTimeOffset.UtcNow.AddSeconds(-1) }));
        await Assert.ThrowsAsync<ArgumentNullException>(() => cache.SetAsync("k", null!, new()));
    }

    [Fact]
    public async Task A_sliding_end_moves_with_each_use_but_not_past_an_absolute_one()
    {
        var (client, cache) = await CacheAsync();
        await cache.SetAsync("s", [1], new() { SlidingExpiration = Ms(600) });
        await cache.SetAsync("both", [1], new() { SlidingExpiration = Ms(600), AbsoluteExpiration = DateTimeOffset.UtcNow + Ms(1300) });
        for (int i = 0; i < 3; ++i)
        {
            await Task.Delay(350);
            Assert.NotNull(await cache.GetAsync("s"));
            if (i < 2) Assert.NotNull(await cache.GetAsync("both"));
        }
        Assert.InRange(await Ttl(client, Name + "s"), 1, 600);
        await cache.RefreshAsync("both");
        Assert.InRange(await Ttl(client, Name + "both"), -2, 300);
        await Task.Delay(700);
        Assert.Null(await cache.GetAsync("s"));
        Assert.Null(await cache.GetAsync("both"));
    }

    [Fact]
    public async Task Microsoft_s_cache_reads_what_this_one_wrote_and_the_other_way_round()
    {
        var (client, cache) = await CacheAsync();
        using var theirs = new RedisCache(Options.Create(new RedisCacheOptions
        {
            InstanceName = Name,
            ConnectionMultiplexerFactory = () => Task.FromResult(client.Multiplexer),
        }));
        await cache.SetAsync("ours", [1, 2], new() { SlidingExpiration = TimeSpan.FromMinutes(1) });
        Assert.Equal(new byte[] { 1, 2 }, await theirs.GetAsync("ours"));
        await theirs.SetAsync("theirs", [3], new() { SlidingExpiration = TimeSpan.FromMinutes(1), AbsoluteExpirationRelativeToNow = TimeSpan.FromMinutes(2) });
        Assert.Equal(new byte[] { 3 }, await cache.GetAsync("theirs"));
        Assert.InRange(await Ttl(client, Name + "theirs"), 50_000, 60_000);
    }

    [Fact]
    public async Task It_is_a_service_and_Microsoft_s_hybrid_cache_goes_over_it()
    {
        await using ServiceProvider services = new ServiceCollection().AddClustron(single.Server.Configuration)
            .AddClustronCache(o => o.InstanceName = Name).AddHybridCache().Services.BuildServiceProvider();
        Assert.IsType<ClustronCache>(services.GetRequiredService<IDistributedCache>());
        var hybrid = services.GetRequiredService<Microsoft.Extensions.Caching.Hybrid.HybridCache>();
        Assert.Equal("made", await hybrid.GetOrCreateAsync("k", _ => ValueTask.FromResult("made")));
        var store = services.GetRequiredService<KeyValueStore>();
        await Wait.Until(() => store.ExistsAsync(Name + "k").Result, "it is written"); // behind the answer
    }
}
