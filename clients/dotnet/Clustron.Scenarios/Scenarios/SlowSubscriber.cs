using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Clustron.Testing;
using StackExchange.Redis;

namespace Clustron.Scenarios;

/// <summary>
/// Scenario 6: a connection that takes in less than a watch tells. Its other commands go on (with RESP3 on the very same connection); the
/// subscriber is told of a gap, closes it by SINCE, and misses nothing; the connection is not closed for it. It has a multiplexer of its own, to
/// one node that does not lead.
/// </summary>
internal sealed class SlowSubscriber(Pass pass) : Scenario(pass)
{
    /// <summary>A burst is more than the kernel's buffers and the server's together keep for a connection, however slowly it is written.</summary>
    private const int ValueBytes = 60_000, Burst = 160, RateInABurst = 100_000, RateBehindIt = 2_000_000;
    private readonly ConcurrentDictionary<long, byte> _written = new(), _known = new();
    private readonly Channel<string> _heads = Channel.CreateUnbounded<string>();
    private readonly List<double> _latencies = [];
    private readonly TaskCompletionSource _leaderDies = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _seen;
    private int _gaps, _messages, _closed;

    public override int Number => 6;
    public override string Title => "slow subscriber";
    public override int StepsBehindAKill => 1;

    public override Task BeforeKillAsync()
    {
        _leaderDies.TrySetResult();
        return Task.CompletedTask;
    }

    public override async Task<string> RunAsync()
    {
        ClustronNode leader = await Pass.Server.LeaderAsync();
        ClustronNode node = Pass.Server.Nodes.First(n => n != leader);
        var tunnel = new SlowTunnel(Pass.Kind.Protocol);
        ConfigurationOptions options = Pass.Options(Pass.Kind, node.Endpoint);
        options.Tunnel = tunnel;
        options.AsyncTimeout = options.SyncTimeout = (int)Check.Patience.TotalMilliseconds;
        await using ConnectionMultiplexer slow = await ConnectionMultiplexer.ConnectAsync(options);
        slow.ConnectionFailed += (_, _) => Interlocked.Increment(ref _closed);
        _seen = (await Caller.CallAsync("WATCHKEY", "REV")).Array()[0].Number();
        await slow.GetSubscriber().SubscribeAsync(RedisChannel.Literal($"__watch@0__:p:{Name}value"), (_, message) => _heads.Writer.TryWrite(HeadOf(message)));
        Task following = FollowAsync();
        tunnel.BytesPerSecond = RateBehindIt;
        using var done = new CancellationTokenSource();
        Task calling = CallAsync(slow, done.Token);
        await WriteUntilAGapAsync(tunnel, following, calling);
        Step();
        await Task.WhenAny(_leaderDies.Task, calling, following).WaitAsync(Check.Patience);
        await WriteUntilAGapAsync(tunnel, following, calling);
        await done.CancelAsync();
        await calling;
        tunnel.BytesPerSecond = 0;
        await Check.UntilAsync(() => following.IsFaulted || Interlocked.Read(ref _seen) >= _written.Keys.Max(), "the newest revision");
        _heads.Writer.Complete();
        await following;
        long[] missed = [.. _written.Keys.Where(r => !_known.ContainsKey(r)).Order()];
        Check.That(missed.Length == 0, $"{missed.Length} of {_written.Count} revisions were neither told nor in a gap, the first is {missed.FirstOrDefault()}");
        int kills = Pass.Kills.GetValueOrDefault(node.Port);
        Check.That(kills > 0 || _closed == 0, $"the connection was closed {_closed} times");
        double[] sorted = [.. _latencies.Order()];
        return string.Create(CultureInfo.InvariantCulture, $"""
            {_written.Count} changes of {ValueBytes} bytes, {_messages} told, {_gaps} gaps; {sorted.Length} commands beside them: median {sorted[sorted.Length / 2]:F0} ms, p99 {sorted[(int)(sorted.Length * 0.99)]:F0} ms, worst {sorted[^1]:F0} ms
            """);
    }

