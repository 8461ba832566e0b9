using Clustron.Caching;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Clustron.Tests;

/// <summary>When the hybrid cache may use what it has in memory, against a channel and a history that the tests write.</summary>
public class BackplaneTests : IAsyncDisposable
{
    private const string Channel = "__watch@0__:p:hybrid:k:";
    private readonly FakeClock _clock = new();
    private readonly FakePort _port = new();
    private readonly ClustronHybridCache _cache;
    private int _created;
    private long _revision = 100, _oldest;
    private object?[] _missed = [];
    private bool _down;

    public BackplaneTests()
    {
        _port.Answer = Answer;
        var client = new ClustronClient(_port, new ClustronOptions { TimeProvider = _clock });
        _cache = new ClustronHybridCache(client, new ClustronHybridCacheOptions { DistributedTimeout = TimeSpan.FromMilliseconds(50) }, NullLogger.Instance, null, _clock);
    }

    public ValueTask DisposeAsync() => _cache.DisposeAsync();

    /// <summary>A cluster that has an entry k with the value "stored" since revision 90.</summary>
    private Task<RedisResult> Answer(string words)
    {
        if (_down) return FakePort.Error("CLUSTERDOWN no majority");
        return words.Split(' ') switch
        {
            ["WATCHKEY", "REV"] => FakePort.Reply(_revision, _oldest),
            ["WATCHKEY", "SINCE", var since, ..] => long.Parse(since, System.Globalization.CultureInfo.InvariantCulture) < _oldest
                ? FakePort.Error($"COMPACTED {_oldest} is the oldest")
                : FakePort.Reply(_revision, _missed),
            ["TXN", "THEN", "3", _, "HMGET", ..] => FakePort.Reply(1, _revision, new object?[] { new object?[] { "stored", null }, 90, -1 }),
            _ => FakePort.Error("ERR " + words),
        };
    }

    private async Task<string> Get() => await _cache.GetOrCreateAsync("k", _ =>
    {
        ++_created;
        return ValueTask.FromResult("created");
    });

    private int Reads => _port.Count("TXN");

    private async Task LiveAsync()
    {
        await Wait.Until(() => _cache.GetStatistics().LocalIsLive, "it is live");
        Assert.Equal("stored", await Get());
        int reads = Reads;
        Assert.Equal("stored", await Get());
        Assert.Equal(reads, Reads); // from memory
    }

    [Fact]
    public async Task A_change_elsewhere_is_read_anew()
    {
        await LiveAsync();
        int reads = Reads;
        await _port.PublishAsync(Channel, "101 90 1\nput cmd - 10 -1\nhybrid:k:k");
        await Wait.Until(() => _cache.GetStatistics().Invalidated == 1, "the entry is void");
        await Get();
        Assert.Equal(reads + 1, Reads);
        (_revision, _missed) = (102, [new object?[] { 102, new object?[] { "reset", "flush" } }]);
        await _port.PublishAsync(Channel, "reset 102 flush");
        await Wait.Until(() => _cache.GetStatistics().Dropped == 2, "all is dropped");
        await Get();
        Assert.Equal(reads + 2, Reads);
    }

    [Fact]
    public async Task What_the_history_lost_drops_all_and_it_goes_on()
    {
        await LiveAsync();
        int reads = Reads;
        (_revision, _oldest) = (200, 150);
        await _port.PublishAsync(Channel, "sync 200");
        await Wait.Until(() => _cache.GetStatistics().Dropped >= 3, "all is dropped, and the watch is begun anew");
        await LiveAsync();
        Assert.Equal(reads + 1, Reads);
    }

    [Fact]
    public async Task Behind_a_removal_by_tag_nobody_joins_a_read_of_before_the_purge()
    {
        await LiveAsync();
        var purge = new TaskCompletionSource<RedisResult>();
        var read = new TaskCompletionSource<RedisResult>();
        bool purged = false;
        _port.Answer = words => words.Split(' ') switch
        {
            ["ONCE", _, _, "TXN", "THEN", "1", _, "SET", ..] => FakePort.Reply(1, 101, new object?[] { "OK" }),
            ["ONCE", _, _, "INDEX", "CREATE", ..] => FakePort.One(1),
            ["INDEX", "INFO", ..] => FakePort.Reply(
                "name", "hybrid:tags", "on", "labels", "entity", null, "prefixes", new object?[] { "hybrid:k:" }, "fields", new object?[0], "keys", 1, "ready", 1, "percent", 100),
            ["ONCE", _, _, "INDEX", "PURGE", ..] => purge.Task,
            ["TXN", "THEN", "3", _, "HMGET", ..] when purged => FakePort.Reply(1, 102, new object?[] { new object?[] { null, null }, null, -2 }),
            ["TXN", "THEN", "3", _, "HMGET", ..] => read.Task,
            ["ONCE", _, _, "TXN", "IF", ..] => FakePort.Reply(1, 103, new object?[] { 0, 1, 1 }),
            _ => Answer(words),
        };
        Task removal = _cache.RemoveByTagAsync("tag").AsTask();
        await Wait.Until(() => _port.Sent.Any(s => s.Contains("PURGE", StringComparison.Ordinal)), "the purge");
        // Local entries have no tag here: another key.
        Task<string> between = _cache.GetOrCreateAsync("other", _ => ValueTask.FromResult("created")).AsTask();
        await Wait.Until(() => _port.Sent[^1].StartsWith("TXN", StringComparison.Ordinal), "a read before the purge");
        purged = true;
        purge.SetResult(RedisResult.Create(1));
        await removal;
        Task<string> behind = _cache.GetOrCreateAsync("other", _ => ValueTask.FromResult("created")).AsTask();
        read.SetResult(FakePort.Array(1, 101, new object?[] { new object?[] { "stored", "[\"tag\"]" }, 90, -1 }));
        Assert.Equal("stored", await Wait.For(between, "who asked before"));
        Assert.Equal("created", await Wait.For(behind, "who asked behind it"));
    }

    [Fact]
    public async Task When_nothing_is_heard_memory_is_not_used()
    {
        await LiveAsync();
        _down = true;
        await _clock.AdvanceAsync(19_000);
        Assert.Equal("stored", await Get());
        await _clock.AdvanceAsync(2_000);
        Assert.False(_cache.GetStatistics().LocalIsLive);
        Assert.Equal("created", await Get());
        Assert.Equal("created", await Get());
        Assert.Equal(2, _created); // and nothing is kept meanwhile
        _down = false;
        await _clock.AdvanceAsync(10_000);
        Assert.Equal("stored", await Get());
        Assert.True(_cache.GetStatistics().LocalIsLive);
    }
}
