using Clustron.Caching.Internal;
using Microsoft.Extensions.Caching.Distributed;
using StackExchange.Redis;

namespace Clustron.Tests;

/// <summary>The hybrid cache's parts without a cluster: what is void is not kept, in whatever order it is told.</summary>
public class LocalStoreTests
{
    private readonly FakeClock _clock = new();
    private readonly LocalStore _store;

    public LocalStoreTests() => _store = new LocalStore(_clock, 1000);

    private LocalEntry Entry(long revision, params string[] tags) => new([1], null, tags, revision, _clock.GetTimestamp() + TimeSpan.FromSeconds(10).Ticks);

    private bool Put(string key, LocalEntry entry)
    {
        LocalStore.Load load = _store.Begin(key);
        bool kept = _store.Put(load, entry);
        _store.End(load);
        return kept;
    }

    [Fact]
    public void A_change_voids_what_is_older()
    {
        Assert.True(Put("k", Entry(5)));
        _store.Change("k", 5); // its own write
        _store.Change("other", 9);
        Assert.Equal(5, _store.Get("k")!.Revision);
        _store.Change("k", 6);
        Assert.Null(_store.Get("k"));
        Assert.Equal(1, _store.Invalidated);
    }

    [Fact]
    public void What_was_told_during_a_load_counts_for_it()
    {
        LocalStore.Load slow = _store.Begin("k"), other = _store.Begin("k");
        _store.Change("k", 7);
        Assert.False(_store.Put(slow, Entry(6)));
        _store.End(slow);
        Assert.Null(_store.Get("k"));
        Assert.True(_store.Put(other, Entry(7)));
        _store.End(other);
        Assert.True(Put("k", Entry(4))); // told before this load: the cluster would have said so
    }

    [Fact]
    public void A_removed_tag_voids_what_is_older_and_what_comes_late()
    {
        Put("a", Entry(5, "x", "y"));
        Put("b", Entry(5, "y"));
        _store.RemoveTag("x", 8);
        Assert.Null(_store.Get("a"));
        Assert.NotNull(_store.Get("b"));
        Assert.False(Put("a", Entry(7, "x")));
        Assert.True(Put("a", Entry(9, "x")));
        Assert.NotNull(_store.Get("a"));
        for (int i = 0; i < 10_001; ++i) _store.RemoveTag($"t{i}", 20); // more than are remembered
        Assert.Null(_store.Get("b"));
        Assert.False(Put("c", Entry(19, "t0")));
        Assert.True(Put("c", Entry(21, "t0")));
        Assert.True(Put("d", Entry(1)));
    }

    [Fact]
    public void When_all_is_dropped_loads_under_way_are_too()
    {
        Put("a", Entry(5));
        LocalStore.Load load = _store.Begin("b");
        _store.DropAll();
        Assert.Null(_store.Get("a"));
        Assert.False(_store.Put(load, Entry(99)));
        LocalStore.Load later = _store.Begin("b");
        _store.End(load);
        _store.Change("b", 7);
        Assert.False(_store.Put(later, Entry(6))); // the end of an older load has not taken it away
    }

    [Fact]
    public async Task An_entry_ends_by_the_clock_and_the_bytes_are_bounded()
    {
        Put("a", Entry(5));
        await _clock.AdvanceAsync(9_999);
        Assert.NotNull(_store.Get("a"));
        await _clock.AdvanceAsync(1);
        Assert.Null(_store.Get("a"));
        for (int i = 0; i < 100; ++i) Put($"k{i}", Entry(5)); // of 65 bytes each, as they are counted
        Assert.InRange(Enumerable.Range(0, 100).Count(i => _store.Get($"k{i}") is not null), 1, 15);
    }

