using System.Diagnostics;
using Clustron.Caching;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Clustron.Scenarios;

/// <summary>
/// Scenario 8: IDistributedCache with sliding and absolute ends, refreshed and removed at the same time; and two HybridCaches, as of two
/// processes, whose entries are removed by tag. All of it over nodes that die.
/// </summary>
internal sealed class Caches(Pass pass) : Scenario(pass)
{
    private const int Values = 3;
    private readonly int[] _truth = new int[Values]; // The database behind the cache.
    private int _slid, _ended, _removed, _tags, _late;

    public override int Number => 8;
    public override string Title => "caches";

    public override async Task<string> RunAsync()
    {
        IDistributedCache cache = new ClustronCache(Client, Options.Create(new ClustronCacheOptions { InstanceName = Name }));
        await using ConnectionMultiplexer second = await ConnectionMultiplexer.ConnectAsync(Pass.Options(Pass.Kind, Pass.Server.Configuration));
        await using ClustronHybridCache one = Hybrid(Client), two = Hybrid(new ClustronClient(second, new ClustronOptions { RetryFor = TimeSpan.FromSeconds(60) }));
        ClustronHybridCache[] hybrids = [one, two];
        Task readers = LoopsAsync(16, async (n, _) =>
        {
            await ReadAsync(hybrids[n % 2], Random.Shared.Next(Values));
            await PauseAsync(2);
        });
        Task writer = LoopsAsync(1, (_, round) => RemoveAsync(hybrids[round % 2], round));
        await LoopsAsync(9, async (n, round) =>
        {
            string key = $"{n}.{round}";
            if (n < 3) await SlideAsync(cache, key, TimeSpan.FromMilliseconds(1500));
            else if (n < 6) await AbsoluteAsync(cache, key);
            else await RefreshAndRemoveAsync(cache, key);
            Step(10);
        });
        await Task.WhenAll(readers, writer);
        foreach (ClustronHybridCache hybrid in hybrids)
        {
            for (int n = 0; n < Values; ++n) await Check.UntilAsync(async () => await ReadAsync(hybrid, n) == _truth[n], $"value {n} in each instance");
            Check.That(hybrid.GetStatistics().LocalHits > 0, "something was found in local memory");
        }
        Check.That(_slid > 0 && _ended > 0 && _removed > 0 && _tags > 0, "each way was gone");
        return $"{_slid} sliding ends, {_ended} absolute ones, {_removed} removals beside refreshes, {_tags} removals by tag seen by both instances, {_late} rounds given up";
    }

    private ClustronHybridCache Hybrid(ClustronClient client) =>
        new(client, Options.Create(new ClustronHybridCacheOptions { Prefix = Name + "hybrid:" }), NullLogger<ClustronHybridCache>.Instance);

    private ValueTask<int> ReadAsync(ClustronHybridCache cache, int n) =>
        cache.GetOrCreateAsync($"k{n}", _ => ValueTask.FromResult(Volatile.Read(ref _truth[n])), null, [$"tag{n}", "all"]);

    /// <summary>The truth changes, and the tag is removed: who removed it reads nothing older, and the other instance soon doesn't either.</summary>
    private async Task RemoveAsync(ClustronHybridCache cache, int round)
    {
        int n = round % Values, value = Interlocked.Increment(ref _truth[n]);
        await cache.RemoveByTagAsync(round % 10 == 9 ? "all" : $"tag{n}");
        Check.Equal(value, await ReadAsync(cache, n), "what is read by who has removed the tag");
        Interlocked.Increment(ref _tags);
        await PauseAsync(20);
    }

    /// <summary>Used again and again it stays, and unused it ends, not before its time.</summary>
    private async Task SlideAsync(IDistributedCache cache, string key, TimeSpan sliding)
    {
        var life = new Life(sliding, Stopwatch.GetTimestamp());
        await cache.SetAsync(key, [1, 2, 3], new DistributedCacheEntryOptions { SlidingExpiration = sliding });
        for (int use = 0; use < 5; ++use)
        {
            await Task.Delay(sliding / 3);
            long sent = Stopwatch.GetTimestamp();
            // A read extends it, and so does a refresh: the read behind it says whether it was in time.
            if (use % 2 == 1) await cache.RefreshAsync(key);
            if (await cache.GetAsync(key) is null)
            {
                life.CheckOver("entry " + key);
                Interlocked.Increment(ref _late);
                return;
            }
            life.Confirm(sent);
        }
        await Check.UntilAsync(async () => (await Caller.CallAsync("EXISTS", Key(Name + key))).Number() == 0, "the sliding end");
        life.CheckOver("entry " + key);
        Interlocked.Increment(ref _slid);
    }

    /// <summary>No use carries it past its absolute end.</summary>
    private async Task AbsoluteAsync(IDistributedCache cache, string key)
    {
        TimeSpan absolute = TimeSpan.FromMilliseconds(2000), sliding = TimeSpan.FromMilliseconds(1500);
        var whole = new Life(absolute, Stopwatch.GetTimestamp());
        var life = new Life(sliding, Stopwatch.GetTimestamp());
        await cache.SetAsync(key, [1], new DistributedCacheEntryOptions { SlidingExpiration = sliding, AbsoluteExpirationRelativeToNow = absolute });
        int uses = 0;
        for (long began = Stopwatch.GetTimestamp(); ; ++uses)
        {
            Check.That(Stopwatch.GetElapsedTime(began) < Check.Patience, $"entry {key} is there long behind its absolute end: its uses carry it on");
            long sent = Stopwatch.GetTimestamp();
            if (await cache.GetAsync(key) is null) break;
            life.Confirm(sent);
            await Task.Delay(100);
        }
        Check.That(whole.MayBeOver || life.MayBeOver, $"entry {key} ended before either of its ends");
        Check.Equal(0, (await Caller.CallAsync("EXISTS", Key(Name + key))).Number(), "what is left behind the end");
        if (whole.MayBeOver) Interlocked.Increment(ref _ended);
        else Interlocked.Increment(ref _late);
    }

    /// <summary>Refreshes beside a removal bring nothing back.</summary>
    private async Task RefreshAndRemoveAsync(IDistributedCache cache, string key)
    {
        var options = new DistributedCacheEntryOptions { SlidingExpiration = TimeSpan.FromSeconds(30), AbsoluteExpirationRelativeToNow = TimeSpan.FromMinutes(1) };
        await cache.SetAsync(key, [9], options);
        Task[] all = [.. Enumerable.Range(0, 8).Select(i => i == 4 ? cache.RemoveAsync(key) : i % 2 == 0 ? cache.RefreshAsync(key) : cache.GetAsync(key))];
        await Task.WhenAll(all);
        Check.That(await cache.GetAsync(key) is null, "what was removed is still there");
        Check.Equal(0, (await Caller.CallAsync("EXISTS", Key(Name + key))).Number(), "what refreshes left of a removed entry");
        Interlocked.Increment(ref _removed);
        await PauseAsync(20);
    }
}
