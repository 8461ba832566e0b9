using System.Diagnostics;
using StackExchange.Redis;

namespace Clustron.Scenarios;

/// <param name="Result">The reply.</param>
/// <param name="FirstSent">Before the first attempt was sent.</param>
/// <param name="Sent">Before the attempt that was answered was sent.</param>
internal readonly record struct Answer(RedisResult Result, long FirstSent, long Sent)
{
    public bool Repeated => FirstSent != Sent;
}

/// <summary>
/// StackExchange.Redis by itself: raw commands over the one multiplexer, each to the next node. What has no answer is sent again until it has
/// one, so only what may be sent again goes through it: reads, what has an id or owner, and what stands in ONCE. Thread-safe.
/// </summary>
internal sealed class Caller(IConnectionMultiplexer multiplexer)
{
    private const long KeepMs = 600_000;
    private int _turn;
    private long _repeats;

    /// <summary>How many attempts had no answer.</summary>
    public long Repeats => Interlocked.Read(ref _repeats);

    /// <summary>A command that may be sent again as it is.</summary>
    public async Task<RedisResult> CallAsync(params object[] words) => (await SendAsync(words)).Result;

    /// <summary>A write under a request id of its own.</summary>
    public Task<RedisResult> OnceAsync(params object[] words) => CallAsync(Once(Guid.NewGuid().ToString("N"), words));

    public static object[] Once(string id, object[] words) => ["ONCE", id, KeepMs, .. words];

    /// <param name="words">The command.</param>
    /// <param name="first">The node that is asked first; null: the next one.</param>
    /// <param name="isFinal">Of an error that the server answers: it is an answer. Null: what no repeat changes.</param>
    public async Task<Answer> SendAsync(object[] words, IServer? first = null, Func<string, bool>? isFinal = null)
    {
        long firstSent = Stopwatch.GetTimestamp();
        for (int attempt = 0;; ++attempt)
        {
            IServer server = attempt == 0 && first is not null ? first : Next();
            Exception? failure;
            long sent = attempt == 0 ? firstSent : Stopwatch.GetTimestamp();
            try
            {
                return new Answer(await server.ExecuteAsync(0, (string)words[0], words[1..]), firstSent, sent);
            }
            catch (RedisServerException error) when (!(isFinal ?? IsFinal)(error.Message)) { failure = error; }
            catch (Exception error) when (IsLost(error)) { failure = error; }
            Interlocked.Increment(ref _repeats);
            if (Stopwatch.GetElapsedTime(firstSent) > Check.Patience)
                throw new CheckFailedException($"no answer to {string.Join(' ', words.Take(6))} within {Check.Patience.TotalSeconds} s", failure);
            await Task.Delay(Random.Shared.Next(10, 100));
        }
    }

    /// <summary>The error that is the answer; empty: there was none, it was done.</summary>
    public async Task<string> ErrorAsync(params object[] words)
    {
        try
        {
            await CallAsync(words);
            return "";
        }
        catch (RedisServerException error)
        {
            return error.Message;
        }
    }

    /// <summary>The next node that is connected, in turn.</summary>
    public IServer Next()
    {
        IServer[] servers = multiplexer.GetServers();
        int turn = Interlocked.Increment(ref _turn) & int.MaxValue;
        IServer[] connected = [.. servers.Where(s => s.IsConnected)];
        return connected.Length > 0 ? connected[turn % connected.Length] : servers[turn % servers.Length];
    }

    private static bool IsFinal(string error) => error.Split(' ')[0] is not ("UNCERTAIN" or "CLUSTERDOWN" or "BUSY" or "LOADING");

    /// <summary>The connection broke, or nothing came in time: it may have happened, and may yet.</summary>
    public static bool IsLost(Exception error) => error switch
    {
        RedisServerException => false,
        // Of the pipe to a connection that has just broken.
        InvalidOperationException { Source: "System.IO.Pipelines" } => true,
        RedisException or TimeoutException or IOException or OperationCanceledException or ObjectDisposedException => true,
        _ => false,
    };
}

internal static class Replies
{
    public static RedisResult[] Array(this RedisResult reply)
    {
        Check.That(reply.Resp2Type == ResultType.Array && !reply.IsNull, $"an array is wanted, this came: {reply.Shown()}");
        return (RedisResult[])reply!;
    }

    public static long Number(this RedisResult reply) => (long)reply;

    public static string? Text(this RedisResult reply) => reply.IsNull ? null : (string?)reply;

    /// <summary>All of it as text, to compare two.</summary>
    public static string Shown(this RedisResult reply) => reply.IsNull ? "nil"
        : reply.Resp2Type == ResultType.Array ? "[" + string.Join(' ', ((RedisResult[])reply!).Select(Shown)) + "]"
        : $"{reply}";
}
