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
/// <remarks>
/// Of this process's calls, who waits is served in order, and nobody is asked for past him: while calls wait, others join them or are
/// refused. Between processes there is no order.
/// </remarks>
public sealed class ClustronRateLimiter : RateLimiter
{
    private static readonly TimeSpan LeastPause = TimeSpan.FromMilliseconds(5);

    private readonly Executor _executor;
    private readonly RedisKey _key;
    private readonly ClustronRateLimiterOptions _options;
    private readonly CounterOptions _counter;
    private readonly RateLimitQueue _queue;
    private readonly CancellationTokenSource _stop = new();
    private long _permitted, _refused, _idleSince;
    private Window _window;

    internal ClustronRateLimiter(Executor executor, RedisKey key, ClustronRateLimiterOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.PermitLimit, 1, nameof(options.PermitLimit));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Window, TimeSpan.FromMilliseconds(1), nameof(options.Window));
        ArgumentOutOfRangeException.ThrowIfNegative(options.QueueLimit, nameof(options.QueueLimit));
        (_executor, _key, _options) = (executor, key, options);
        _counter = new CounterOptions { Max = options.PermitLimit, Ttl = options.Window, TtlOnlyIfNone = true };
        _queue = new RateLimitQueue(options.QueueLimit);
        _window = new Window(options.PermitLimit, executor.Time.GetTimestamp());
        _idleSince = executor.Time.GetTimestamp();
    }

    /// <inheritdoc/>
    public override TimeSpan? IdleDuration => _queue.Permits > 0 ? null : _executor.Time.GetElapsedTime(Interlocked.Read(ref _idleSince));

    /// <summary>
    /// Of this process: each call counts once, when it has its answer. CurrentAvailablePermits is what the server told last, until that
    /// window's end; others may have taken them since.
    /// </summary>
    public override RateLimiterStatistics GetStatistics() => new()
    {
        CurrentAvailablePermits = LastTold(out TimeSpan left) is var available && left > TimeSpan.Zero ? available : _options.PermitLimit,
        CurrentQueuedCount = _queue.Permits,
        TotalSuccessfulLeases = Interlocked.Read(ref _permitted),
        TotalFailedLeases = Interlocked.Read(ref _refused),
    };

    /// <summary>Asks the server and blocks the thread until it answers: prefer AcquireAsync. While calls wait it is refused.</summary>
    protected override RateLimitLease AttemptAcquireCore(int permitCount)
    {
        Check(permitCount);
        return Count(_queue.IsEmpty ? Task.Run(() => AskAsync(permitCount, CancellationToken.None)).GetAwaiter().GetResult() : RefusedByQueue());
    }

    /// <inheritdoc/>
    protected override async ValueTask<RateLimitLease> AcquireAsyncCore(int permitCount, CancellationToken cancellationToken)
    {
        Check(permitCount);
        Grant grant = _queue.IsEmpty ? await AskAsync(permitCount, cancellationToken).ConfigureAwait(false) : RefusedByQueue();
        if (grant.IsAcquired || grant.IsFinal || permitCount == 0 || !_queue.TryJoin(permitCount, out RateLimitQueue.Place? place)) return Count(grant);
        try
        {
            return Count(await WaitAsync(place, grant, cancellationToken).ConfigureAwait(false));
        }
        finally
        {
            _queue.Leave(place);
        }
    }

    /// <summary>Calls that wait are refused; later ones throw.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _stop.Cancel();
        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    protected override ValueTask DisposeAsyncCore()
    {
        Dispose(true);
        return ValueTask.CompletedTask;
    }

    private void Check(int permitCount)
    {
        ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
        if (permitCount > _options.PermitLimit)
            throw new ArgumentOutOfRangeException(nameof(permitCount), permitCount, $"The limit of '{_key}' is {_options.PermitLimit}.");
    }

    private Grant Count(Grant grant)
    {
        Interlocked.Increment(ref grant.IsAcquired ? ref _permitted : ref _refused);
        return grant;
    }

    /// <summary>Waits for its turn, then for a window that has room.</summary>
    private async Task<Grant> WaitAsync(RateLimitQueue.Place place, Grant grant, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _stop.Token);
        try
        {
            // What was told before others had their turn is not so any more: it asks at once.
            bool outdated = !place.Turn.IsCompleted;
            await place.Turn.WaitAsync(either.Token).ConfigureAwait(false);
            for (; !grant.IsAcquired && !grant.IsFinal; outdated = false)
            {
                TimeSpan pause = !outdated && grant.RetryAfter > LeastPause ? grant.RetryAfter : LeastPause;
                await Task.Delay(pause, _executor.Time, either.Token).ConfigureAwait(false);
                grant = await AskAsync(place.Permits, either.Token).ConfigureAwait(false);
            }
            return grant;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return grant; // The limiter was disposed of.
        }
    }

    private async Task<Grant> AskAsync(int permitCount, CancellationToken cancellation)
    {
        Interlocked.Exchange(ref _idleSince, _executor.Time.GetTimestamp());
        // Asking for none tells whether there is one.
        Command step = permitCount == 0 ? Command.Get(_key) : Counters.Step(_key, permitCount, _counter);
        Command command = new TransactionBuilder().Then(step, Command.Of("PTTL", _key)).ToCommand();
        try
        {
            RedisResult reply = await _executor.AskAsync(command, Repeat.Safe, cancellation).ConfigureAwait(false);
            return GrantOf(command, permitCount, reply);
        }
        catch (Exception error) when (error is UncertainException or UnavailableException && _options.WhenUnavailable != WhenUnavailable.Throw)
        {
            return new Grant(_options.WhenUnavailable == WhenUnavailable.Permit, TimeSpan.FromSeconds(1), true);
        }
    }

    private Grant GrantOf(Command command, int permitCount, RedisResult reply)
    {
        IReadOnlyList<RedisResult> steps = TransactionBuilder.Read(command, reply).Replies;
        RedisResult[]? step = permitCount == 0 ? null : steps[0].Array(command, 2);
        long taken = step is not null ? (long)step[0] : steps[0].IsNull ? 0 : (long)steps[0];
        bool acquired = step is null ? taken < _options.PermitLimit : (long)step[1] == permitCount;
        TimeSpan left = TimeSpan.FromMilliseconds(Math.Max(0, (long)steps[1]));
        long end = _executor.Time.GetTimestamp() + (long)(left.TotalSeconds * _executor.Time.TimestampFrequency);
        Volatile.Write(ref _window, new Window(_options.PermitLimit - taken, end));
        return new Grant(acquired, left, false);
    }

    /// <summary>Others wait: nobody overtakes them.</summary>
    private Grant RefusedByQueue()
    {
        LastTold(out TimeSpan left);
        return new Grant(false, left, false);
    }

    private long LastTold(out TimeSpan left)
    {
        Window window = Volatile.Read(ref _window);
        left = _executor.Time.GetElapsedTime(_executor.Time.GetTimestamp(), window.End);
        if (left < TimeSpan.Zero) left = TimeSpan.Zero;
        return Math.Max(0, window.Available);
    }

    /// <param name="Available">Permits that were left.</param>
    /// <param name="End">Timestamp.</param>
    private sealed record Window(long Available, long End);

    /// <param name="acquired">It is a permit.</param>
    /// <param name="retryAfter">When it may be one.</param>
    /// <param name="final">Nobody could be asked, and that is the answer.</param>
    private sealed class Grant(bool acquired, TimeSpan retryAfter, bool final) : RateLimitLease
    {
        public override bool IsAcquired => acquired;
        public TimeSpan RetryAfter => retryAfter;
        public bool IsFinal => final;
        public override IEnumerable<string> MetadataNames => acquired ? [] : [MetadataName.RetryAfter.Name];

        public override bool TryGetMetadata(string metadataName, out object? metadata)
        {
            metadata = !acquired && metadataName == MetadataName.RetryAfter.Name ? retryAfter : null;
            return metadata is not null;
        }
    }
}
