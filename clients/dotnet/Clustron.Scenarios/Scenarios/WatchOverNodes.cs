using System.Collections.Concurrent;
using System.Net;
using Clustron.Testing;
using StackExchange.Redis;

namespace Clustron.Scenarios;

/// <summary>
/// Scenario 4: a watch of a prefix while the node that it is subscribed at is killed. It goes on at another node, and what lies between comes
/// from SINCE. What it was told is what was written, revision by revision, in order, each whole.
/// </summary>
internal sealed class WatchOverNodes(Pass pass) : Scenario(pass)
{
    private const int Names = 12;
    private readonly ConcurrentDictionary<long, string> _written = new();
    private readonly List<WatchEvent> _told = [], _toldOfOne = [];
    private readonly List<(long Revision, string Events)> _history = [];
    private long _last = long.MaxValue;
    private EndPoint? _killed;
    private int _moves;

    public override int Number => 4;
    public override string Title => "watch over a node's death";

    private RedisChannel Channel => RedisChannel.Literal($"__watch@0__:p:{Name}");

    public override async Task<string> RunAsync()
    {
        var options = new WatchOptions { WhenCompacted = WhenCompacted.Fail };
        await using WatchSubscription all = await Client.Watch.PrefixAsync(Name, (e, _) => Keep(_told, e), options);
        await using WatchSubscription one = await Client.Watch.KeyAsync(Name + "3", (e, _) => Keep(_toldOfOne, e), options);
        Task history = FollowHistoryAsync(all.Revision);
        await LoopsAsync(4, WriteAsync);
        long last = _written.Keys.Max();
        foreach (WatchSubscription watch in (WatchSubscription[])[all, one])
        {
            await Client.KeyValue.PutAsync(Name + "3", "end", new PutOptions { Request = RequestId.New() });
            await Check.UntilAsync(() => watch.Completion.IsCompleted || watch.Revision > last, "all that was written is told");
            if (watch.Completion.IsFaulted) await watch.Completion;
        }
        Volatile.Write(ref _last, last);
        await history;
        Compare([.. _history.Where(h => h.Revision <= last)], "the history");
        Compare(Grouped(_told, last), "the watch of the prefix");
        CompareOne(Grouped(_toldOfOne, last));
        Check.That(_moves > 0, "the subscribed node was killed");
        return $"{_written.Count} revisions, each told once and whole; the subscription moved from {_killed}";
    }

    /// <summary>The node that the watch is subscribed at.</summary>
    public async Task<ClustronNode> NodeToKillAsync()
    {
        await Check.UntilAsync(() => Pass.Multiplexer.GetSubscriber().SubscribedEndpoint(Channel) is not null, "a subscription behind the first kill");
        _killed = Pass.Multiplexer.GetSubscriber().SubscribedEndpoint(Channel)!;
        ++_moves;
        return Pass.NodeOf(_killed);
    }

    private static ValueTask Keep(List<WatchEvent> to, WatchEvent e)
    {
        to.Add(e); // Handlers are called one after the other.
        return ValueTask.CompletedTask;
    }

    /// <summary>Two keys are put and one is deleted in one step, or one key is put.</summary>
    private async Task WriteAsync(int n, int round)
    {
        string value = $"{n}.{round}";
        int[] names = [.. Enumerable.Range(0, Names).ToArray().OrderBy(_ => Random.Shared.Next()).Take(3)];
        object[] commands = round % 2 == 0
            ? [3, 3, "SET", Key(Name + names[0]), value, 3, "SET", Key(Name + names[1]), value, 2, "DEL", Key(Name + names[2])]
            : [1, 3, "SET", Key(Name + names[0]), value];
        RedisResult[] reply = (await Caller.OnceAsync(["TXN", "THEN", .. commands])).Array();
        var events = new List<string> { $"put {names[0]} {value}" };
        if (round % 2 == 0) events.Add($"put {names[1]} {value}");
        if (round % 2 == 0 && reply[2].Array()[2].Number() == 1) events.Add($"del {names[2]} ");
        Check.That(_written.TryAdd(reply[1].Number(), Sorted(events)), $"two writes at revision {reply[1].Number()}");
        Step(50);
        await PauseAsync(5);
    }

    private string Told(RedisKey key, bool put, RedisValue value) => $"{(put ? "put" : "del")} {((string)key!)[Name.Length..]} {value}";

    private static string Sorted(IEnumerable<string> events) => string.Join("; ", events.Order(StringComparer.Ordinal));

    /// <summary>What was told up to a revision, in the order of telling; revisions that fall or come again are an error.</summary>
    private List<(long Revision, string Events)> Grouped(List<WatchEvent> told, long last)
    {
        var groups = new List<(long, List<string>)>();
        foreach (WatchEvent e in told.Where(e => e.Revision <= last))
        {
            Check.That(e.Kind != WatchEventKind.Reset, "nothing was flushed, yet the watch was reset");
            if (groups.Count == 0 || groups[^1].Item1 != e.Revision)
            {
                Check.That(groups.Count == 0 || groups[^1].Item1 < e.Revision, $"revision {e.Revision} was told behind {groups.LastOrDefault().Item1}");
                groups.Add((e.Revision, []));
            }
            groups[^1].Item2.Add(Told(e.Key, e.Kind == WatchEventKind.Put, e.Value));
        }
        return [.. groups.Select(g => (g.Item1, Sorted(g.Item2)))];
    }

    /// <summary>Asks SINCE alone, again and again, until it has all.</summary>
    private async Task FollowHistoryAsync(long since)
    {
        while (since < Volatile.Read(ref _last))
        {
            RedisResult[] reply = (await Caller.CallAsync("WATCHKEY", "SINCE", since, "PREFIX", Name, "LIMIT", 100)).Array();
            RedisResult[] revisions = reply[1].Array();
            foreach (RedisResult[] row in revisions.Select(r => r.Array()))
            {
                IEnumerable<string> events = row.Skip(1).Select(e => e.Array()).Select(e => Told(e[3].Text()!, e[0].Text() == "put", e[4].Text()));
                _history.Add((row[0].Number(), Sorted(events)));
            }
            Check.That(reply[0].Number() >= since, "SINCE goes on");
            since = reply[0].Number();
            if (revisions.Length < 100) await PauseAsync(200);
        }
    }

    private void Compare(List<(long Revision, string Events)> told, string by)
    {
        (long Revision, string Events)[] right = [.. _written.OrderBy(w => w.Key).Select(w => (w.Key, w.Value))];
        for (int i = 0; i < Math.Max(right.Length, told.Count); ++i)
        {
            string expected = i < right.Length ? $"{right[i]}" : "nothing", actual = i < told.Count ? $"{told[i]}" : "nothing";
            Check.Equal(expected, actual, $"{by} at place {i} of {right.Length}");
        }
    }

    /// <summary>The watch of one key: of each revision what concerns it.</summary>
    private void CompareOne(List<(long Revision, string Events)> told)
    {
        IEnumerable<string> right = _written.OrderBy(w => w.Key)
            .Select(w => (w.Key, string.Join("; ", w.Value.Split("; ").Where(e => e.Split(' ')[1] == "3")))).Where(w => w.Item2.Length > 0).Select(w => $"{w}");
        Check.Equal(string.Join('\n', right), string.Join('\n', told.Select(t => $"{t}")), "the watch of one key");
    }
}
