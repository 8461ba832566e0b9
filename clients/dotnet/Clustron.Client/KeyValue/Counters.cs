using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron;

/// <summary>Bounds and end of a counter's step.</summary>
public sealed record CounterOptions
{
    /// <summary>A step below it is not taken.</summary>
    public long? Min { get; init; }

    /// <summary>A step above it is not taken.</summary>
    public long? Max { get; init; }

    /// <summary>A step beyond a bound goes as far as the bound.</summary>
    public bool Saturate { get; init; }

    /// <summary>The counter ends so long after the step.</summary>
    public TimeSpan? Ttl { get; init; }

    /// <summary><see cref="Ttl"/> is set only if the counter has none: a window that begins with its first step.</summary>
    public bool TtlOnlyIfNone { get; init; }

    /// <summary>Makes the step safe to repeat, so that its outcome becomes known.</summary>
    public RequestId? Request { get; init; }
}

/// <summary>A counter behind a step.</summary>
/// <param name="Current">Its number.</param>
/// <param name="Added">What was added; 0: a bound was in the way, and nothing was changed.</param>
public readonly record struct CounterResult(long Current, long Added)
{
    /// <summary>The number before.</summary>
    public long Previous => Current - Added;
}

/// <summary>Atomic counters with bounds (INCREX). They are ordinary strings, so leases, locks, TTLs and watches work on them. Thread-safe.</summary>
public sealed class Counters
{
    private readonly Executor _executor;

    internal Counters(Executor executor) => _executor = executor;

    /// <summary>Adds a number, negative ones too; a counter that is not there begins at 0.</summary>
    public async Task<CounterResult> AddAsync(RedisKey key, long by = 1, CounterOptions? options = null, CancellationToken cancellation = default)
    {
        Command command = Step(key, by, options);
        RedisResult[] reply = (await _executor.WriteAsync(command, options?.Request, cancellation).ConfigureAwait(false)).Array(command, 2);
        return new CounterResult((long)reply[0], (long)reply[1]);
    }

    /// <summary>The number; null if there is no counter.</summary>
    public async Task<long?> GetAsync(RedisKey key, CancellationToken cancellation = default)
    {
        RedisResult reply = await _executor.AskAsync(Command.Get(key), Repeat.Read, cancellation).ConfigureAwait(false);
        return reply.IsNull ? null : (long)reply;
    }

    /// <summary>Sets the number, and drops a TTL. Has a request id of its own, by which it is repeated and done once.</summary>
    public Task SetAsync(RedisKey key, long number, CancellationToken cancellation = default) =>
        _executor.WriteAsync(Command.Set(key, number), RequestId.New(), cancellation);

    internal static Command Step(RedisKey key, long by, CounterOptions? options)
    {
        var arguments = new List<object> { key, "BYINT", by };
        if (options?.Min is { } min) arguments.AddRange(["LBOUND", min]);
        if (options?.Max is { } max) arguments.AddRange(["UBOUND", max]);
        if (options?.Saturate == true) arguments.Add("SATURATE");
        if (options?.Ttl is { } ttl) arguments.AddRange(["PX", (long)ttl.TotalMilliseconds]);
        if (options?.TtlOnlyIfNone == true)
            arguments.Add(options.Ttl is null ? throw new ArgumentException("TtlOnlyIfNone needs a Ttl.") : "ENX");
        return Command.Of("INCREX", [.. arguments]);
    }
}
