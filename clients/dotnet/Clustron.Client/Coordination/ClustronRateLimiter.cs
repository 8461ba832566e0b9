using System.Threading.RateLimiting;
using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron;

/// <summary>What a rate limiter answers when the cluster can't be reached.</summary>
public enum WhenUnavailable
{
    /// <summary>The exception is thrown.</summary>
    Throw,

    /// <summary>No permit.</summary>
    Refuse,

    /// <summary>A permit: the limit is not kept meanwhile.</summary>
    Permit,
}

/// <summary>Settings of a <see cref="ClustronRateLimiter"/>.</summary>
public sealed record ClustronRateLimiterOptions
{
    /// <summary>So many permits are given, to all processes together, …</summary>
    public required int PermitLimit { get; init; }

    /// <summary>… in each window of this length. A window begins with its first permit.</summary>
    public required TimeSpan Window { get; init; }

    /// <summary>How many permits calls of AcquireAsync may wait for in this process; 0: none waits.</summary>
    public int QueueLimit { get; init; }

    /// <summary>When the cluster can't be reached.</summary>
    public WhenUnavailable WhenUnavailable { get; init; } = WhenUnavailable.Throw;
}

/// <summary>
/// A rate limit that all processes share: a counter with a bound and an end (INCREX … UBOUND … PX … ENX), so one round trip a permit.
/// Thread-safe. What is sent twice after a lost answer counts twice: the limit is never exceeded.
/// </summary>
public sealed class ClustronRateLimiter : RateLimiter
{
    private static readonly TimeSpan LeastPause = TimeSpan.FromMilliseconds(5);

    private readonly Executor _executor;
    private readonly RedisKey _key;
    private readonly ClustronRateLimiterOptions _options;
    private readonly SemaphoreSlim _turn = new(1, 1); // who waits, waits in order
    private readonly CounterOptions _counter;
    private long _queued, _permitted, _refused;
    private long _idleSince;

    internal ClustronRateLimiter(Executor executor, RedisKey key, ClustronRateLimiterOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.PermitLimit, 1, nameof(options.PermitLimit));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Window, TimeSpan.FromMilliseconds(1), nameof(options.Window));
        ArgumentOutOfRangeException.ThrowIfNegative(options.QueueLimit, nameof(options.QueueLimit));
        (_executor, _key, _options) = (executor, key, options);
        _counter = new CounterOptions { Max = options.PermitLimit, Ttl = options.Window, TtlOnlyIfNone = true };
        _idleSince = executor.Time.GetTimestamp();
    }

    /// <inheritdoc/>
    public override TimeSpan? IdleDuration => Interlocked.Read(ref _queued) > 0 ? null : _executor.Time.GetElapsedTime(Interlocked.Read(ref _idleSince));

    /// <summary>Of this process. CurrentAvailablePermits is not known without asking, and told as 0.</summary>
    public override RateLimiterStatistics GetStatistics() => new()
    {
        CurrentAvailablePermits = 0,
        CurrentQueuedCount = Interlocked.Read(ref _queued),
        TotalSuccessfulLeases = Interlocked.Read(ref _permitted),
        TotalFailedLeases = Interlocked.Read(ref _refused),
    };

    /// <summary>Asks the server and blocks the thread until it answers: prefer AcquireAsync.</summary>
    protected override RateLimitLease AttemptAcquireCore(int permitCount) =>
        Task.Run(() => TryAsync(permitCount, CancellationToken.None)).GetAwaiter().GetResult();

    /// <inheritdoc/>
    protected override async ValueTask<RateLimitLease> AcquireAsyncCore(int permitCount, CancellationToken cancellationToken)
    {
        Grant grant = await TryAsync(permitCount, cancellationToken).ConfigureAwait(false);
        if (grant.IsAcquired || permitCount == 0 || !TryQueue(permitCount)) return grant;
        try
        {
            await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                while (!grant.IsAcquired)
                {
                    TimeSpan pause = grant.RetryAfter > LeastPause ? grant.RetryAfter : LeastPause;
                    await Task.Delay(pause, _executor.Time, cancellationToken).ConfigureAwait(false);
                    grant = await TryAsync(permitCount, cancellationToken).ConfigureAwait(false);
                }
                return grant;
            }
            finally
            {
                _turn.Release();
            }
        }
        finally
        {
            Interlocked.Add(ref _queued, -permitCount);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _turn.Dispose();
        base.Dispose(disposing);
    }

    private bool TryQueue(int permitCount)
    {
        if (Interlocked.Add(ref _queued, permitCount) <= _options.QueueLimit) return true;
        Interlocked.Add(ref _queued, -permitCount);
        return false;
    }

    private async Task<Grant> TryAsync(int permitCount, CancellationToken cancellation)
    {
        if (permitCount > _options.PermitLimit)
            throw new ArgumentOutOfRangeException(nameof(permitCount), permitCount, $"The limit of '{_key}' is {_options.PermitLimit}.");
        Interlocked.Exchange(ref _idleSince, _executor.Time.GetTimestamp());
        // Asking for none tells whether there is one.
        Command step = permitCount == 0 ? Command.Get(_key) : Counters.Step(_key, permitCount, _counter);
        Command command = new TransactionBuilder().Then(step, Command.Of("PTTL", _key)).ToCommand();
        Grant grant;
        try
        {
            RedisResult reply = await _executor.AskAsync(command, Repeat.Safe, cancellation).ConfigureAwait(false);
            grant = GrantOf(command, permitCount, reply);
        }
        catch (Exception error) when (error is UncertainException or UnavailableException && _options.WhenUnavailable != WhenUnavailable.Throw)
        {
            grant = new Grant(_options.WhenUnavailable == WhenUnavailable.Permit, TimeSpan.FromSeconds(1));
        }
        Interlocked.Increment(ref grant.IsAcquired ? ref _permitted : ref _refused);
        return grant;
    }

    private Grant GrantOf(Command command, int permitCount, RedisResult reply)
    {
        IReadOnlyList<RedisResult> steps = TransactionBuilder.Read(command, reply).Replies;
        bool acquired = permitCount == 0
            ? steps[0].IsNull || (long)steps[0] < _options.PermitLimit
            : (long)steps[0].Array(command, 2)[1] == permitCount;
        long left = (long)steps[1];
        return new Grant(acquired, left > 0 ? TimeSpan.FromMilliseconds(left) : TimeSpan.Zero);
    }

    private sealed class Grant(bool acquired, TimeSpan retryAfter) : RateLimitLease
    {
        public override bool IsAcquired => acquired;
        public TimeSpan RetryAfter => retryAfter;
        public override IEnumerable<string> MetadataNames => acquired ? [] : [MetadataName.RetryAfter.Name];

        public override bool TryGetMetadata(string metadataName, out object? metadata)
        {
            metadata = !acquired && metadataName == MetadataName.RetryAfter.Name ? retryAfter : null;
            return metadata is not null;
        }
    }
}
