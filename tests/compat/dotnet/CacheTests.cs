using System.Buffers;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.StackExchangeRedis;
using StackExchange.Redis;

namespace Compat;

/// <summary>IDistributedCache on StackExchange.Redis, as ASP.NET Core uses it.</summary>
public static class CacheTests
{
    private static RedisCache Cache(Context x) => new(new RedisCacheOptions { ConfigurationOptions = x.Options(), InstanceName = x.Key("cache:") });

    private static DistributedCacheEntryOptions Sliding(double seconds) => new() { SlidingExpiration = TimeSpan.FromSeconds(seconds) };

    public static async Task SetGetRemove(Context x)
    {
        using var cache = Cache(x);
        Check.True(await cache.GetAsync("none") is null, "missing is null");
        await cache.SetStringAsync("a", "wert");
        Check.Equal("wert", await cache.GetStringAsync("a"), "get");
        await cache.SetStringAsync("a", "anders");
        Check.Equal("anders", cache.GetString("a"), "replaced, read synchronously");
        await cache.RefreshAsync("a");
        await cache.RefreshAsync("none");
        await cache.RemoveAsync("a");
        Check.True(cache.Get("a") is null, "removed");
        cache.Set("empty", [], new());
        Check.Equal(0, cache.Get("empty")!.Length, "an empty value is not a missing one");
    }

    public static async Task SlidingExpiration(Context x)
    {
        var db = (await x.Connect()).GetDatabase();
        using var cache = Cache(x);
        async Task<double?> Left(string key) => (await db.KeyTimeToLiveAsync(x.Key("cache:" + key)))?.TotalSeconds;

        await cache.SetStringAsync("s", "v", Sliding(40));
        Check.Between(30, 40, await Left("s"), "set");
        await db.KeyExpireAsync(x.Key("cache:s"), TimeSpan.FromSeconds(9));
        Check.Equal("v", await cache.GetStringAsync("s"), "get");
        Check.Between(30, 40, await Left("s"), "get slides");
        await db.KeyExpireAsync(x.Key("cache:s"), TimeSpan.FromSeconds(9));
        await cache.RefreshAsync("s");
        Check.Between(30, 40, await Left("s"), "refresh slides");

        await cache.SetStringAsync("short", "v", Sliding(1));
        for (int i = 0; i < 4; i++)
        {
            await Task.Delay(500);
            Check.Equal("v", await cache.GetStringAsync("short"), "kept alive by reading");
        }
        await Task.Delay(1_300);
        Check.True(await cache.GetStringAsync("short") is null, "gone when left alone");
    }

    public static async Task AbsoluteExpiration(Context x)
    {
        var db = (await x.Connect()).GetDatabase();
        using var cache = Cache(x);
        await cache.SetStringAsync("a", "v", new DistributedCacheEntryOptions { AbsoluteExpirationRelativeToNow = TimeSpan.FromSeconds(1.5) });
        Check.Equal("v", await cache.GetStringAsync("a"), "there at first");
        await Check.Soon(async () => await cache.GetStringAsync("a") is null, "gone at its time", 4);
        var both = Sliding(500);
        both.AbsoluteExpirationRelativeToNow = TimeSpan.FromSeconds(20);
        await cache.SetStringAsync("b", "v", both);
        await cache.RefreshAsync("b");
        Check.Between(10, 20, (await db.KeyTimeToLiveAsync(x.Key("cache:b")))?.TotalSeconds, "sliding stays within the absolute end");
        await cache.SetStringAsync("c", "v", new DistributedCacheEntryOptions { AbsoluteExpiration = DateTimeOffset.UtcNow.AddHours(1) });
        Check.Between(3_500, 3_600, (await db.KeyTimeToLiveAsync(x.Key("cache:c")))?.TotalSeconds, "an absolute date");
    }

    public static async Task RefreshesKeepTheirPromise(Context x)
    {
        var db = (await x.Connect()).GetDatabase();
        using var cache = Cache(x);
        async Task<double?> Left(string key) => (await db.KeyTimeToLiveAsync(x.Key("cache:" + key)))?.TotalSeconds;

        // Read again and again, the entry always has its whole sliding time, and at most 5 % more.
        await cache.SetStringAsync("s", "v", Sliding(30));
        for (int i = 0; i < 40; i++)
        {
            Check.Equal("v", await cache.GetStringAsync("s"), "get");
            Check.Between(29, 31.5, await Left("s"), "slides");
            await Task.Delay(50);
        }
        // Near its absolute end each read asks for less than the one before: that is exact.
        var both = Sliding(500);
        both.AbsoluteExpiration = DateTimeOffset.UtcNow.AddSeconds(25);
        await cache.SetStringAsync("b", "v", both);
        for (int i = 0; i < 20; i++)
        {
            await cache.RefreshAsync("b");
            // The client's clock told the first, this machine's tells the second.
            double end = (both.AbsoluteExpiration.Value - DateTimeOffset.UtcNow).TotalSeconds;
            Check.Between(end - 3, end + 0.3, await Left("b"), "within the absolute end");
            await Task.Delay(20);
        }
    }

    public static async Task BuffersAndLargeValues(Context x)
    {
        using var cache = Cache(x);
        var buffered = (IBufferDistributedCache)cache;
        var value = new byte[6_000_000];
        new Random(6).NextBytes(value);
        await buffered.SetAsync("large", new ReadOnlySequence<byte>(value), Sliding(60));
        var writer = new ArrayBufferWriter<byte>();
        Check.True(await buffered.TryGetAsync("large", writer), "found");
        Check.Bytes(value, writer.WrittenSpan.ToArray(), "6 MB through the buffer interface");
        Check.Bytes(value, await cache.GetAsync("large"), "and through the plain one");
        Check.True(!buffered.TryGet("none", writer), "missing");
    }

    public static async Task ManyAtOnce(Context x)
    {
        using var cache = Cache(x);
        await Task.WhenAll(Enumerable.Range(0, 64).Select(async user =>
        {
            for (int i = 0; i < 50; i++)
            {
                string key = $"user{user}:{i % 5}", value = $"{user}/{i}";
                await cache.SetStringAsync(key, value, Sliding(60));
                Check.Equal(value, await cache.GetStringAsync(key), "own write");
            }
        }));
    }
}
