using System.Text;
using StackExchange.Redis;

namespace Clustron.Tests;

/// <summary>Watches against a channel and a history that the tests write: nothing is missed, nothing comes twice.</summary>
public class WatchTests
{
    private const string KeyChannel = "__watch@0__:k:a";
    private readonly FakeClock _clock = new();
    private readonly FakePort _port = new();
    private readonly ClustronClient _client;
    private readonly List<string> _told = [];
    private long _revision = 100;
    private readonly SortedDictionary<long, object?[]> _history = [];
    private long _oldest;

    public WatchTests()
    {
        _client = new ClustronClient(_port, new ClustronOptions { TimeProvider = _clock });
        _port.Answer = History;
    }

    private Task<RedisResult> History(string words)
    {
        switch (words.Split(' '))
        {
            case ["WATCHKEY", "REV"]:
                return FakePort.Reply(_revision, _oldest);
            case ["WATCHKEY", "GET", ..]:
                return FakePort.Reply(_revision, new object?[] { new object?[] { "a", "now", _revision - 1, -1, null } });
            case ["WATCHKEY", "SINCE", var since, .., "LIMIT", var limit]:
                long from = long.Parse(since, System.Globalization.CultureInfo.InvariantCulture);
                int most = int.Parse(limit, System.Globalization.CultureInfo.InvariantCulture);
                if (from < _oldest) return FakePort.Error($"COMPACTED {_oldest} changes before that are not kept");
                var page = _history.Where(h => h.Key > from).Take(most).ToList();
                object?[] rows = [.. page.Select(h => (object?)new object?[] { h.Key, h.Value })];
                return FakePort.Reply(page.Count < most ? _revision : page[^1].Key, rows);
            default:
                return FakePort.Error("ERR " + words);
        }
    }

    private void Happens(long revision, string value)
    {
        _revision = revision;
        _history[revision] = ["put", "cmd", null, "a", value];
    }

    private static string Put(long revision, long previous, string value) => $"{revision} {previous} 1\nput cmd - 1 {value.Length}\na{value}";

    private ValueTask Tell(WatchEvent e, CancellationToken stop)
    {
        lock (_told) _told.Add(string.Join(' ', new[] { e.Kind + (e.IsSnapshot ? "*" : ""), (string?)e.Key, (string?)e.Value, $"{e.Revision}" }.Where(w => !string.IsNullOrEmpty(w))));
        return ValueTask.CompletedTask;
    }

    private async Task<WatchSubscription> StartAsync(WatchOptions? options = null)
    {
        WatchSubscription watch = await _client.Watch.KeyAsync("a", Tell, options);
        await FakeClock.Settle();
        return watch;
    }

    private async Task Told(params string[] events)
    {
        await Wait.Until(() => _told.Count >= events.Length, "told: " + string.Join(", ", _told), 2000);
        await FakeClock.Settle();
        Assert.Equal(events, _told);
    }

    [Fact]
    public async Task The_first_watch_of_a_cluster_begins_where_the_history_does()
    {
        _oldest = 101; // begun by the subscription, just behind the revision that is told first
        _port.Answer = words =>
        {
            Task<RedisResult> answer = History(words);
            if (words == "WATCHKEY REV") _revision = 101;
            return answer;
        };
        await using WatchSubscription watch = await StartAsync(new WatchOptions { WhenCompacted = WhenCompacted.Fail });
        await _port.PublishAsync(KeyChannel, Put(102, 101, "x"));
        await Told("Put a x 102");
    }

    [Fact]
    public async Task Messages_in_a_row_are_told_without_asking()
    {
        await using WatchSubscription watch = await StartAsync();
        int asked = _port.Count("WATCHKEY SINCE");
        await _port.PublishAsync(KeyChannel, Put(101, 90, "x"));
        await _port.PublishAsync(KeyChannel, Put(107, 101, "y"));
        await _port.PublishAsync(KeyChannel, Put(107, 101, "y")); // twice
        await _port.PublishAsync(KeyChannel, "110 107 1\ndel expire - 1 0\na");
        await Told("Put a x 101", "Put a y 107", "Delete a 110");
        Assert.Equal(asked, _port.Count("WATCHKEY SINCE"));
        Assert.Equal(110, watch.Revision);
    }

    [Fact]
    public async Task A_hole_is_filled_from_the_history_in_order()
    {
        await using WatchSubscription watch = await StartAsync();
        Happens(101, "x");
        Happens(105, "y");
        Happens(109, "z");
        await _port.PublishAsync(KeyChannel, Put(109, 105, "z"));
        await Told("Put a x 101", "Put a y 105", "Put a z 109");
    }

    [Fact]
    public async Task A_long_history_comes_in_pages()
    {
        await using WatchSubscription watch = await StartAsync();
        for (long r = 101; r <= 2600; ++r) Happens(r, "v");
        await _port.PublishAsync(KeyChannel, "gap 100 2600");
        await Told([.. Enumerable.Range(101, 2500).Select(r => $"Put a v {r}")]);
        Assert.Equal(2600, watch.Revision);
    }