    [Fact]
    public async Task One_load_serves_all_who_ask_meanwhile()
    {
        var flights = new Flights();
        var go = new TaskCompletionSource();
        int loads = 0;
        async Task<Loaded<string>> Load(CancellationToken stop)
        {
            Interlocked.Increment(ref loads);
            await go.Task.WaitAsync(stop);
            return new Loaded<string>("v", [1]);
        }
        Task<(Loaded<string> Loaded, bool Mine)>[] asks = [.. Enumerable.Range(0, 20).Select(_ => flights.RunAsync("k", 0, Load, CancellationToken.None))];
        Task<(Loaded<string>, bool)> otherKey = flights.RunAsync("l", 0, Load, CancellationToken.None);
        go.SetResult();
        Assert.Equal(1, (await Task.WhenAll(asks)).Count(a => a.Mine));
        await otherKey;
        Assert.Equal(2, loads);
        await flights.RunAsync("k", 0, Load, CancellationToken.None);
        Assert.Equal(3, loads);
        go = new TaskCompletionSource();
        Task before = flights.RunAsync("k", 0, Load, CancellationToken.None);
        flights.Detach("k");
        Task behind = flights.RunAsync("k", 0, Load, CancellationToken.None);
        Assert.Equal(5, loads);
        go.SetResult();
        await Task.WhenAll(before, behind);
    }

    [Fact]
    public async Task A_load_is_cancelled_when_the_last_one_has_given_up()
    {
        var flights = new Flights();
        CancellationToken seen = default;
        async Task<Loaded<string>> Load(CancellationToken stop)
        {
            seen = stop;
            await Task.Delay(Timeout.Infinite, stop);
            return new Loaded<string>("v", null);
        }
        using CancellationTokenSource one = new(), two = new();
        Task first = flights.RunAsync("k", 0, Load, one.Token), second = flights.RunAsync("k", 0, Load, two.Token);
        await one.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Wait.For(first, "the first"));
        Assert.False(seen.IsCancellationRequested);
        await two.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Wait.For(second, "the second"));
        await Wait.Until(() => seen.IsCancellationRequested, "the load");
        await Assert.ThrowsAsync<InvalidDataException>(() => flights.RunAsync<string>("k", 0, _ => throw new InvalidDataException(), CancellationToken.None));
    }

    [Fact]
    public void Ends_of_the_distributed_cache()
    {
        DateTimeOffset now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
        string Ends(DistributedCacheEntryOptions options) => string.Join("; ", CacheExpiry.Of(options, now).Ends("k").Select(c => string.Join(' ', [c.Name, .. c.Arguments])));
        TimeSpan second = TimeSpan.FromSeconds(1), minute = TimeSpan.FromMinutes(1);
        Assert.Equal("", Ends(new()));
        Assert.Equal("PEXPIRE k 1000", Ends(new() { SlidingExpiration = second }));
        Assert.Equal("PEXPIRE k 60000", Ends(new() { AbsoluteExpirationRelativeToNow = minute }));
        Assert.Equal("PEXPIRE k 1000", Ends(new() { AbsoluteExpirationRelativeToNow = minute, SlidingExpiration = second }));
        Assert.Equal("PEXPIRE k 1000", Ends(new() { AbsoluteExpirationRelativeToNow = second, SlidingExpiration = minute }));
        Assert.Equal("PEXPIREAT k 1893456060000", Ends(new() { AbsoluteExpiration = now + minute }));
        Assert.Equal("PEXPIRE k 1000; PEXPIREAT k 1893456060000 LT", Ends(new() { AbsoluteExpiration = (now + minute).ToOffset(TimeSpan.FromHours(5)), SlidingExpiration = second }));
        CacheExpiry stored = CacheExpiry.Stored((now + minute).UtcTicks, second.Ticks)!;
        Assert.Equal(["PEXPIRE", "PEXPIREAT"], stored.Ends("k").Select(c => c.Name));
        Assert.False(CacheExpiry.Stored(-1, -1)!.IsSliding);
        Assert.Null(CacheExpiry.Stored(RedisValue.Null, RedisValue.Null));
        Assert.Throws<ArgumentOutOfRangeException>(() => Ends(new() { AbsoluteExpiration = now }));
    }
}