    /// <summary>Of a message all that is needed here: its first line.</summary>
    private static string HeadOf(RedisValue message) => Encoding.UTF8.GetString(((byte[])message!).TakeWhile(b => b != '\n').ToArray());

    /// <summary>Bursts of changes until the subscriber is told of a gap, and its client has an answer behind that.</summary>
    private async Task WriteUntilAGapAsync(SlowTunnel tunnel, Task following, Task calling)
    {
        string value = new('x', ValueBytes);
        int gaps = Volatile.Read(ref _gaps);
        bool Told() => following.IsFaulted || calling.IsFaulted || Volatile.Read(ref _gaps) > gaps;
        for (int burst = 1; !Told(); ++burst)
        {
            Check.That(burst < 4, "no gap is told, however much is written");
            tunnel.BytesPerSecond = RateInABurst;
            await Parallel.ForAsync(0, Burst * burst, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
            {
                RedisResult[] reply = (await Caller.OnceAsync("TXN", "THEN", 1, 3, "SET", Key($"{Name}value{i}"), value)).Array();
                _written[reply[1].Number()] = 0;
            });
            // It is told when the connection has taken in what was kept for it.
            tunnel.BytesPerSecond = RateBehindIt;
            long began = Stopwatch.GetTimestamp();
            await Check.UntilAsync(() => Told() || Stopwatch.GetElapsedTime(began).TotalSeconds > 15, "a gap");
        }
        long steps = Steps;
        await Check.UntilAsync(() => following.IsFaulted || calling.IsFaulted || Steps > steps, "an answer behind a gap");
    }

    /// <summary>Other commands of the slow client.</summary>
    private async Task CallAsync(ConnectionMultiplexer slow, CancellationToken done)
    {
        var caller = new Caller(slow);
        for (long i = 1; !done.IsCancellationRequested; ++i)
        {
            long sent = Stopwatch.GetTimestamp();
            Check.Equal(i, (await caller.OnceAsync("INCR", Key(Name + "count"))).Number(), "a count of the slow client's");
            _latencies.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
            Step(int.MaxValue); // The first gap says that it has begun.
            await Task.Delay(10, done).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    /// <summary>
    /// As a subscriber does: told revisions rise; where something may be missing (a gap, a new beginning of the channel, a revision before that is
    /// not known) SINCE is asked. Notes all that is known in the end.
    /// </summary>
    private async Task FollowAsync()
    {
        await foreach (string head in _heads.Reader.ReadAllAsync())
        {
            string[] words = head.Split(' ');
            bool told = char.IsAsciiDigit(head[0]);
            Check.That(told || words[0] is "gap" or "sync", $"the channel tells '{head}'");
            long to = long.Parse(words[told ? 0 : ^1], CultureInfo.InvariantCulture), seen = Interlocked.Read(ref _seen);
            if (words[0] == "gap") Interlocked.Increment(ref _gaps);
            if (told) Check.That(to > seen, $"revision {to} was told behind {seen}");
            if (to > seen && !(told && long.Parse(words[1], CultureInfo.InvariantCulture) <= seen)) await CloseAsync(seen, to);
            if (told) _known[to] = 0;
            if (told) Interlocked.Increment(ref _messages);
            Interlocked.Exchange(ref _seen, Math.Max(seen, to));
        }
    }

    /// <summary>What the history has behind a revision, up to another one.</summary>
    private async Task CloseAsync(long seen, long to)
    {
        while (seen < to)
        {
            RedisResult[] reply = (await Caller.CallAsync("WATCHKEY", "SINCE", seen, "PREFIX", Name + "value")).Array();
            foreach (long revision in reply[1].Array().Select(r => r.Array()[0].Number()).Where(r => r <= to)) _known[revision] = 0;
            seen = reply[0].Number();
        }
    }
}