    [Fact]
    public async Task A_reconnect_to_a_node_that_is_behind_tells_nothing_twice()
    {
        await using WatchSubscription watch = await StartAsync();
        await _port.PublishAsync(KeyChannel, Put(105, 90, "y"));
        await _port.PublishAsync(KeyChannel, "sync 95");
        await _port.PublishAsync(KeyChannel, Put(101, 95, "x"));
        await _port.PublishAsync(KeyChannel, Put(105, 101, "y"));
        Happens(108, "z");
        await _port.PublishAsync(KeyChannel, Put(108, 105, "z"));
        await Told("Put a y 105", "Put a z 108");
    }

    [Fact]
    public async Task A_reconnect_to_a_node_that_is_ahead_asks_what_was_missed()
    {
        await using WatchSubscription watch = await StartAsync();
        Happens(103, "x");
        _revision = 120;
        await _port.PublishAsync(KeyChannel, "sync 120");
        await Told("Put a x 103");
        Assert.Equal(120, watch.Revision);
        await _port.PublishAsync(KeyChannel, Put(121, 120, "y"));
        await Told("Put a x 103", "Put a y 121");
    }

    [Fact]
    public async Task A_node_that_says_nothing_hides_nothing()
    {
        await using WatchSubscription watch = await StartAsync();
        Happens(103, "x");
        await _clock.AdvanceAsync(14_000);
        Assert.Empty(_told);
        await _clock.AdvanceAsync(2_000);
        await Told("Put a x 103");
    }

    [Fact]
    public async Task A_gap_of_the_server_is_filled()
    {
        await using WatchSubscription watch = await StartAsync();
        Happens(103, "x");
        Happens(104, "y");
        await _port.PublishAsync(KeyChannel, "gap 100 104");
        await Told("Put a x 103", "Put a y 104");
    }

    [Fact]
    public async Task What_the_history_lost_is_a_reset_and_the_state()
    {
        await using WatchSubscription watch = await StartAsync();
        (_oldest, _revision) = (150, 160);
        await _port.PublishAsync(KeyChannel, Put(155, 150, "x"));
        await Told("Reset 160", "Put* a now 159");
        await _port.PublishAsync(KeyChannel, Put(158, 155, "old"));
        await _port.PublishAsync(KeyChannel, Put(161, 158, "y"));
        await Told("Reset 160", "Put* a now 159", "Put a y 161");
    }

    [Fact]
    public async Task Or_it_ends_the_watch_that_wants_no_gap()
    {
        await using WatchSubscription watch = await StartAsync(new WatchOptions { WhenCompacted = WhenCompacted.Fail });
        (_oldest, _revision) = (150, 160);
        await _port.PublishAsync(KeyChannel, "sync 155");
        Assert.Equal(150, (await Assert.ThrowsAsync<CompactedException>(() => Wait.For(watch.Completion, "the end"))).OldestRevision);
        Assert.Equal(0, _port.Subscriptions);
    }

    [Fact]
    public async Task A_snapshot_comes_first_and_what_it_holds_is_not_told_again()
    {
        Task<WatchSubscription> start = _client.Watch.KeyAsync("a", Tell, new WatchOptions { Snapshot = true });
        await using WatchSubscription watch = await start;
        await FakeClock.Settle();
        await _port.PublishAsync(KeyChannel, Put(99, 80, "now"));
        await _port.PublishAsync(KeyChannel, Put(101, 99, "x"));
        await Told("Put* a now 99", "Put a x 101");
    }

    [Fact]
    public async Task It_goes_on_from_a_revision()
    {
        Happens(101, "x");
        Happens(105, "y");
        await using WatchSubscription watch = await StartAsync(new WatchOptions { FromRevision = 101 });
        await Told("Put a y 105");
    }

    [Fact]
    public async Task Flushes_are_resets_and_swaps_read_the_state()
    {
        await using WatchSubscription watch = await StartAsync();
        (_revision, _history[104]) = (104, ["reset", "flush"]);
        await _port.PublishAsync(KeyChannel, "reset 104 flush");
        await Told("Reset 104");
        (_revision, _history[110]) = (110, ["reset", "swap"]);
        await _port.PublishAsync(KeyChannel, "reset 110 swap");
        await Told("Reset 104", "Reset 110", "Put* a now 109");
    }

    [Fact]
    public async Task A_slow_handler_loses_nothing()
    {
        var go = new TaskCompletionSource();
        await using WatchSubscription watch = await _client.Watch.KeyAsync(
            "a",
            async (e, stop) =>
            {
                await go.Task;
                await Tell(e, stop);
            },
            new WatchOptions { Buffer = 2 });
        await FakeClock.Settle();
        for (long r = 101; r <= 120; ++r)
        {
            Happens(r, "v");
            await _port.PublishAsync(KeyChannel, Put(r, r - 1, "v"));
        }
        go.SetResult();
        await Told([.. Enumerable.Range(101, 20).Select(r => $"Put a v {r}")]);
    }

