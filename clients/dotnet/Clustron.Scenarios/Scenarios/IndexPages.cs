using System.Collections.Concurrent;
using System.Globalization;
using StackExchange.Redis;

namespace Clustron.Scenarios;

/// <summary>
/// Scenario 10: a query sees the write that was just answered, whatever node it asks. And pages, each from another node, while keys come, go and
/// change their places: a key that was there all the time comes exactly once.
/// </summary>
internal sealed class IndexPages(Pass pass) : Scenario(pass)
{
    private const int Steady = 150, Moving = 60;
    private int _seen, _walks;
    private long _pages;

    public override int Number => 10;
    public override string Title => "index: writes seen at once, pages whole";

    public override async Task<string> RunAsync()
    {
        await Caller.CallAsync("INDEX", "CREATE", Name, "ON", "HASH", "PREFIX", 1, Name, "FIELDS", 2, "kind", "TAG", "n", "NUM");
        await Client.Indexes.WaitReadyAsync(Name);
        for (int i = 0; i < Steady; ++i) await Caller.OnceAsync("HSET", Key($"{Name}{i:D3}"), "kind", "steady", "n", i * 7919 % 1000);
        await LoopsAsync(8, async (n, round) =>
        {
            if (n < 3) await WriteAndAskAsync($"{n}.{round}");
            else if (n < 6) await MoveAsync();
            else await WalkAsync(round % 3);
            Step(30);
        });
        Check.That(_seen > 0 && _walks > 0, "writes were asked for, and pages turned");
        return $"{_seen} writes were seen at once by another node; {_walks} walks of {_pages} pages found each of {Steady} keys once";
    }

    private IServer Other(IServer than) => Pass.Multiplexer.GetServers().FirstOrDefault(s => s.IsConnected && !Equals(s.EndPoint, than.EndPoint)) ?? than;

    private async Task<RedisResult[]> QueryAsync(IServer at, params object[] words) => (await Caller.SendAsync(["INDEX", "QUERY", Name, .. words], at)).Result.Array();

    private async Task WriteAndAskAsync(string unique)
    {
        IServer one = Caller.Next(), other = Other(one);
        RedisKey key = Key($"{Name}fresh:{unique}");
        await Caller.SendAsync(Caller.Once(Guid.NewGuid().ToString("N"), ["HSET", key, "kind", "fresh" + unique, "n", 1]), one);
        RedisResult[] found = await QueryAsync(other, "WHERE", $"kind = 'fresh{unique}'");
        Check.Equal($"1 {key}", $"{found[0].Number()} {string.Join(' ', found[2].Array().Select(r => r.Text()))}", "a query right behind the write");
        await Caller.SendAsync(Caller.Once(Guid.NewGuid().ToString("N"), ["DEL", key]), one);
        Check.Equal(0, (await QueryAsync(other, "WHERE", $"kind = 'fresh{unique}'"))[0].Number(), "a query right behind the removal");
        Interlocked.Increment(ref _seen);
        await PauseAsync(10);
    }

    /// <summary>A key comes, or gets another place, or goes.</summary>
    private async Task MoveAsync()
    {
        RedisKey key = Key($"{Name}{Random.Shared.Next(Steady):D3}m{Random.Shared.Next(Moving)}");
        if (Random.Shared.Next(3) == 0) await Caller.OnceAsync("DEL", key);
        else await Caller.OnceAsync("HSET", key, "kind", "moving", "n", Random.Shared.Next(1000));
        await PauseAsync(3);
    }

    /// <summary>By key, by number up and down; keys that move are among them.</summary>
    private async Task WalkAsync(int order)
    {
        object[] sort = order == 0 ? [] : ["SORT", 1, "n", order == 1 ? "ASC" : "DESC"];
        var found = new List<string>();
        string? cursor = null;
        do
        {
            object[] after = cursor is null ? [] : ["AFTER", cursor];
            RedisResult[] page = await QueryAsync(Caller.Next(), ["WHERE", "kind IN ('steady', 'moving')", .. sort, "LIMIT", 11, .. after]);
            found.AddRange(page[2].Array().Select(r => r.Text()![Name.Length..]));
            cursor = page[1].Text();
            Interlocked.Increment(ref _pages);
        }
        while (cursor is not null);
        string[] steady = [.. found.Where(k => k.Length == 3)];
        string[] right = [.. Enumerable.Range(0, Steady).OrderBy(i => order == 0 ? i : order == 1 ? i * 7919 % 1000 : -(i * 7919 % 1000)).ThenBy(i => i)
            .Select(i => i.ToString("D3", CultureInfo.InvariantCulture))];
        Check.Equal(string.Join(' ', right), string.Join(' ', steady), "the keys that were there all the time, in their order");
        Interlocked.Increment(ref _walks);
        await PauseAsync(10);
    }
}