    [Fact]
    public async Task While_nobody_answers_it_goes_on_asking()
    {
        await using WatchSubscription watch = await StartAsync();
        _port.Answer = _ => FakePort.Error("CLUSTERDOWN no majority");
        await _port.PublishAsync(KeyChannel, "gap 100 103");
        await _clock.AdvanceAsync(30_000);
        Assert.False(watch.Completion.IsCompleted);
        Happens(103, "x");
        _port.Answer = History;
        await _clock.AdvanceAsync(10_000);
        await Told("Put a x 103");
    }

    [Fact]
    public async Task A_handler_that_throws_ends_the_watch()
    {
        await using WatchSubscription watch = await _client.Watch.KeyAsync("a", (_, _) => throw new InvalidDataException("mine"));
        await FakeClock.Settle();
        await _port.PublishAsync(KeyChannel, Put(101, 90, "x"));
        await Assert.ThrowsAsync<InvalidDataException>(() => Wait.For(watch.Completion, "the end"));
        Assert.Equal(0, _port.Subscriptions);
    }

    [Fact]
    public async Task An_enumeration_is_a_watch_and_ends_with_its_loop()
    {
        using var stop = new CancellationTokenSource();
        var seen = new List<long>();
        Task loop = Task.Run(async () =>
        {
            await foreach (WatchEvent e in _client.Watch.PrefixAsync("a", cancellation: stop.Token))
            {
                seen.Add(e.Revision);
                if (seen.Count == 2) break;
            }
        });
        await Wait.Until(() => _port.Subscriptions == 1 && _port.Count("WATCHKEY SINCE") == 2, "it begins");
        await FakeClock.Settle();
        await _port.PublishAsync("__watch@0__:p:a", "101 90 2\nput cmd - 2 1\na1xdel cmd - 2 0\na2");
        await Wait.For(loop, "the loop ends");
        Assert.Equal([101, 101], seen);
        Assert.Equal(0, _port.Subscriptions);
    }

    [Fact]
    public void Messages_are_bytes()
    {
        byte[] key = [0, 10, 255], value = [1, 10, 2];
        byte[] bytes = [.. Encoding.ASCII.GetBytes("7 3 2\nput lease my lease 3 3\n"), .. key, .. value, .. Encoding.ASCII.GetBytes("put txn - 1 -1\nh")];
        WatchMessage message = WatchMessage.Parse(bytes, false)!;
        Assert.Equal((7, 3), (message.Revision, message.Previous));
        Assert.Equal(key, (byte[])message.Events[0].Key!);
        Assert.Equal(value, (byte[])message.Events[0].Value!);
        Assert.Equal("my lease", message.Events[0].LeaseId);
        Assert.False(message.Events[1].HasValue);
        Assert.Null(message.Events[1].LeaseId);
    }

    [Fact]
    public void Values_before_are_told_on_their_channel()
    {
        WatchMessage message = WatchMessage.Parse(Encoding.ASCII.GetBytes("7 3 2\nput cmd - 1 3 2\nanewoldel cmd - 1 0 -1\nb"), true)!;
        Assert.Equal(("new", "ol"), ((string?)message.Events[0].Value, (string?)message.Events[0].PreviousValue));
        Assert.Equal(WatchEventKind.Delete, message.Events[1].Kind);
        Assert.True(message.Events[1].PreviousValue.IsNull);
    }

    [Theory]
    [InlineData("")]
    [InlineData("sync")]
    [InlineData("sync x")]
    [InlineData("7 3 1")]
    [InlineData("7 3 1\n")]
    [InlineData("7 3 0\n")]
    [InlineData("7 3 1\nput cmd - 5 1\nab")]
    [InlineData("7 3 1\nput cmd - 1 1\nabc")]
    [InlineData("7 3 2\nput cmd - 1 1\nab")]
    [InlineData("7 3 1\nmoved cmd - 1 1\nab")]
    [InlineData("99999999999999999999 3 1\nput cmd - 1 1\nab")]
    public void What_is_no_message_is_none(string text) => Assert.Null(WatchMessage.Parse(Encoding.ASCII.GetBytes(text), false));

    [Fact]
    public async Task What_is_not_known_is_a_reason_to_ask()
    {
        await using WatchSubscription watch = await StartAsync();
        Happens(103, "x");
        await _port.PublishAsync(KeyChannel, "something of a later server");
        await Told("Put a x 103");
    }

    [Fact]
    public void A_key_that_ends_like_an_option_is_watched_all_the_same()
    {
        var target = new WatchTarget(0, false, Encoding.ASCII.GetBytes("x;prev"), false);
        Assert.Equal("__watch@0__:k:x;prev;prev", (string?)target.Channel);
        Assert.True(target.HasPrevious);
    }
}
